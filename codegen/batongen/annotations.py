"""What the annotations of a declaration say, and which of them make sense where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import habits
from .diagnostics import Diagnostics, Note
from .evaluate import KIND_TEXT
from .model import Hints, Value
from .source import Span
from .syntax import Annotation, Argument, BadExpr, Expr, Literal, NameExpr, Unary

_MAX_TOPIC_BYTES = 200
_TOPIC = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class _Known:
    """An annotation: the declarations it may stand at, its parameters with the kinds of literal that each takes, and
    whether they have to be given. One parameter alone may be given without its name."""

    places: tuple[str, ...]
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    optional: bool = False


_NUMBER = ("int", "float")
_TYPES = ("struct", "union", "enum", "bitmask")
_FLAG = {"value": ("bool",)}
# The keys of @baton. For other IDL tools a file declares them; here it is never read.
ANNOTATIONS_FILE = "baton/annotations.idl"
BATON_KEYS = {"layout": ("string",), "max_size": ("int",), "depth": ("int",), "history": ("int",),
              "overflow": ("string",)}
_MOST = {"max_size": 1 << 40, "depth": 65_536, "history": 65_536}
_OVERFLOWS = ("drop_oldest", "drop_newest", "reject", "block")
_LAYOUTS = ("fixed", "raw", "table")
_KNOWN = {
    "topic": _Known(("struct",), {"name": ("string",)}, optional=True),
    "final": _Known(_TYPES),
    "appendable": _Known(_TYPES),
    "nested": _Known(("struct", "union"), _FLAG, optional=True),
    "default": _Known(("member",), {"value": ("int", "float", "bool", "char", "string")}),
    "optional": _Known(("member",), _FLAG, optional=True),
    "range": _Known(("member", "case"), {"min": _NUMBER, "max": _NUMBER}),
    "min": _Known(("member", "case"), {"value": _NUMBER}),
    "max": _Known(("member", "case"), {"value": _NUMBER}),
    "unit": _Known(("member", "case"), {"value": ("string",)}),
    "key": _Known(("member",), _FLAG, optional=True),
    "id": _Known(("member",), {"value": ("int",)}),
    "value": _Known(("enumerator",), {"value": ("int",)}),
    "default_literal": _Known(("enumerator",)),
    "bit_bound": _Known(("enum", "bitmask"), {"value": ("int",)}),
    "position": _Known(("flag",), {"value": ("int",)}),
    "service": _Known(("interface", "struct")),
    "baton": _Known(("struct",), BATON_KEYS, optional=True),
}
_UNSUPPORTED = {
    "mutable": "'@mutable' is not supported; use @appendable",
    "external": "'@external' is not supported; messages hold their members by value",
}
_IGNORED = frozenset(
    "ami autoid data_representation extensibility hashid must_understand non_serialized oneway topic_platform "
    "try_construct verbatim".split())
WITH_ARGUMENTS = frozenset((*_KNOWN, *_UNSUPPORTED))  # the arguments of the others are not read
_PLACE_TEXT = {"struct": "a struct", "union": "a union", "enum": "an enum", "member": "a member",
               "enumerator": "an enumerator", "bitmask": "a bitmask", "flag": "a flag of a bitmask", "case": "a member of a union",
               "interface": "an interface", "operation": "an operation", "parameter": "a parameter",
               "forward": "a forward declaration", "module": "a module", "const": "a constant", "typedef": "a typedef"}


@dataclass(frozen=True, slots=True)
class Setting:
    """An annotation that holds: the value of each argument, and the place to complain about it. A @default without a
    value is one that is no literal: what to say about it depends on the member's type."""

    span: Span
    arguments: dict[str, tuple[Value | None, Span]]
    hint: str = ""

    @property
    def value(self) -> Value | None:
        """Of the only argument."""
        return next(iter(self.arguments.values()))[0]

    @property
    def value_span(self) -> Span:
        return next(iter(self.arguments.values()))[1]


