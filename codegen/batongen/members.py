"""Resolves members: their types, and what their annotations say."""

from __future__ import annotations

from . import annotations
from .annotations import Setting
from .diagnostics import Diagnostics, Note
from .model import (Array, Bitmask, Broken, Enum, Member, Optional, Range, Scalar, Sequence, String, Struct, Type,
                    Value, flatten, scoped, strip_alias, type_text)
from .names import Entity
from .references import References
from .syntax import Member as MemberDecl


class Members:
    def __init__(self, references: References, diagnostics: Diagnostics) -> None:
        self._references = references
        self._diagnostics = diagnostics

    def of_struct(self, declaration: MemberDecl, user: Entity) -> list[Member]:
        """One member for each name behind the type."""
        settings = annotations.read(declaration.annotations, "member", self._diagnostics)
        base = self._references.type(declaration.type, user)
        return [self._member(declaration, index, base, settings, user) for index in range(len(declaration.declarators))]

    def of_case(self, declaration: MemberDecl, user: Entity) -> Member:
        settings = annotations.read(declaration.annotations, "case", self._diagnostics)
        return self._member(declaration, 0, self._references.type(declaration.type, user), settings, user)

    def _member(self, declaration: MemberDecl, index: int, base: Type, settings: dict[str, Setting],
                user: Entity) -> Member:
        declarator = declaration.declarators[index]
        type_ = self._references.with_extents(base, declarator, user)
        range_ = self._range(settings, type_)
        default = self._default(settings.get("default"), type_, range_)
        key = _is_on(settings, "key")
        if _is_on(settings, "optional"):
            for other in ("key", "default"):
                if other in settings:
                    self._diagnostics.error(settings["optional"].span, "optional-clash", f"a member with @{other} cannot be "
                                            f"@optional: it always has a value; remove one of them")
            type_ = type_ if isinstance(strip_alias(type_), Broken) else Optional(type_)
        elif key:
            self._check_key(settings["key"], type_)
        return Member(declarator.name.text, type_, default, key, range_, _text(settings, "unit"),
                      settings["id"].value.data if "id" in settings else None, declaration.doc, declarator.name.span)

    # --- @default ----------------------------------------------------------------------------------------------------

    def _default(self, setting: Setting | None, type_: Type, range_: Range | None) -> Value | None:
        if setting is None:
            return None
        plain = strip_alias(type_)
        if isinstance(plain, Enum):
            self._diagnostics.error(setting.value_span, "default-type", "the default of an enum is its first enumerator, "
                                    "or the one marked @default_literal")
        elif isinstance(plain, Bitmask):
            self._diagnostics.error(setting.value_span, "default-type", "a bitmask begins without flags; set them in code")
        elif setting.value is None:
            self._diagnostics.error(setting.value_span, "annotation-argument",
                                    f"'@default' takes a literal, not an expression{setting.hint}")
        elif isinstance(plain, (Scalar, String)):
            value = self._references.evaluator(None).fit(setting.value, plain, setting.value_span, "default-type")
            if value is not None and range_ is not None and not range_.has(value):
                self._diagnostics.error(setting.value_span, "default-type", "the default is outside of the member's range")
            return value
        elif not isinstance(plain, Broken):
            self._diagnostics.error(setting.span, "default-type", "'@default' is for scalars and strings; what this member "
                                    "is made of has its own defaults")
        return None

    # --- @range, @min, @max ------------------------------------------------------------------------------------------

    def _range(self, settings: dict[str, Setting], type_: Type) -> Range | None:
        given = [name for name in ("range", "min", "max") if name in settings]
        if not given:
            return None
        setting = settings[given[0]]
        if given[0] == "range" and len(given) > 1:
            self._diagnostics.error(settings[given[1]].span, "range-type", f"'@{given[1]}' beside '@range', which says both")
        element, _ = flatten(type_)
        while isinstance(element, Sequence):
            element, _ = flatten(element.element)
        if isinstance(element, Broken):
            return None
        if not isinstance(element, Scalar) or element.kind not in ("int", "float"):
            self._diagnostics.error(setting.span, "range-type", f"'@{given[0]}' is for numbers, not for "
                                    f"'{type_text(element)}'")
            return None
        bounds: list[Value | None] = []
        for end, own in (("min", "min"), ("max", "max")):
            value, span = None, setting.span
            if "range" in settings:
                value, span = settings["range"].arguments[end]
            elif own in settings:
                value, span = settings[own].value, settings[own].value_span
            if value is not None:
                value = self._references.evaluator(None).fit(value, element, span, "range-type")
                if value is None:
                    return None
            bounds.append(value)
        low, high = bounds
        if low is not None and high is not None and low.data > high.data:
            self._diagnostics.error(setting.span, "range-type", f"nothing is at least {low.data} and at most {high.data}")
            return None
        return Range(low, high)

    # --- @key and @id ------------------------------------------------------------------------------------------------

    def _check_key(self, setting: Setting, type_: Type) -> None:
        plain = strip_alias(type_)
        if isinstance(plain, (Scalar, Enum, Bitmask, String, Broken)):
            return
        if isinstance(plain, Struct) and plain.is_table:
            self._diagnostics.error(setting.span, "key-type", f"{scoped(plain.name)} cannot be a key: it is a table, and may be "
                                    "absent; use its members")
            return
        if isinstance(plain, Struct):
            if not any(member.key for member in plain.members):
                self._diagnostics.error(setting.span, "key-type", f"{scoped(plain.name)} has no key of its own; mark the "
                                        "members that tell one from another with @key there")
            return
        element, _ = flatten(plain)
        if isinstance(plain, Array) and isinstance(element, Scalar) and element.size == 1 and element.kind == "int":
            return
        self._diagnostics.error(setting.span, "key-type", f"'{type_text(plain)}' cannot be a key: use a scalar, an enum, a "
                                "string, an array of octets, or a struct with keys")

    def check_ids(self, members: list[Member]) -> None:
        """If one member has an @id, all have, and they are 0, 1, 2 ... in some order."""
        numbered = [member for member in members if member.id is not None]
        if not numbered:
            return
        seen: dict[int, Member] = {}
        for member in numbered:
            earlier = seen.setdefault(member.id, member)
            if earlier is not member:
                self._diagnostics.error(member.span, "member-id", f"'{member.name}' has the id {member.id} of "
                                        f"'{earlier.name}'", Note(earlier.span, "which is here"))
            elif not 0 <= member.id < len(members):
                self._diagnostics.error(member.span, "member-id", f"the ids of {len(members)} members are 0 to "
                                        f"{len(members) - 1}, without gaps; {member.id} is none of them")
        for member in members:
            if member.id is None:
                self._diagnostics.error(member.span, "member-id", f"'{member.name}' has no @id, but '{numbered[0].name}' "
                                        "has; give one to all members or to none")


def _is_on(settings: dict[str, Setting], name: str) -> bool:
    return name in settings and bool(settings[name].value.data)


def _text(settings: dict[str, Setting], name: str) -> str:
    return settings[name].value.data.decode(errors="replace") if name in settings else ""
