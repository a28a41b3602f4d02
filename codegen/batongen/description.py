"""A type's description in binary form: a FlatBuffer after core/description/description.fbs, by which programs that do not
have the type's code read and write its messages.

Many structs are made of the same types, so each type is written once, as a block that fits into any description: within
it everything is relative, and other types are named.
"""

from __future__ import annotations

import struct

from . import cpp
from .canonical import Descriptions, fingerprint
from .flatbuffer import REFERENCE, Field, Writer
from .layout import Extents, elements_offset
from .model import (Array, Bitmask, Case, Enum, Member, NamedPart, Optional, Range, Scalar, Sequence, String, Struct, Type,
                    Union, Value, flatten, scoped, strip_alias)

# The numbers are those of the enums and fields of the schema, in its order.
_FORMS = {name: number for number, name in enumerate((
    "boolean", "char", "octet", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double",
    "string", "sequence", "array", "optional", "named"))}
_KINDS = {Struct: 0, Union: 1, Enum: 2, Bitmask: 3}
_LAYOUTS = {"fixed": 0, "raw": 1, "table": 2}
_OVERFLOWS = {None: 0, "drop_oldest": 1, "drop_newest": 2, "reject": 3, "block": 4}


class BinaryDescriptions:
    """The descriptions of a run."""

    def __init__(self, descriptions: Descriptions, extents: Extents) -> None:
        self._descriptions = descriptions
        self._extents = extents
        self._blocks: dict[NamedPart, tuple[bytes, int]] = {}

    def of(self, root: Struct) -> bytes:
        """A multiple of 8 bytes, to lie at a multiple of 8."""
        text = self._descriptions.text(root)
        writer = Writer()
        canonical = writer.string(text.encode())
        digest = writer.vector("B", bytes.fromhex(fingerprint(text)))
        types = []
        for type_ in reversed(self._descriptions.dependencies(root)):  # so that they come in their order
            block, position = self._block(type_)
            writer.put(b"", 8)
            before = writer.size
            writer.put(block, 8)
            types.append(before + position)
        vector = writer.references(types[::-1])
        return writer.finish(writer.table([(0, REFERENCE, vector), (1, REFERENCE, canonical), (2, REFERENCE, digest)]))

    def _block(self, type_: NamedPart) -> tuple[bytes, int]:
        """The bytes, a multiple of 8, and the position of the type's table in them."""
        if type_ not in self._blocks:
            writer = _TypeWriter(self._extents)
            position = writer.type(type_)
            writer.put(b"", 8)
            self._blocks[type_] = writer.bytes(), position
        return self._blocks[type_]


