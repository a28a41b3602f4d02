"""Resolves structs, unions and interfaces: what is made of members."""

from __future__ import annotations

import itertools
from dataclasses import replace

from . import annotations
from .annotations import Setting
from .diagnostics import Diagnostics, Note
from .members import Members
from .model import (BROKEN, Broken, Case, Enum, EnumValue, Member, Scalar, Sequence, String, Struct, Type, Union, Value,
                    scoped, strip_alias, type_text)
from .names import Entity
from .references import References
from .source import Span
from .syntax import Expr, Ident, InterfaceDecl, NameExpr, StructDecl, UnionDecl
from .syntax import Case as CaseDecl

_MAX_INHERITED = 20_000  # members in one run that come from a base: a chain of structs has as many as its square


class Composites:
    def __init__(self, references: References, diagnostics: Diagnostics) -> None:
        self._references = references
        self._diagnostics = diagnostics
        self._members = Members(references, diagnostics)
        self._inherited = 0
        self._enumerators: dict[Enum, dict[str, Value]] = {}  # of the enums that are tags

    # --- Structs -----------------------------------------------------------------------------------------------------

    def struct(self, declaration: StructDecl, entity: Entity) -> Struct:
        settings = annotations.read(declaration.annotations, "struct", self._diagnostics)
        members = self._base_members(declaration, entity)
        names = _MemberNames(self._diagnostics)
        for member in members:
            names.add(Ident(member.name, member.span))
        for member in declaration.members:
            for resolved in self._members.of_struct(member, entity):
                names.add(Ident(resolved.name, resolved.span))
                members.append(resolved)
        self._members.check_ids(members)
        baton = settings.get("baton")
        layout = annotations.layout_of(baton)
        tail = self._tail(declaration, members) if layout == "raw" else None
        max_size = baton.arguments["max_size"][0].data if layout != "fixed" and "max_size" in baton.arguments else 0
        appendable = "appendable" in settings and "final" not in settings
        if appendable and baton is not None and "layout" in baton.arguments and layout != "table":
            appendable = False
            self._diagnostics.error(settings["appendable"].span, "extensibility", f"a struct of the layout {layout} cannot be "
                                    "@appendable: its size is settled; use the layout table", Note(
                                        baton.arguments["layout"][1], "the layout is here"))
        named = "topic" in settings and "name" in settings["topic"].arguments
        topic = settings["topic"].value.data.decode(errors="replace") if named else ""
        if tail is None and layout != "table" and _is_layout_unclear(declaration, baton):
            members = [replace(m, type=BROKEN) if _is_unbounded(m.type) else m for m in members]
        if layout == "table":
            members = [_without_minus_zero(member) for member in members]
        return Struct(entity.qualified, tuple(members), topic, declaration.doc, declaration.name.span, layout, tail, max_size,
                      appendable, annotations.hints_of(baton))

    def _tail(self, declaration: StructDecl, members: list[Member]) -> Member | None:
        """Takes the sequence at the end away from the members of a raw struct."""
        last = strip_alias(members[-1].type) if members else None
        if isinstance(last, Broken) or isinstance(last, Sequence) and last.bound is None:
            return members.pop()
        self._diagnostics.error(members[-1].span if members else declaration.name.span, "raw-layout", "the last member of a "
                                "struct of the layout raw is a sequence without a bound, as in 'sequence<octet> data;'")
        return None

    def _base_members(self, declaration: StructDecl, entity: Entity) -> list[Member]:
        """The members of the base come first: what follows them is what the struct adds."""
        if declaration.base is None:
            return []
        base = strip_alias(self._references.named_type(declaration.base, entity))
        if isinstance(base, Broken):
            return []
        if not isinstance(base, Struct):
            self._diagnostics.error(declaration.base.span, "not-a-struct", f"a struct extends a struct, and "
                                    f"'{declaration.base}' is none")
            return []
        if base.tail is not None:
            self._diagnostics.error(declaration.base.span, "raw-layout", f"'{declaration.base}' has the layout raw: its "
                                    "elements come last, so it cannot be extended")
            return []
        self._inherited += len(base.members)
        if self._inherited > _MAX_INHERITED:
            self._diagnostics.error(declaration.base.span, "too-many-members", f"more than {_MAX_INHERITED} members of this "
                                    "run are inherited; make the base a member instead")
            return []
        return list(base.members)

    # --- Unions ------------------------------------------------------------------------------------------------------

    def union(self, declaration: UnionDecl, entity: Entity) -> Union | None:
        settings = annotations.read(declaration.annotations, "union", self._diagnostics)
        annotations.ignore(settings, "appendable", "a union is @final", self._diagnostics)
        tag = self._references.type(declaration.tag, entity)
        plain = strip_alias(tag)
        if not (isinstance(plain, (Broken, Enum)) or isinstance(plain, Scalar) and plain.kind != "float"):
            self._diagnostics.error(declaration.tag.span, "tag-type", f"'{type_text(plain)}' cannot be the tag of a union; "
                                    "it is an integer, char, boolean or enum")
            plain = BROKEN
        if isinstance(plain, Enum) and not plain.enumerators:
            plain = BROKEN  # reported where it is declared
        names = _MemberNames(self._diagnostics)
        labels = _Labels(plain, self._enumerators_of(plain), self._references, self._diagnostics)
        cases: list[tuple[CaseDecl, tuple[Value, ...], Member]] = []
        for case in declaration.cases:
            own = labels.of_case(case, entity)
            member = self._members.of_case(case.member, entity)
            names.add(Ident(member.name, member.span))
            cases.append((case, own, member))
        if isinstance(plain, Broken) or not cases:
            return None
        labels.check_default()
        resolved = tuple(Case(own, bool(case.defaults), own[0] if own else labels.unused(), member)
                         for case, own, member in cases)
        initial, initial_tag = labels.initial(resolved)
        return Union(entity.qualified, tag, resolved, initial, initial_tag, declaration.doc, declaration.name.span)

    def _enumerators_of(self, tag: Type) -> dict[str, Value]:
        if not isinstance(tag, Enum):
            return {}
        if tag not in self._enumerators:
            self._enumerators[tag] = {e.name: Value("enum", EnumValue(tag, e.name, e.number)) for e in tag.enumerators}
        return self._enumerators[tag]

    # --- Interfaces --------------------------------------------------------------------------------------------------

    def interface(self, declaration: InterfaceDecl, entity: Entity) -> None:
        """No code is made of interfaces yet: their names and types are checked."""
        annotations.read(declaration.annotations, "interface", self._diagnostics)
        names = _MemberNames(self._diagnostics, "an operation")
        for operation in declaration.operations:
            annotations.read(operation.annotations, "operation", self._diagnostics)
            names.add(operation.name)
            if operation.result is not None:
                self._references.type(operation.result, entity)
            parameters = _MemberNames(self._diagnostics, "a parameter")
            for parameter in operation.parameters:
                annotations.read(parameter.annotations, "parameter", self._diagnostics)
                parameters.add(parameter.name)
                self._references.type(parameter.type, entity)