def read(annotations: tuple[Annotation, ...], place: str, diagnostics: Diagnostics) -> dict[str, Setting]:
    """The annotations that mean something at this place, by name; the others are reported."""
    settings: dict[str, Setting] = {}
    for annotation in annotations:
        name = annotation.name
        if name in _UNSUPPORTED:
            diagnostics.error(annotation.span, "unsupported", _UNSUPPORTED[name])
        elif name in _IGNORED:
            diagnostics.warning(annotation.span, "ignored-annotation", f"'@{name}' has no effect (yet)")
        elif name not in _KNOWN:
            hint = f"; write @baton(layout=\"{name}\")" if name in _LAYOUTS else diagnostics.suggestion(name, _KNOWN)
            diagnostics.warning(annotation.span, "unknown-annotation", f"'@{name}' means nothing to batongen{hint}")
        elif place not in _KNOWN[name].places:
            allowed = " or ".join(_PLACE_TEXT[p] for p in _KNOWN[name].places)
            diagnostics.error(annotation.span, "misplaced-annotation",
                              f"'@{name}' belongs to {allowed}, not to {_PLACE_TEXT[place]}")
        elif name in settings:
            diagnostics.error(annotation.span, "duplicate-annotation", f"'@{name}' is given twice",
                              Note(settings[name].span, "the first one is here"))
        else:
            setting = _setting(annotation, _KNOWN[name], diagnostics)
            if setting is not None:
                settings[name] = setting
    if "final" in settings and "appendable" in settings:
        diagnostics.error(settings["appendable"].span, "extensibility", "a type is either @final or @appendable",
                          Note(settings["final"].span, "@final is here"))
    if "topic" in settings and "name" in settings["topic"].arguments:
        _check_topic(settings["topic"], diagnostics)
    if "baton" in settings:
        _check_baton(settings["baton"], diagnostics)
    return settings


def ignore(settings: dict[str, Setting], name: str, why: str, diagnostics: Diagnostics) -> None:
    if name in settings:
        diagnostics.warning(settings[name].span, "ignored-annotation", f"'@{name}' has no effect: {why}")


def _setting(annotation: Annotation, known: _Known, diagnostics: Diagnostics) -> Setting | None:
    ok = True
    given: dict[str, tuple[Value | None, Span]] = {}
    hint = ""
    if not annotation.arguments and annotation.span.text.endswith(")"):
        diagnostics.error(annotation.span, "annotation-argument", f"empty parentheses; write '@{annotation.name}' without them, or "
                          "an argument into them")
        return None
    for argument in annotation.arguments:
        if _is_reported(argument.value):
            ok = False
            continue
        name = argument.name.text if argument.name is not None else "".join(known.parameters)
        positional = argument.name is None and len(known.parameters) != 1
        if positional or name not in known.parameters or name in given:
            ok = False
            _report_argument(annotation, argument, known, diagnostics)
            if positional:
                break  # the others are likely to be so too
            continue
        expr = argument.value
        literal = literal_value(expr)
        kinds = known.parameters[name]
        if annotation.name != "default" and (literal is None or literal.kind not in kinds):
            ok = False
            what = "a number" if kinds == _NUMBER else f"{KIND_TEXT[kinds[0]]} literal"
            diagnostics.error(expr.span, "annotation-argument", f"'{_title(annotation, argument)}' takes {what}"
                              f"{', not an expression' if literal is None else ''}{_hint(expr)}")
            continue
        given[name] = (literal, expr.span)
        hint = _hint(expr)
    missing = [name for name in known.parameters if name not in given]
    if ok and missing and not known.optional:
        forms = [f"{name}={_FORMS[known.parameters[name]]}" if name != "value" else "..." for name in known.parameters]
        diagnostics.error(annotation.span, "annotation-argument", f"'@{annotation.name}' needs its "
                          f"{'arguments' if len(forms) > 1 else 'argument'}: @{annotation.name}({', '.join(forms)})")
        return None
    if not given:
        given["value"] = (Value("bool", True), annotation.span)
    return Setting(annotation.span, given, hint) if ok else None


_FORMS = {("string",): '"..."', _NUMBER: "..."}


def _title(annotation: Annotation, argument: Argument) -> str:
    return f"{argument.name.text} of @{annotation.name}" if annotation.name == "baton" and argument.name else (
        f"@{annotation.name}")


def _is_reported(expr: Expr) -> bool:
    return isinstance(expr, BadExpr) or (isinstance(expr, Unary) and _is_reported(expr.operand))


