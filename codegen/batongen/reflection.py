"""What the templates see of a type where it is described: in TypeTraits, for printing, checking and comparing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import canonical, cpp
from .description import BinaryDescriptions
from .layout import Extents, elements_offset
from .model import (Bitmask, Enum, Hints, Member, NamedPart, Scalar, Struct, Type, Union, Value, flatten,
                    named_part, scoped, strip_alias, type_text)

_WORDS_PER_LINE = 5


@dataclass(frozen=True, slots=True)
class FieldView:
    """A member as reflection shows it; `identifier` is its name in C++, `place` what offsetof is asked for. `range` is
    the C++ of the numbers that it may have, or empty; `key` the C++ of its value as a part of a key, or empty."""

    name: str
    identifier: str
    place: str
    type: str
    offset: int
    size: int
    doc: str
    nested: str
    role: str
    range: str
    key: str


@dataclass(frozen=True, slots=True)
class EnumeratorView:
    name: str
    identifier: str
    number: str
    doc: str


@dataclass(frozen=True, slots=True)
class TailView:
    """The elements of a raw struct: their C++ type, and where they are."""

    element: str
    size: int
    field: FieldView


@dataclass(frozen=True, slots=True)
class TypeView:
    """A struct, union, enum or bitmask as reflection shows it. `cpp` is its name from anywhere; `tag` the field that
    describes the tag of a union; `underlying` and `all` the type and the bits of a bitmask; `hints` what is given of the
    quality of service; `description` the binary one of a struct, in lines of words."""

    kind: str
    name: str
    cpp: str
    namespace: str
    topic: str
    doc: str
    fingerprint: str
    canonical: str
    size: int
    align: int
    zero_is_default: str
    underlying: str
    all: str
    tag: FieldView | None
    fields: tuple[FieldView, ...]
    enumerators: tuple[EnumeratorView, ...]
    is_table: bool
    tail: TailView | None
    max_bytes: int
    hints: str
    description: tuple[str, ...]

    @property
    def all_fields(self) -> list[FieldView]:
        """As reflection lists them: the tag of a union first, the elements of a raw struct last."""
        return [*([self.tag] if self.tag else []), *self.fields, *([self.tail.field] if self.tail else [])]

    @property
    def formatter(self) -> str:
        return "TableFormatter" if self.is_table else "EnumFormatter" if self.kind in ("enum", "bitmask") else "MessageFormatter"

    @property
    def keys(self) -> list[FieldView]:
        return [field for field in self.fields if field.key]

    @property
    def ranges(self) -> list[FieldView]:
        return [field for field in self.fields if field.range]


class Literals:
    """The canonical texts as string literals of C++, one line each; what several of them repeat is spelt once. And the
    binary descriptions, as words."""

    def __init__(self, descriptions: canonical.Descriptions, extents: Extents) -> None:
        self.descriptions = descriptions
        self._binary = BinaryDescriptions(descriptions, extents)
        self._blocks: dict[tuple[str, ...], str] = {}

    def of(self, type_: NamedPart) -> str:
        return "\n".join(self._literal(block) for block in self.descriptions.blocks(type_))

    def words(self, struct_: Struct) -> tuple[str, ...]:
        data = self._binary.of(struct_)
        words = [f"0x{word:x}," if word > 9 else f"{word}," for word in struct.unpack(f"<{len(data) // 8}Q", data)]
        return tuple(" ".join(words[i:i + _WORDS_PER_LINE]) for i in range(0, len(words), _WORDS_PER_LINE))

    def _literal(self, block: tuple[str, ...]) -> str:
        text = self._blocks.get(block)
        if text is None:
            text = self._blocks[block] = "\n".join(f"          {_literal(line + chr(10))}" for line in block)
        return text


def type_view(type_: NamedPart, extents: Extents, literals: Literals) -> TypeView:
    extent = extents.of(type_)
    fields: tuple[FieldView, ...] = ()
    tag = None
    table = isinstance(type_, Struct) and type_.is_table
    if table:
        fields = tuple(_table_member_view(type_, member) for member in type_.members)
    elif isinstance(type_, Struct):
        fields = tuple(_member_view(type_, index, extents) for index in range(len(type_.members)))
    elif isinstance(type_, Union):
        fields = tuple(_case_view(type_, index, extents) for index in range(len(type_.cases)))
        tag = FieldView(
            name=_literal(canonical.TAG), identifier="tag", place="stored_tag_", type=_literal(type_text(type_.tag)), offset=0,
            size=extents.of(type_.tag).size, doc='""', nested=_nested(type_.tag), role='""', range="", key="")
    return TypeView(
        kind=type(type_).__name__.lower(),
        name=_literal(scoped(type_.name)),
        cpp="::" + cpp.scoped_identifier(type_.name),
        namespace=cpp.scoped_identifier(type_.name[:-1]),
        topic=_literal(type_.topic) if isinstance(type_, Struct) else '""',
        doc=_doc_literal(cpp.comment_lines(type_.doc)),
        fingerprint=canonical.fingerprint(literals.descriptions.text(type_)),
        canonical=literals.of(type_),
        size=extent.size, align=extent.align,
        zero_is_default="true" if not table and _zero_is_default(type_) else "false",
        underlying=cpp.underlying(type_) if isinstance(type_, (Enum, Bitmask)) else "",
        all=f"0x{type_.all:X}" if isinstance(type_, Bitmask) else "",
        tag=tag, fields=fields, enumerators=_enumerators(type_), is_table=table,
        max_bytes=type_.max_size if isinstance(type_, Struct) else 0,
        hints=_hints(type_.hints) if isinstance(type_, Struct) else "",
        tail=_tail_view(type_, extents) if isinstance(type_, Struct) and type_.tail is not None else None,
        description=literals.words(type_) if isinstance(type_, Struct) else ())


def _hints(hints: Hints) -> str:
    given = [f".depth = {hints.depth}"] if hints.depth is not None else []
    given += [f".history = {hints.history}"] if hints.history is not None else []
    given += [f".overflow = Overflow::{hints.overflow}"] if hints.overflow is not None else []
    return ", ".join(given)


def _tail_view(struct_: Struct, extents: Extents) -> TailView:
    tail = struct_.tail
    element = strip_alias(tail.type).element
    field = FieldView(
        name=_literal(tail.name), identifier="", place="", type=_literal(type_text(tail.type)),
        offset=elements_offset(extents.of(struct_)), size=0, doc=_doc_literal(cpp.comment_lines(tail.doc, tail.unit)),
        nested=_nested(element), role='""', range="", key="")
    return TailView(cpp.Scope(()).type(element), extents.of(element).size, field)


def _enumerators(type_: NamedPart) -> tuple[EnumeratorView, ...]:
    if isinstance(type_, Enum):
        pairs = [(enumerator, enumerator.number) for enumerator in type_.enumerators]
    else:
        pairs = [(flag, flag.position) for flag in type_.flags] if isinstance(type_, Bitmask) else []
    return tuple(EnumeratorView(_literal(each.name), cpp.identifier(each.name), cpp.int_literal(number),
                                _doc_literal(cpp.comment_lines(each.doc))) for each, number in pairs)


def _member_view(struct_: Struct, index: int, extents: Extents) -> FieldView:
    member = struct_.members[index]
    identifier = cpp.member_identifier(struct_, member.name)
    offset = extents.of(struct_).offsets[index]
    return _field_view(member, identifier, identifier, offset, "key" if member.key else "", extents)


def _table_member_view(table: Struct, member: Member) -> FieldView:
    """Nothing is known of where it lies: that is each message's own."""
    identifier = cpp.member_identifier(table, member.name)
    key = ""
    if member.key:
        plain = strip_alias(member.type)
        key = f"value.{identifier}()" if isinstance(plain, (Scalar, Enum, Bitmask)) else f"table::key_part(value.{identifier}())"
    return FieldView(
        name=_literal(member.name), identifier=identifier, place="", type=_literal(type_text(member.type)), offset=0, size=0,
        doc=_doc_literal(cpp.comment_lines(member.doc, member.unit)), nested=_nested(member.type),
        role=_literal("key" if member.key else ""), range="", key=key)


