"""What the templates see of a file: finished text, in the order in which it is printed."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Iterable

from . import __version__, canonical, cpp
from .layout import Extents
from .model import (Alias, Array, Bitmask, Constant, Enum, FileModel, Item, NamedPart, QualifiedName, Scalar, String, Struct, Type,
                    flatten, named_part, scoped, strip_alias, type_text)

_LINE = 100  # columns that a line of generated code should keep to


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a declaration, with its comment above it or, if that is short, behind it."""

    above: tuple[str, ...]
    text: str
    behind: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """A constant, alias, enum, bitmask or struct inside its namespace. `lines` are its members or enumerators, `all` the
    bits of a bitmask."""

    kind: str
    doc: tuple[str, ...]
    name: str
    text: str = ""
    lines: tuple[Line, ...] = ()
    all: str = ""
    gap: bool = True  # whether a blank line follows


@dataclass(frozen=True, slots=True)
class NamespaceView:
    name: str
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class FieldView:
    """A member as reflection shows it; `identifier` is its name in C++."""

    name: str
    identifier: str
    type: str
    offset: int
    size: int
    doc: str
    nested: str


@dataclass(frozen=True, slots=True)
class EnumeratorView:
    name: str
    number: str
    doc: str


@dataclass(frozen=True, slots=True)
class TypeView:
    """A struct, enum or bitmask as reflection shows it. `cpp` is its name from anywhere."""

    kind: str
    name: str
    cpp: str
    topic: str
    doc: str
    fingerprint: str
    canonical: tuple[str, ...]
    size: int
    align: int
    zero_is_default: str
    underlying: str
    all: str
    fields: tuple[FieldView, ...]
    enumerators: tuple[EnumeratorView, ...]


@dataclass(frozen=True, slots=True)
class HeaderView:
    version: str
    source: str
    system_includes: tuple[str, ...]
    includes: tuple[str, ...]
    namespaces: tuple[NamespaceView, ...]
    types: tuple[TypeView, ...]


def header_view(file: FileModel, extents: Extents) -> HeaderView:
    types = tuple(_type_view(item, extents) for item in file.items if isinstance(item, (Struct, Enum, Bitmask)))
    groups = itertools.groupby(file.items, key=lambda item: item.name[:-1])
    namespaces = tuple(NamespaceView(cpp.scoped_identifier(module), _item_views(list(items), module))
                       for module, items in groups)
    return HeaderView(__version__, file.source.relative, tuple(_system_includes(file.items)),
                      tuple(source.header for source in file.includes), namespaces, types)


def _system_includes(items: Iterable[Item]) -> list[str]:
    """The standard headers whose names the generated code uses."""
    found = set()
    for item in items:
        if isinstance(item, Struct) and item.members:
            found.add("cstddef")  # offsetof
        if isinstance(item, Struct):
            found.add("type_traits")
        if isinstance(item, Constant) and isinstance(strip_alias(item.type), String):
            found.add("string_view")
        if isinstance(item, (Enum, Bitmask)):
            found.add("cstdint")
        for type_ in _types_of(item):
            if isinstance(type_, Array):
                found.add("array")
            if isinstance(type_, Scalar) and type_.kind == "int":
                found.add("cstdint")
    return sorted(found)


def _types_of(item: Item) -> Iterable[Type]:
    """The types that an item spells, down to their elements but not into aliases."""
    if isinstance(item, Struct):
        open_ = [member.type for member in item.members]
    elif isinstance(item, Alias):
        open_ = [item.target]
    else:
        open_ = [item.type] if isinstance(item, Constant) else []
    while open_:
        type_ = open_.pop()
        yield type_
        if hasattr(type_, "element"):
            open_.append(type_.element)


# --- Declarations ----------------------------------------------------------------------------------------------------

def _item_views(items: list[Item], module: QualifiedName) -> tuple[ItemView, ...]:
    """Constants and aliases stand close together, unless a comment belongs to one of them."""
    views = [_item_view(item, module) for item in items]
    for index, (view, after) in enumerate(zip(views, views[1:])):
        close = view.kind in ("constant", "alias") and view.kind == after.kind and not view.doc and not after.doc
        views[index] = dataclasses.replace(view, gap=not close)
    return (*views[:-1], dataclasses.replace(views[-1], gap=False))


