"""What the annotations of a declaration say, and which of them make sense where."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import habits
from .diagnostics import Diagnostics, Note
from .evaluate import KIND_TEXT
from .model import Value
from .source import Span
from .syntax import Annotation, Argument, BadExpr, Expr, Literal, NameExpr, Unary

_MAX_TOPIC_BYTES = 200
_TOPIC = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class _Known:
    """An annotation: the declarations it may stand at, and its parameter, if it has one."""

    places: tuple[str, ...]
    parameter: str = ""
    kinds: tuple[str, ...] = ()  # of literals that the parameter takes
    optional: bool = False


_ANY = ("int", "float", "bool", "char", "string")
_KNOWN = {
    "topic": _Known(("struct",), "name", ("string",)),
    "final": _Known(("struct", "enum", "bitmask")),
    "nested": _Known(("struct",), "value", ("bool",), optional=True),
    "default": _Known(("member",), "value", _ANY),
    "unit": _Known(("member",), "value", ("string",)),
    "key": _Known(("member",), "value", ("bool",), optional=True),
    "value": _Known(("enumerator",), "value", ("int",)),
    "default_literal": _Known(("enumerator",)),
    "bit_bound": _Known(("enum", "bitmask"), "value", ("int",)),
    "position": _Known(("flag",), "value", ("int",)),
    "baton": _Known(("struct",), "layout", ("string",), optional=True),
}
_UNSUPPORTED = {
    "appendable": "every type is @final",
    "mutable": "every type is @final",
    "optional": "use a boolean member that says whether the value counts",
    "external": "messages hold their members by value",
    "service": "use a topic for the request and one for the reply",
}
_IGNORED = frozenset(
    "ami autoid data_representation extensibility hashid id max min must_understand non_serialized oneway range "
    "topic_platform try_construct verbatim".split())
_PLACE_TEXT = {"struct": "a struct", "enum": "an enum", "member": "a member", "enumerator": "an enumerator", "bitmask": "a bitmask", "flag": "a flag of a bitmask",
               "module": "a module", "const": "a constant", "typedef": "a typedef"}


@dataclass(frozen=True, slots=True)
class Setting:
    """An annotation that holds: its value, and the places to complain about it. A @default without a value is one that
    is no literal: what to say about it depends on the member's type."""

    value: Value | None
    span: Span
    value_span: Span
    hint: str = ""


def read(annotations: tuple[Annotation, ...], place: str, diagnostics: Diagnostics) -> dict[str, Setting]:
    """The annotations that mean something at this place, by name; the others are reported."""
    settings: dict[str, Setting] = {}
    for annotation in annotations:
        name = annotation.name
        if name in _UNSUPPORTED:
            diagnostics.error(annotation.span, "unsupported",
                              f"'@{name}' is not supported (yet); {_UNSUPPORTED[name]}")
        elif name in _IGNORED:
            diagnostics.warning(annotation.span, "ignored-annotation", f"'@{name}' has no effect (yet)")
        elif name not in _KNOWN:
            hint = diagnostics.suggestion(name, _KNOWN)
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
    if "topic" in settings:
        _check_topic(settings["topic"], diagnostics)
    if "baton" in settings:
        _check_layout(settings["baton"], diagnostics)
    return settings


def _setting(annotation: Annotation, known: _Known, diagnostics: Diagnostics) -> Setting | None:
    yes = Setting(Value("bool", True), annotation.span, annotation.span)
    ok = True
    result: Setting | None = None
    for argument in annotation.arguments:
        unknown = argument.name is not None and argument.name.text != known.parameter
        if unknown or not known.parameter or result is not None:
            ok = False
            _report_argument(annotation, argument, known, diagnostics)
            continue
        expr = argument.value
        literal = literal_value(expr)
        if _is_reported(expr):
            ok = False
            continue
        if annotation.name != "default" and (literal is None or literal.kind not in known.kinds):
            ok = False
            diagnostics.error(expr.span, "annotation-argument", f"'@{annotation.name}' takes {KIND_TEXT[known.kinds[0]]} "
                              f"literal{', not an expression' if literal is None else ''}{_hint(expr)}")
            continue
        result = Setting(literal, annotation.span, expr.span, _hint(expr))
    if not ok:
        return None
    if result is None and known.parameter and not known.optional:
        form = f"{known.parameter}=\"...\"" if known.parameter != "value" else "..."
        diagnostics.error(annotation.span, "annotation-argument",
                          f"'@{annotation.name}' needs its argument: @{annotation.name}({form})")
        return None
    return result or yes


def _is_reported(expr: Expr) -> bool:
    return isinstance(expr, BadExpr) or (isinstance(expr, Unary) and _is_reported(expr.operand))


def _hint(expr: Expr) -> str:
    return habits.constant_hint(str(expr.name)) if isinstance(expr, NameExpr) else ""


def _report_argument(annotation: Annotation, argument: Argument, known: _Known, diagnostics: Diagnostics) -> None:
    if not known.parameter:
        message = f"'@{annotation.name}' takes no arguments"
    elif argument.name is None or argument.name.text == known.parameter:
        message = f"'@{annotation.name}' takes one argument"
    else:
        hint = diagnostics.suggestion(argument.name.text, [known.parameter])
        message = f"'@{annotation.name}' has no argument '{argument.name.text}', only '{known.parameter}'{hint}"
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


def _check_layout(setting: Setting, diagnostics: Diagnostics) -> None:
    if setting.value.kind != "string" or setting.value.data == b"fixed":
        return
    layout = setting.value.data.decode("utf-8", errors="replace")
    if layout in ("raw", "table"):
        diagnostics.error(setting.value_span, "unsupported", f"the layout '{layout}' is not supported (yet); use \"fixed\" "
                          "and bounded members")
    else:
        hint = diagnostics.suggestion(layout, ("fixed", "raw", "table"))
        diagnostics.error(setting.value_span, "annotation-argument", f"there is no layout '{layout}'{hint}")
