"""The canonical text of a type, and its fingerprint.

Two programs agree about a type when these texts agree: layout, scoped names, members, offsets, enumerators. Typedefs,
comments, topics and file names do not appear in it; defaults do in tables alone, where they stand for what is not written.
Lines at the end of a block that says `appendable` may be missing on one side.
"""

from __future__ import annotations

import hashlib

from .layout import Extents, elements_offset
from .model import Bitmask, Case, Enum, Member, NamedPart, Struct, Union, Value, direct_parts, scoped, strip_alias, type_text

TAG = "(tag)"  # where members have a name: no member can be called so


class Descriptions:
    """The canonical texts of a run. Every text repeats the blocks of the types that its own is made of, so each block is
    made once."""

    def __init__(self, extents: Extents) -> None:
        self._extents = extents
        self._blocks: dict[NamedPart, tuple[str, ...]] = {}
        self._parts: dict[NamedPart, tuple[NamedPart, ...]] = {}

    def text(self, root: NamedPart) -> str:
        return "".join(line + "\n" for block in self.blocks(root) for line in block)

    def blocks(self, root: NamedPart) -> list[tuple[str, ...]]:
        return [("baton-type 1",), *(self.block(type_) for type_ in self.dependencies(root))]

    def dependencies(self, root: NamedPart) -> list[NamedPart]:
        """The types that the root is made of, each once, before what uses it; the root comes last."""
        found: dict[NamedPart, None] = {}

        def visit(type_: NamedPart) -> None:
            if type_ in found:
                return
            for part in self._direct_parts(type_):
                visit(part)
            found[type_] = None

        visit(root)
        return list(found)

    def _direct_parts(self, type_: NamedPart) -> tuple[NamedPart, ...]:
        if type_ not in self._parts:
            self._parts[type_] = tuple(dict.fromkeys(direct_parts(type_)))
        return self._parts[type_]

    def block(self, type_: NamedPart) -> tuple[str, ...]:
        """The lines of one type, without those of its parts."""
        if type_ not in self._blocks:
            if isinstance(type_, Enum):
                lines = _enum_block(type_)
            elif isinstance(type_, Bitmask):
                lines = _bitmask_block(type_)
            elif isinstance(type_, Struct) and type_.is_table:
                lines = _table_block(type_)
            elif isinstance(type_, Union):
                lines = _union_block(type_, self._extents)
            else:
                lines = _struct_block(type_, self._extents)
            self._blocks[type_] = tuple(lines)
        return self._blocks[type_]


def fingerprint(text: str) -> str:
    """32 hexadecimal digits: SHA-256 of the text, cut to 128 bits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _enum_block(enum: Enum) -> list[str]:
    appendable = " appendable" if enum.appendable else ""
    return [f"enum {scoped(enum.name)} int{enum.bits}{appendable}", *(f"  {e.name} = {e.number}" for e in enum.enumerators)]


def _bitmask_block(bitmask: Bitmask) -> list[str]:
    return [f"bitmask {scoped(bitmask.name)} uint{bitmask.bits}", *(f"  {f.name} = {f.position}" for f in bitmask.flags)]


def _struct_block(struct: Struct, extents: Extents) -> list[str]:
    extent = extents.of(struct)
    lines = [f"struct {scoped(struct.name)} {struct.layout} size {extent.size} align {extent.align}"]
    for member, offset in zip(struct.members, extent.offsets):
        lines.append(_member_line(member, offset, "key" if member.key else ""))
    if struct.tail is not None:
        size = extents.of(strip_alias(struct.tail.type).element).size
        lines.append(_member_line(struct.tail, elements_offset(extent), f"each {size}"))
    return lines


def _table_block(table: Struct) -> list[str]:
    """In the order of the ids: an added member comes last. What does not lie in memory has no offset."""
    lines = [f"table {scoped(table.name)} {'appendable' if table.appendable else 'final'}"]
    for index, member in by_id(table):
        default = _default_text(member)
        lines.append(f"  {member.name} {type_text(member.type)} #{index}{default}{' key' if member.key else ''}")
    return lines


def by_id(table: Struct) -> list[tuple[int, Member]]:
    """The members of a table with the numbers that FlatBuffers knows them by."""
    numbered = ((index if member.id is None else member.id, member) for index, member in enumerate(table.members))
    return sorted(numbered, key=lambda pair: pair[0])


def _default_text(member: Member) -> str:
    """What a member that is not written is read as, if that is not 0."""
    type_ = strip_alias(member.type)
    if isinstance(type_, Enum):
        return f" = {type_.default.number}" if type_.default.number else ""
    if member.default is None or member.default.kind == "string" or not member.default.data:
        return ""
    return f" = {int(member.default.data) if member.default.kind == 'bool' else member.default.data}"


def _union_block(union: Union, extents: Extents) -> list[str]:
    extent = extents.of(union)
    lines = [f"union {scoped(union.name)} fixed size {extent.size} align {extent.align}",
             f"  {TAG} {type_text(union.tag)} @0"]
    for case, offset in zip(union.cases, extent.offsets):
        lines.append(_member_line(case.member, offset, f"case {labels_text(case)}"))
    return lines


def _member_line(member: Member, offset: int, more: str) -> str:
    return f"  {member.name} {type_text(member.type)} @{offset} {more}".rstrip()


def labels_text(case: Case) -> str:
    """"1, 2, default": the order in which they were written does not count."""
    labels = [_label_text(label) for label in sorted(case.labels, key=_label_number)]
    return ", ".join([*labels, "default"] if case.is_default else labels)


def _label_number(label: Value) -> int:
    return label.data.number if label.kind == "enum" else int(label.data)


def _label_text(label: Value) -> str:
    if label.kind == "enum":
        return label.data.name
    if label.kind == "bool":
        return "TRUE" if label.data else "FALSE"
    return str(label.data)