def _case_view(union: Union, index: int, extents: Extents) -> FieldView:
    case = union.cases[index]
    identifier = cpp.case_identifier(union, case.member.name)
    return _field_view(case.member, identifier, "stored_members_", extents.of(union).offsets[index],
                       f"case {canonical.labels_text(case)}", extents)


def _field_view(member: Member, identifier: str, place: str, offset: int, role: str, extents: Extents) -> FieldView:
    return FieldView(
        name=_literal(member.name), identifier=identifier, place=place, type=_literal(type_text(member.type)),
        offset=offset, size=extents.of(member.type).size, doc=_doc_literal(cpp.comment_lines(member.doc, member.unit)),
        nested=_nested(member.type), role=_literal(role), range=_range(member) if member.range is not None else "",
        key=_key(member, f"value.{identifier}") if member.key else "")


def _nested(type_: Type) -> str:
    nested = named_part(type_)
    return f"&TypeTraits<::{cpp.scoped_identifier(nested.name)}>::info()" if nested is not None else "nullptr"


def _range(member: Member) -> str:
    element, _ = flatten(member.type)
    while hasattr(element, "element"):
        element, _ = flatten(element.element)
    scope = cpp.Scope(())
    ends = [f".{name} = {scope.value(value, element)}"
            for name, value in (("low", member.range.low), ("high", member.range.high)) if value is not None]
    return f"Range<{scope.type(element)}>{{{', '.join(ends)}}}"


def _key(member: Member, value: str) -> str:
    """A boolean is read as a byte, because another process may have written one that is no bool."""
    plain = strip_alias(member.type)
    if isinstance(plain, Struct):
        return f"key_of({value})"
    return f"detail::load_bool({value})" if isinstance(plain, Scalar) and plain.kind == "bool" else value


def _literal(text: str) -> str:
    return cpp.string_literal(text.encode())


def _doc_literal(lines: tuple[str, ...]) -> str:
    return _literal("\n".join(lines))


def _zero_is_default(type_: Type) -> bool:
    """Whether zero bytes are a value with all its defaults. (Sequences and strings begin with their length, and the value
    of an absent optional does not count.)"""
    if isinstance(type_, Struct):
        return all(_is_zero(m.default) and (m.default is not None or _zero_is_default(m.type)) for m in type_.members)
    if isinstance(type_, Union):
        tag = type_.initial_tag
        return not (tag.data.number if tag.kind == "enum" else tag.data) and _zero_is_default(type_.initial.member.type)
    element, _ = flatten(type_)
    if isinstance(element, Enum):
        return element.default.number == 0
    return _zero_is_default(element) if isinstance(element, (Struct, Union)) else True


def _is_zero(default: Value | None) -> bool:
    if default is None:
        return True
    if default.kind == "float":
        return default.data == 0 and str(default.data)[0] != "-"  # minus zero has a bit set
    return not default.data
