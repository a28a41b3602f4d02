"""Lays types out in memory: natural alignment, little-endian, as the C++ compiler does for the generated structs.

The generated headers assert every number that is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Array, Bitmask, Enum, Model, Optional, Scalar, Sequence, String, Struct, Type, Union, strip_alias

_MAX_BYTES = 1 << 60  # sizes stop growing here, far above what `check` accepts: hostile arrays of arrays stay numbers
_FLAG_BYTES = 1       # behind the value of an optional
_LENGTH_BYTES = 4     # the length in front of strings and sequences is a uint32
_COUNT_BYTES = 8      # the number of elements of a raw struct is a uint64


@dataclass(frozen=True, slots=True)
class Extent:
    """The size and alignment of a type; of a struct or union, the offset of every member too."""

    size: int
    align: int
    offsets: tuple[int, ...] = ()


class Extents:
    """Gives the extent of every type of a model."""

    def __init__(self) -> None:
        self._composites: dict[Struct | Union, Extent] = {}

    def of(self, type_: Type) -> Extent:
        type_ = strip_alias(type_)
        if isinstance(type_, Scalar):
            return Extent(type_.size, type_.size)
        if isinstance(type_, (Enum, Bitmask)):
            return Extent(type_.bits // 8, type_.bits // 8)
        if isinstance(type_, String):
            return Extent(_round_up(_LENGTH_BYTES + (type_.bound or 0), _LENGTH_BYTES), _LENGTH_BYTES)
        if isinstance(type_, Sequence):
            element = self.of(type_.element)
            align = max(_LENGTH_BYTES, element.align)
            elements = min(_MAX_BYTES, element.size * (type_.bound or 0))
            return Extent(_round_up(_round_up(_LENGTH_BYTES, element.align) + elements, align), align)
        if isinstance(type_, Array):
            element = self.of(type_.element)
            count = 1
            for extent in type_.extents:
                count *= extent
            return Extent(min(_MAX_BYTES, element.size * count), element.align)
        if isinstance(type_, Optional):
            element = self.of(type_.element)
            return Extent(_round_up(element.size + _FLAG_BYTES, element.align), element.align)
        if isinstance(type_, (Struct, Union)):
            return self._composites[type_]
        return Extent(0, 1)  # a broken type: nothing is written in this run

    def add(self, type_: Struct | Union) -> None:
        self._composites[type_] = self._struct(type_) if isinstance(type_, Struct) else self._union(type_)

    def _struct(self, struct: Struct) -> Extent:
        if struct.is_table:
            return Extent(0, 8)  # each message is laid out when it is built
        offset, align, offsets = 0, 1, []
        for member in struct.members:
            extent = self.of(member.type)
            offset = _round_up(offset, extent.align)
            offsets.append(offset)
            offset += extent.size
            align = max(align, extent.align)
        # An empty struct has size 1, as in C++.
        return Extent(max(1, _round_up(offset, align)), align, tuple(offsets))

    def _union(self, union: Union) -> Extent:
        """The tag, then room for any of the members."""
        tag, room = self.of(union.tag), self.room(union)
        offset = _round_up(tag.size, room.align)
        align = max(tag.align, room.align)
        return Extent(_round_up(offset + room.size, align), align, (offset,) * len(union.members))

    def room(self, union: Union) -> Extent:
        """The place of a union's members, behind its tag."""
        members = [self.of(member.type) for member in union.members]
        align = max(member.align for member in members)
        return Extent(_round_up(max(member.size for member in members), align), align)


def elements_offset(head: Extent) -> int:
    """Where the elements of a raw struct begin: behind the head and their number, at a multiple of 64."""
    return _round_up(_round_up(head.size, _COUNT_BYTES) + _COUNT_BYTES, 64)


def lay_out(model: Model) -> Extents:
    extents = Extents()
    for type_ in model.composites():
        extents.add(type_)
    return extents


def _round_up(value: int, align: int) -> int:
    return (value + align - 1) // align * align