def _is_layout_unclear(declaration: StructDecl, baton: Setting | None) -> bool:
    """Of a struct without a tail: whether its @baton, which was reported, may have been meant to say another one."""
    if baton is None:
        return any(annotation.name == "baton" for annotation in declaration.annotations)
    return "layout" in baton.arguments and baton.arguments["layout"][0].data != b"fixed"


def _without_minus_zero(member: Member) -> Member:
    """A table does not write what is equal to the default, and -0 equals 0."""
    zero = member.default is not None and member.default.kind == "float" and member.default.data == 0
    return replace(member, default=None) if zero else member


def _is_unbounded(type_: Type) -> bool:
    plain = strip_alias(type_)
    return isinstance(plain, (String, Sequence)) and plain.bound is None


class _MemberNames:
    """The names of the members of one type, each once."""

    def __init__(self, diagnostics: Diagnostics, what: str = "a member") -> None:
        self._diagnostics = diagnostics
        self._what = what
        self._seen: dict[str, Ident] = {}
        self._folded: dict[str, Ident] = {}

    def add(self, name: Ident) -> None:
        earlier = self._seen.setdefault(name.text, name)
        if earlier is not name:
            self._diagnostics.error(name.span, "duplicate-name", f"there is {self._what} '{name.text}' already",
                                    Note(earlier.span, "the earlier declaration is here"))
            return
        similar = self._folded.setdefault(name.text.lower(), name)
        if similar is not name:
            self._diagnostics.warning(name.span, "name-differs-in-case", f"'{name.text}' differs from '{similar.text}' "
                                      "only in case; other IDL tools take them for one name",
                                      Note(similar.span, "the earlier declaration is here"))