def _hint(expr: Expr) -> str:
    return habits.constant_hint(str(expr.name)) if isinstance(expr, NameExpr) else ""


def _report_argument(annotation: Annotation, argument: Argument, known: _Known, diagnostics: Diagnostics) -> None:
    names = list(known.parameters)
    if not names:
        message = f"'@{annotation.name}' takes no arguments"
    elif argument.name is None and len(names) > 1:
        message = f"the arguments of '@{annotation.name}' have names: {', '.join(f'{name}=...' for name in names)}"
    elif argument.name is None or argument.name.text in names:
        message = f"'@{annotation.name}' takes one argument" if len(names) == 1 else (
            f"'{argument.name.text}' is given twice")
    else:
        hint = diagnostics.suggestion(argument.name.text, names)
        only = f"only '{names[0]}'" if len(names) == 1 else f"but {', '.join(names)}"
        message = f"'@{annotation.name}' has no argument '{argument.name.text}', {only}{hint}"
        if annotation.name == "topic":
            message += "; the quality of service is set in code or in the configuration"
    diagnostics.error(argument.span, "annotation-argument", message)


def literal_value(expr: Expr) -> Value | None:
    """The value of an expression that is a literal, or a number with a sign."""
    sign = 1
    if isinstance(expr, Unary) and expr.op in "+-":
        sign = -1 if expr.op == "-" else 1
        expr = expr.operand
        if not (isinstance(expr, Literal) and expr.kind in ("int", "float")):
            return None
    if not isinstance(expr, Literal):
        return None
    return Value(expr.kind, sign * expr.value if expr.kind in ("int", "float") else expr.value)


def _check_topic(setting: Setting, diagnostics: Diagnostics) -> None:
    name = setting.value.data.decode("utf-8", errors="replace")
    if len(setting.value.data) > _MAX_TOPIC_BYTES:
        diagnostics.error(setting.value_span, "topic-name", f"this topic name has {len(setting.value.data)} bytes; "
                          f"at most {_MAX_TOPIC_BYTES} are allowed")
    elif not _TOPIC.fullmatch(name):
        diagnostics.error(setting.value_span, "topic-name", f"'{name}' is not a topic name: words of A-Z, a-z, 0-9 and "
                          "'_', joined by '/'")


def _check_baton(setting: Setting, diagnostics: Diagnostics) -> None:
    for key, (value, span) in setting.arguments.items():
        text = value.data.decode("utf-8", errors="replace") if value.kind == "string" else ""
        if key == "layout":
            _check_layout(text, span, diagnostics)
        elif key == "overflow" and text not in _OVERFLOWS:
            diagnostics.error(span, "annotation-argument", f"there is no overflow '{text}', but {', '.join(_OVERFLOWS)}"
                              f"{diagnostics.suggestion(text, _OVERFLOWS)}")
        elif key in _MOST and not 1 <= value.data <= _MOST[key]:
            diagnostics.error(span, "annotation-argument", f"'{key}' is from 1 to {_MOST[key]}, not {value.data}")
        elif key == "max_size":
            if layout_of(setting) == "fixed":
                diagnostics.warning(span, "ignored-annotation", "'max_size' has no effect: all messages of a fixed type have "
                                    "one size")


def layout_of(setting: Setting | None) -> str:
    """The layout that @baton asks for. (One that there is not has been reported.)"""
    given = setting.arguments.get("layout") if setting is not None else None
    layout = given[0].data.decode("utf-8", errors="replace") if given is not None else _LAYOUTS[0]
    return layout if layout in _LAYOUTS else _LAYOUTS[0]


def hints_of(setting: Setting | None) -> Hints:
    given = {key: value.data for key, (value, _) in setting.arguments.items()} if setting is not None else {}
    overflow = given.get("overflow")
    return Hints(given.get("depth"), given.get("history"), overflow.decode(errors="replace") if overflow is not None else None)


def _check_layout(layout: str, span: Span, diagnostics: Diagnostics) -> None:
    if layout not in _LAYOUTS:
        hint = diagnostics.suggestion(layout, _LAYOUTS)
        diagnostics.error(span, "annotation-argument", f"there is no layout '{layout}'{hint}")