def _item_view(item: Item, module: QualifiedName) -> ItemView:
    name = cpp.identifier(item.name[-1])
    doc = cpp.comment_lines(item.doc)
    scope = cpp.Scope(module, item if isinstance(item, Struct) else None)
    if isinstance(item, Constant):
        is_string = isinstance(strip_alias(item.type), String)
        type_ = "std::string_view" if is_string else scope.type(item.type)
        value = scope.value(item.value, item.type)
        if is_string and b"\0" in item.value.data:
            value = f"{{{value}, {len(item.value.data)}}}"
        return ItemView("constant", doc, name, f"{type_} {name} = {value}")
    if isinstance(item, Alias):
        return ItemView("alias", doc, name, scope.type(item.target))
    if isinstance(item, Enum):
        lines = tuple(_line(f"{cpp.identifier(e.name)} = {cpp.int_literal(e.number)},", cpp.comment_lines(e.doc))
                      for e in item.enumerators)
        return ItemView("enum", doc, name, cpp.underlying(item), lines)
    if isinstance(item, Bitmask):
        one = "std::uint64_t{1}" if item.bits == 64 else "1U"
        lines = tuple(_line(f"{cpp.identifier(f.name)} = {one} << {f.position},", cpp.comment_lines(f.doc)) for f in item.flags)
        return ItemView("bitmask", doc, name, cpp.underlying(item), lines, all=f"0x{item.all:X}")
    lines = tuple(_line(f"{scope.type(m.type)} {cpp.member_identifier(item, m.name)}{scope.initialiser(m)};",
                        cpp.comment_lines(m.doc, m.unit)) for m in item.members)
    return ItemView("struct", doc, name, name, lines)


def _line(text: str, doc: tuple[str, ...]) -> Line:
    if len(doc) == 1 and len(text) + len(doc[0]) + 8 <= _LINE:
        return Line((), text, doc[0])
    return Line(doc, text, "")


# --- Reflection ------------------------------------------------------------------------------------------------------

def _type_view(type_: NamedPart, extents: Extents) -> TypeView:
    lines = canonical.canonical_lines(type_, extents)
    extent = extents.of(type_)
    fields: tuple[FieldView, ...] = ()
    enumerators: tuple[EnumeratorView, ...] = ()
    if isinstance(type_, Struct):
        fields = tuple(_field_view(type_, index, extents) for index in range(len(type_.members)))
    elif isinstance(type_, Enum):
        enumerators = tuple(EnumeratorView(cpp.string_literal(e.name.encode()), cpp.int_literal(e.number),
                                           _doc_literal(cpp.comment_lines(e.doc))) for e in type_.enumerators)
    else:
        enumerators = tuple(EnumeratorView(cpp.string_literal(f.name.encode()), cpp.int_literal(f.position),
                                           _doc_literal(cpp.comment_lines(f.doc))) for f in type_.flags)
    return TypeView(
        kind=type(type_).__name__.lower(),
        name=cpp.string_literal(scoped(type_.name).encode()),
        cpp="::" + cpp.scoped_identifier(type_.name),
        topic=cpp.string_literal(type_.topic.encode()) if isinstance(type_, Struct) else '""',
        doc=_doc_literal(cpp.comment_lines(type_.doc)),
        fingerprint=canonical.fingerprint(lines),
        canonical=tuple(cpp.string_literal((line + "\n").encode()) for line in lines),
        size=extent.size, align=extent.align,
        zero_is_default="true" if _zero_is_default(type_) else "false",
        underlying=cpp.underlying(type_) if isinstance(type_, (Enum, Bitmask)) else "",
        all=f"0x{type_.all:X}" if isinstance(type_, Bitmask) else "", fields=fields, enumerators=enumerators)


def _field_view(struct: Struct, index: int, extents: Extents) -> FieldView:
    member = struct.members[index]
    nested = named_part(member.type)
    return FieldView(
        name=cpp.string_literal(member.name.encode()),
        identifier=cpp.member_identifier(struct, member.name),
        type=cpp.string_literal(type_text(member.type).encode()),
        offset=extents.of(struct).offsets[index],
        size=extents.of(member.type).size,
        doc=_doc_literal(cpp.comment_lines(member.doc, member.unit)),
        nested=f"&TypeTraits<::{cpp.scoped_identifier(nested.name)}>::info()" if nested is not None else "nullptr")


def _doc_literal(lines: tuple[str, ...]) -> str:
    return cpp.string_literal("\n".join(lines).encode())


def _zero_is_default(type_: Type) -> bool:
    """Whether a struct of zero bytes is one with all its defaults. (Sequences and strings begin with their length.)"""
    if isinstance(type_, Struct):
        return all(_is_zero(m.default) and (m.default is not None or _zero_is_default(m.type)) for m in type_.members)
    element, _ = flatten(type_)
    if isinstance(element, Enum):
        return element.default.number == 0
    return _zero_is_default(element) if isinstance(element, Struct) else True


def _is_zero(default) -> bool:
    if default is None:
        return True
    if default.kind == "float":
        return default.data == 0 and str(default.data)[0] != "-"  # minus zero has a bit set
    return not default.data