class _TypeWriter(Writer):
    def __init__(self, extents: Extents) -> None:
        super().__init__()
        self._extents = extents
        self._shapes: dict[tuple, int] = {}

    def type(self, type_: NamedPart) -> int:
        extent = self._extents.of(type_)
        fields = [*self._text(0, scoped(type_.name)), *_number(1, "B", _KINDS[type(type_)]),
                  *_number(4, "Q", extent.size), *_number(5, "I", extent.align),
                  *self._text(15, "\n".join(cpp.comment_lines(type_.doc)))]
        if isinstance(type_, Struct):
            fields += self._struct(type_)
        elif isinstance(type_, Union):
            members = [self._case(case, offset) for case, offset in zip(type_.cases, extent.offsets)]
            fields += [(6, REFERENCE, self.references(members)), (9, REFERENCE, self._shape(type_.tag)),
                       *_number(10, "q", _bits(type_.initial_tag))]
        else:
            fields += self._enumeration(type_)
        return self.table(fields)

    def _struct(self, struct_: Struct) -> list[Field]:
        extent = self._extents.of(struct_)
        offsets = extent.offsets or (0,) * len(struct_.members)  # a table has none
        members = [self._member(member, index, offset) for index, (member, offset) in enumerate(zip(struct_.members, offsets))]
        fields = [*_number(2, "B", _LAYOUTS[struct_.layout]), *_number(3, "B", int(struct_.appendable)),
                  *_number(13, "Q", struct_.max_size), *self._text(14, struct_.topic),
                  *_number(16, "I", struct_.hints.depth or 0), *_number(17, "I", struct_.hints.history or 0),
                  *_number(18, "B", _OVERFLOWS[struct_.hints.overflow])]
        if struct_.tail is not None:
            begin, size = elements_offset(extent), self._extents.of(strip_alias(struct_.tail.type).element).size
            members.append(self._member(struct_.tail, len(members), begin))
            fields += [(11, "Q", begin), (12, "Q", size)]
        return [*fields, (6, REFERENCE, self.references(members))]

    def _enumeration(self, type_: Enum | Bitmask) -> list[Field]:
        each = type_.enumerators if isinstance(type_, Enum) else type_.flags
        numbers = [one.number if isinstance(type_, Enum) else one.position for one in each]
        tables = [self.table([*self._text(0, one.name), *_number(1, "q", number),
                              *self._text(2, "\n".join(cpp.comment_lines(one.doc)))]) for one, number in zip(each, numbers)]
        initial = type_.default.number if isinstance(type_, Enum) else 0
        return [(7, REFERENCE, self.references(tables)), (8, "B", type_.bits), *_number(10, "q", initial)]

    def _member(self, member: Member, index: int, offset: int, more: tuple[Field, ...] = ()) -> int:
        limits = member.range or Range(None, None)
        return self.table([
            *self._text(0, member.name), (1, REFERENCE, self._shape(member.type)), *_number(2, "Q", offset),
            *_number(3, "H", index if member.id is None else member.id), *_number(4, "B", int(member.key)),
            *self._value(5, member.default), *self._value(6, limits.low), *self._value(7, limits.high),
            *self._text(8, member.unit), *self._text(9, "\n".join(cpp.comment_lines(member.doc))), *more])

    def _case(self, case: Case, offset: int) -> int:
        labels = sorted(_bits(label) for label in case.labels)
        more = [(10, REFERENCE, self.vector("q", labels))] if labels else []
        return self._member(case.member, 0, offset, (*more, *_number(11, "B", int(case.is_default)),
                                                     *_number(12, "q", _bits(case.tag))))

    def _shape(self, type_: Type) -> int:
        element, extents = flatten(type_)
        if extents:
            return self._shape_table("array", extents=extents, element=self._shape(element))
        if isinstance(element, Scalar):
            return self._shape_table(element.name)
        if isinstance(element, String):
            return self._shape_table("string", element.bound or 0)
        if isinstance(element, Sequence):
            return self._shape_table("sequence", element.bound or 0, element=self._shape(element.element))
        if isinstance(element, Optional):
            return self._shape_table("optional", element=self._shape(element.element))
        return self._shape_table("named", name=scoped(element.name))

    def _shape_table(self, form: str, bound: int = 0, extents: tuple[int, ...] = (), element: int = 0, name: str = "") -> int:
        key = (form, bound, extents, element, name)
        if key not in self._shapes:
            self._shapes[key] = self.table([
                *_number(0, "B", _FORMS[form]), *_number(1, "I", bound),
                *([(2, REFERENCE, self.vector("I", extents))] if extents else []),
                *([(3, REFERENCE, element)] if element else []), *self._text(4, name)])
        return self._shapes[key]

    def _value(self, slot: int, value: Value | None) -> list[Field]:
        if value is None:
            return []
        if value.kind == "string":
            return [(slot, REFERENCE, self.table([(1, REFERENCE, self.string(value.data))]))]
        return [(slot, REFERENCE, self.table([(0, "Q", _bits(value) & 0xFFFF_FFFF_FFFF_FFFF)]))]

    def _text(self, slot: int, text: str) -> list[Field]:
        return [(slot, REFERENCE, self.string(text.encode()))] if text else []


def _number(slot: int, fmt: str, value: int) -> list[Field]:
    """Zero is the default of every field of the schema."""
    return [(slot, fmt, value)] if value else []


def _bits(value: Value) -> int:
    if value.kind == "enum":
        return value.data.number
    if value.kind == "flags":
        return value.data.mask
    if value.kind == "float":
        return struct.unpack("<q", struct.pack("<d", value.data))[0]
    number = int(value.data)
    return number - (1 << 64) if number >= 1 << 63 else number  # the schema's labels are signed
