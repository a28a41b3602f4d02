"""The resolved model: every name is a reference to what it names, every expression a value.

Everything here is immutable. The stages after `resolve` read it and add to it beside it, never in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

from .source import Source, Span
from .syntax import Doc

QualifiedName = tuple[str, ...]  # ("sensors", "Imu"), as in the IDL


@dataclass(frozen=True, slots=True)
class EnumValue:
    """The value of an enumerator or of a constant of enum type."""

    enum: Enum
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class FlagsValue:
    """The value of a bitmask: `mask` has its bits. `name` is the one of a single flag, or empty."""

    bitmask: Bitmask
    name: str
    mask: int


@dataclass(frozen=True, slots=True)
class Value:
    """`kind` says what `data` is: int, float, bool, char (a byte's value), string (bytes), enum (EnumValue) or flags
    (FlagsValue)."""

    kind: str
    data: int | float | bool | bytes | EnumValue | FlagsValue


# --- Types -----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Scalar:
    """`kind` is int, float, bool or char; `low` and `high` are the range of an int."""

    name: str
    kind: str
    size: int
    low: int = 0
    high: int = 0


SCALARS = {
    scalar.name: scalar for scalar in (
        Scalar("boolean", "bool", 1), Scalar("char", "char", 1), Scalar("octet", "int", 1, 0, 0xFF),
        Scalar("float", "float", 4), Scalar("double", "float", 8),
        *(Scalar(f"int{bits}", "int", bits // 8, -(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (8, 16, 32, 64)),
        *(Scalar(f"uint{bits}", "int", bits // 8, 0, (1 << bits) - 1) for bits in (8, 16, 32, 64)),
    )
}


@dataclass(frozen=True, slots=True)
class String:
    bound: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    element: Type
    bound: int | None


@dataclass(frozen=True, slots=True)
class Array:
    """`extents` as written: `double m[2][3]` has (2, 3)."""

    element: Type
    extents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Optional:
    """A member that may be absent: @optional."""

    element: Type


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """A typedef. It is transparent: only C++ code shows its name."""

    name: QualifiedName
    target: Type
    doc: Doc
    span: Span


@dataclass(frozen=True, slots=True)
class Enumerator:
    name: str
    number: int
    doc: Doc
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    """`bits` are those of its C++ type: 8, 16 or 32. One that is `appendable` may get more enumerators."""

    name: QualifiedName
    bits: int
    enumerators: tuple[Enumerator, ...]
    default: Enumerator | None  # none only if there are no enumerators, which is an error
    doc: Doc
    span: Span
    appendable: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    position: int
    doc: Doc
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Bitmask:
    """`bits` are those of its C++ type: 8, 16, 32 or 64."""

    name: QualifiedName
    bits: int
    flags: tuple[Flag, ...]
    doc: Doc
    span: Span

    @property
    def all(self) -> int:
        return sum(1 << flag.position for flag in self.flags)


@dataclass(frozen=True, slots=True)
class Range:
    """What @range, @min and @max allow: numbers of the type that they bound. None is without bound."""

    low: Value | None
    high: Value | None

    def has(self, value: Value) -> bool:
        return (self.low is None or self.low.data <= value.data) and (self.high is None or value.data <= self.high.data)


@dataclass(frozen=True, slots=True)
class Member:
    """`default` is the value of @default, of a scalar or string type; `range` that of the numbers it is made of."""

    name: str
    type: Type
    default: Value | None
    key: bool
    range: Range | None
    unit: str
    id: int | None
    doc: Doc
    span: Span


@dataclass(frozen=True, slots=True)
class Hints:
    """What @baton says of the quality of service of a struct's topics, where code and configuration do not."""

    depth: int | None = None
    history: int | None = None
    overflow: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """`members` begin with those of the struct that it extends. `layout` is fixed, raw or table. `tail`, of a raw one, is
    the sequence without bound behind the members; `max_size` what a message may take, in bytes, or 0. One that is
    `appendable` may get more members: a table."""

    name: QualifiedName
    members: tuple[Member, ...]
    topic: str
    doc: Doc
    span: Span
    layout: str = "fixed"
    tail: Member | None = None
    max_size: int = 0
    appendable: bool = False
    hints: Hints = Hints()

    @property
    def is_table(self) -> bool:
        return self.layout == "table"


@dataclass(frozen=True, slots=True)
class Case:
    """A member of a union, and the tags that select it. `tag` is the one that a program sets unless it says otherwise."""

    labels: tuple[Value, ...]
    is_default: bool
    tag: Value
    member: Member


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """`tag` is an integer, char, boolean or enum. A new one has the tag `initial_tag`, and the member that this selects."""

    name: QualifiedName
    tag: Type
    cases: tuple[Case, ...]
    initial: Case
    initial_tag: Value
    doc: Doc
    span: Span

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(case.member for case in self.cases)


@dataclass(frozen=True, slots=True)
class Broken:
    """A type that could not be resolved. It has been reported; nothing more is said about what uses it."""


BROKEN = Broken()

Type = Scalar | String | Sequence | Array | Optional | Alias | Enum | Bitmask | Struct | Union | Broken


NamedPart = Struct | Union | Enum | Bitmask  # what has a canonical text, and reflection, of its own


# --- Files -----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    name: QualifiedName
    type: Type
    value: Value | None  # none if it could not be computed, which has been reported
    doc: Doc
    span: Span


Item = Struct | Union | Enum | Bitmask | Alias | Constant


@dataclass(frozen=True, slots=True, eq=False)
class FileModel:
    """`items` in the order of their declaration, which is also a correct order in C++."""

    source: Source
    includes: tuple[Source, ...]
    items: tuple[Item, ...]
    requested: bool


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    files: tuple[FileModel, ...]

    def composites(self) -> Iterator[Struct | Union]:
        """In the order of declaration: what a type contains comes before it."""
        return (item for file in self.files for item in file.items if isinstance(item, (Struct, Union)))

    def structs(self) -> Iterator[Struct]:
        return (item for item in self.composites() if isinstance(item, Struct))


def strip_alias(type_: Type) -> Type:
    while isinstance(type_, Alias):
        type_ = type_.target
    return type_


def scoped(name: QualifiedName) -> str:
    return "::".join(name)


def type_text(type_: Type) -> str:
    """The type as IDL would spell it without typedefs: "double[3]", "sequence<geo::Point, 4>"."""
    element, extents = flatten(type_)
    suffix = "".join(f"[{extent}]" for extent in extents)
    if isinstance(element, Scalar):
        return element.name + suffix
    if isinstance(element, String):
        return ("string" if element.bound is None else f"string<{element.bound}>") + suffix
    if isinstance(element, Sequence):
        bound = "" if element.bound is None else f", {element.bound}"
        return f"sequence<{type_text(element.element)}{bound}>{suffix}"
    if isinstance(element, Optional):
        return f"optional<{type_text(element.element)}>{suffix}"
    if isinstance(element, NamedPart):
        return scoped(element.name) + suffix
    return "?" + suffix


def flatten(type_: Type) -> tuple[Type, tuple[int, ...]]:
    """An array's innermost element that is no array, and all extents on the way, the outermost first."""
    extents: tuple[int, ...] = ()
    type_ = strip_alias(type_)
    while isinstance(type_, Array):
        extents += type_.extents
        type_ = strip_alias(type_.element)
    return type_, extents


def named_part(type_: Type) -> NamedPart | None:
    """The struct, union, enum or bitmask that a type is made of, through arrays, sequences and optionals."""
    element, _ = flatten(type_)
    while isinstance(element, (Sequence, Optional)):
        element, _ = flatten(element.element)
    return element if isinstance(element, NamedPart) else None


def direct_parts(type_: NamedPart) -> Iterator[NamedPart]:
    """What a struct or union is made of, in order; the same one may come several times."""
    if isinstance(type_, Union):
        tag = named_part(type_.tag)
        if tag is not None:
            yield tag
    if isinstance(type_, (Struct, Union)):
        for member in all_members(type_):
            part = named_part(member.type)
            if part is not None:
                yield part


def is_fixed(type_: Type) -> bool:
    """Whether all values of a type have one size: nothing in it is without bound, a table, or a raw message. (A struct that
    should be fixed, and is not, has been reported.)"""
    type_ = strip_alias(type_)
    if isinstance(type_, (String, Sequence)) and type_.bound is None:
        return False
    if isinstance(type_, (Array, Sequence, Optional)):
        return is_fixed(type_.element)
    return not isinstance(type_, Struct) or type_.layout == "fixed"


def all_members(type_: Struct | Union) -> tuple[Member, ...]:
    """With the tail of a raw struct."""
    tail = type_.tail if isinstance(type_, Struct) else None
    return type_.members if tail is None else (*type_.members, tail)
