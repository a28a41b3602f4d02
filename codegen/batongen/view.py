"""What the templates see of a file: finished text, in the order in which it is printed."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Callable, Iterable

from . import __version__, cpp, fbs
from .layout import Extents
from .model import (SCALARS, Alias, Array, Bitmask, Constant, Enum, FileModel, Item, NamedPart, QualifiedName, Scalar,
                    String, Struct, Type, Union, Value, all_members, is_fixed, strip_alias)
from .reflection import Literals, TypeView, type_view
from .syntax import Doc

_LINE = 100  # columns that a line of generated code should keep to


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a declaration, with its comment above it or, if that is short, behind it."""

    above: tuple[str, ...]
    text: str
    behind: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """A member of a union. `parameter` is how its setter takes a value, `tag` what it writes; `labels` are those of a
    switch, `any_tag` says whether there are more tags than `tag`."""

    index: int
    name: str
    doc: tuple[str, ...]
    type: str
    initial: str
    parameter: str
    tag: str
    labels: tuple[str, ...]
    is_default: bool
    any_tag: bool


@dataclass(frozen=True, slots=True)
class UnionView:
    """`tag` is the type that a program sees, `stored` the one in memory, and `read` makes the one of the other: a boolean
    is stored as a byte, because another process may write one that is no bool. `switched` is what can be switched over,
    `size` that of the largest member."""

    tag: str
    stored: str
    read: str
    switched: str
    size: int
    initial: CaseView
    initial_tag: str
    cases: tuple[CaseView, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    """A constant, alias, enum, bitmask, struct or union inside its namespace. `lines` are its members or enumerators,
    `all` the bits of a bitmask."""

    kind: str
    doc: tuple[str, ...]
    name: str
    text: str = ""
    lines: tuple[Line, ...] = ()
    all: str = ""
    union: UnionView | None = None
    gap: bool = True  # whether a blank line follows


@dataclass(frozen=True, slots=True)
class NamespaceView:
    name: str
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class HeaderView:
    """`tables` is the header of the tables' own code, or empty."""

    version: str
    source: str
    system_includes: tuple[str, ...]
    includes: tuple[str, ...]
    namespaces: tuple[NamespaceView, ...]
    tables: str
    types: tuple[TypeView, ...]


def header_view(file: FileModel, extents: Extents, literals: Literals) -> HeaderView:
    types = tuple(type_view(item, extents, literals) for item in file.items if isinstance(item, NamedPart))
    declared = [each for item in file.items for each in _declared(item)]
    groups = itertools.groupby(declared, key=lambda item: item.name[:-1])
    namespaces = tuple(NamespaceView(cpp.scoped_identifier(module), _item_views(list(items), module, extents))
                       for module, items in groups)
    return HeaderView(__version__, file.source.relative, tuple(_system_includes(file.items)),
                      tuple(source.header for source in file.includes), namespaces,
                      file.source.named(".fb.hpp") if fbs.has_tables(file) else "", types)


def _declared(item: Item) -> Iterable[Item]:
    """What a header declares of an item: of a table, the arrays inside it, for the rest comes from flatc; nothing of a
    typedef for what C++ has no type for."""
    if isinstance(item, Struct) and item.is_table:
        for part in fbs.parts(item):
            if not part.is_table:
                yield Alias((*item.name[:-1], part.name), part.type, Doc(), item.span)
    elif not isinstance(item, Alias) or is_fixed(item):
        yield item


def _system_includes(items: Iterable[Item]) -> list[str]:
    """The standard headers whose names the generated code uses."""
    found = set()
    for item in items:
        if isinstance(item, Struct) and item.is_table:
            found.add("cstddef")  # std::size_t
        elif isinstance(item, (Struct, Union)):
            found.add("type_traits")
            if isinstance(item, Struct):
                found.add("cstdint")  # the words of its description
            if item.members:
                found.add("cstddef")  # offsetof
        if isinstance(item, Struct) and sum(member.key for member in item.members) > 1:
            found.add("tuple")
        if isinstance(item, Union):
            found |= {"memory", "utility"}  # std::construct_at, std::forward
            if item.tag is SCALARS["boolean"]:
                found.add("cstdint")
        if isinstance(item, Constant) and isinstance(strip_alias(item.type), String):
            found.add("string_view")
        if isinstance(item, (Enum, Bitmask)):
            found.add("cstdint")
        for type_ in itertools.chain.from_iterable(_types_of(each) for each in _declared(item)):
            if isinstance(type_, Array):
                found.add("array")
            if isinstance(type_, Scalar) and type_.kind == "int":
                found.add("cstdint")
    return sorted(found)


def _types_of(item: Item) -> Iterable[Type]:
    """The types that an item spells, down to their elements but not into aliases."""
    if isinstance(item, (Struct, Union)):
        open_ = [member.type for member in all_members(item)]
        open_ += [item.tag] if isinstance(item, Union) else []
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

def _item_views(items: list[Item], module: QualifiedName, extents: Extents) -> tuple[ItemView, ...]:
    """Constants and aliases stand close together, unless a comment belongs to one of them."""
    views = [_item_view(item, module, extents) for item in items]
    for index, (view, after) in enumerate(zip(views, views[1:])):
        close = view.kind in ("constant", "alias") and view.kind == after.kind and not view.doc and not after.doc
        views[index] = dataclasses.replace(view, gap=not close)
    return (*views[:-1], dataclasses.replace(views[-1], gap=False))


def _item_view(item: Item, module: QualifiedName, extents: Extents) -> ItemView:
    name = cpp.identifier(item.name[-1])
    doc = cpp.comment_lines(item.doc)
    scope = cpp.Scope(module, item if isinstance(item, (Struct, Union)) else None)
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
        lines = tuple(_line(f"{cpp.identifier(f.name)} = {one} << {f.position},", cpp.comment_lines(f.doc))
                      for f in item.flags)
        return ItemView("bitmask", doc, name, cpp.underlying(item), lines, all=f"0x{item.all:X}")
    if isinstance(item, Union):
        return ItemView("union", doc, name, union=_union_view(item, scope, extents))
    lines = tuple(_line(f"{scope.type(m.type)} {cpp.member_identifier(item, m.name)}{scope.initialiser(m)};",
                        cpp.comment_lines(m.doc, m.unit)) for m in item.members)
    return ItemView("struct", doc, name, name, lines)


def _union_view(union: Union, scope: cpp.Scope, extents: Extents) -> UnionView:
    tag = strip_alias(union.tag)
    boolean = tag is SCALARS["boolean"]

    def text(value: Value) -> str:
        return str(int(value.data)) if boolean else scope.value(value, tag)

    cases = tuple(_case_view(union, index, scope, text) for index in range(len(union.cases)))
    return UnionView(
        tag=scope.type(union.tag),
        stored="std::uint8_t" if boolean else "Tag",
        read="baton::detail::load_once(stored_tag_)" + (" != 0" if boolean else ""),
        switched="static_cast<int>(tag)" if boolean else "tag",
        size=max(extents.of(member.type).size for member in union.members),
        initial=cases[union.cases.index(union.initial)], initial_tag=text(union.initial_tag), cases=cases)


def _case_view(union: Union, index: int, scope: cpp.Scope, text: Callable[[Value], str]) -> CaseView:
    case = union.cases[index]
    type_ = scope.type(case.member.type)
    by_value = isinstance(strip_alias(case.member.type), (Scalar, Enum, Bitmask))
    return CaseView(
        index=index, name=cpp.case_identifier(union, case.member.name),
        doc=cpp.comment_lines(case.member.doc, case.member.unit), type=type_, initial=scope.initial(case.member),
        parameter=type_ if by_value else f"const {type_}&", tag=text(case.tag),
        labels=tuple(text(label) for label in case.labels), is_default=case.is_default,
        any_tag=case.is_default or len(case.labels) > 1)


def _line(text: str, doc: tuple[str, ...]) -> Line:
    if len(doc) == 1 and len(text) + len(doc[0]) + 8 <= _LINE:
        return Line((), text, doc[0])
    return Line(doc, text, "")