class _Labels:
    """The labels of one union: values of the type of its tag, each once."""

    def __init__(self, tag: Type, enumerators: dict[str, Value], references: References, diagnostics: Diagnostics) -> None:
        self._tag = tag
        self._enumerators = enumerators
        self._references = references
        self._diagnostics = diagnostics
        self._used: dict[Value, Expr] = {}
        self._default: Span | None = None  # the place of the first `default:`
        self._unused: Value | None = None

    def of_case(self, case: CaseDecl, user: Entity) -> tuple[Value, ...]:
        for span in case.defaults:
            if self._default is not None:
                self._diagnostics.error(span, "duplicate-label", "a union has one default",
                                        Note(self._default, "the first one is here"))
            self._default = self._default or span
        labels = []
        for label in case.labels:
            value = self._value(label, user)
            if value is None:
                continue
            earlier = self._used.setdefault(value, label)
            if earlier is not label:
                self._diagnostics.error(label.span, "duplicate-label", f"there is a case '{label.span.text}' already",
                                        Note(earlier.span, "the earlier one is here"))
            labels.append(value)
        return tuple(labels)

    def _value(self, label: Expr, user: Entity) -> Value | None:
        tag = self._tag
        if isinstance(tag, Broken):
            return None
        if isinstance(tag, Enum) and isinstance(label, NameExpr) and len(label.name.parts) == 1:
            # The enum may be one of another module: its enumerators are meant all the same.
            name = label.name.parts[0].text
            if name in self._enumerators:
                return self._enumerators[name]
            if not self._references.is_declared(label.name, user):
                hint = self._diagnostics.suggestion(name, self._enumerators)
                self._diagnostics.error(label.span, "unknown-name", f"the enum {scoped(tag.name)} has no enumerator "
                                        f"'{name}'{hint}")
                return None
        evaluator = self._references.evaluator(user)
        value = evaluator.value(label, tag)
        return evaluator.fit(value, tag, label.span, "label-type") if value is not None else None

    def check_default(self) -> None:
        self._unused = self._next_unused()
        if self._default is not None and self._unused is None:
            self._diagnostics.error(self._default, "unreachable-default", f"every value of {type_text(self._tag)} has a case "
                                    "already; remove the default, or one of the labels")

    def unused(self) -> Value:
        """The tag that stands for `default:`: the first value without a case."""
        return self._unused or self._natural()

    def initial(self, cases: tuple[Case, ...]) -> tuple[Case, Value]:
        """A new union has the tag that all bytes zero are (of an enum: its default), if that selects a member."""
        natural = self._natural()
        for case in cases:
            if natural in case.labels:
                return case, natural
        for case in cases:
            if case.is_default:
                return case, natural
        return cases[0], cases[0].tag

    def _natural(self) -> Value:
        if isinstance(self._tag, Enum):
            return self._enumerators[self._tag.default.name]
        return Value(self._tag.kind, False if self._tag.kind == "bool" else 0)

    def _next_unused(self) -> Value | None:
        tag = self._tag
        if isinstance(tag, Enum):
            values = itertools.chain([self._natural()], self._enumerators.values())
            return next((value for value in values if value not in self._used), None)
        if tag.kind == "bool":
            return next((value for value in (Value("bool", False), Value("bool", True)) if value not in self._used), None)
        low, high = (0, 255) if tag.kind == "char" else (tag.low, tag.high)
        numbers = (n for n in range(len(self._used) + 1) if n <= high)
        found = next((n for n in numbers if Value(tag.kind, n) not in self._used), None)
        if found is None:  # all from 0 upwards are taken
            found = next((n for n in range(-1, low - 1, -1) if Value(tag.kind, n) not in self._used), None)
        return None if found is None else Value(tag.kind, found)
