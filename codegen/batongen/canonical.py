"""The canonical text of a type, and its fingerprint.

Two programs agree about a type when these texts agree: layout, scoped names, members, offsets, enumerators. Typedefs,
comments, defaults, topics and file names do not appear in it.
"""

from __future__ import annotations

import hashlib

from .layout import Extents
from .model import Bitmask, Enum, NamedPart, Struct, named_part, scoped, type_text


def canonical_lines(root: NamedPart, extents: Extents) -> tuple[str, ...]:
    lines = ["baton-type 1"]
    for type_ in _with_dependencies(root):
        if isinstance(type_, Enum):
            lines += _enum_block(type_)
        elif isinstance(type_, Bitmask):
            lines += _bitmask_block(type_)
        else:
            lines += _struct_block(type_, extents)
    return tuple(lines)


def fingerprint(lines: tuple[str, ...]) -> str:
    """32 hexadecimal digits: SHA-256 of the text, cut to 128 bits."""
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()[:32]


def _with_dependencies(root: NamedPart) -> list[NamedPart]:
    """The types that the root is made of, each once, before what uses it; the root comes last."""
    found: dict[NamedPart, None] = {}

    def visit(type_: NamedPart) -> None:
        if type_ in found:
            return
        if isinstance(type_, Struct):
            for member in type_.members:
                part = named_part(member.type)
                if part is not None:
                    visit(part)
        found[type_] = None

    visit(root)
    return list(found)


def _enum_block(enum: Enum) -> list[str]:
    return [f"enum {scoped(enum.name)} int{enum.bits}", *(f"  {e.name} = {e.number}" for e in enum.enumerators)]


def _bitmask_block(bitmask: Bitmask) -> list[str]:
    return [f"bitmask {scoped(bitmask.name)} uint{bitmask.bits}", *(f"  {f.name} = {f.position}" for f in bitmask.flags)]


def _struct_block(struct: Struct, extents: Extents) -> list[str]:
    extent = extents.of(struct)
    lines = [f"struct {scoped(struct.name)} fixed size {extent.size} align {extent.align}"]
    for member, offset in zip(struct.members, extent.offsets):
        lines.append(f"  {member.name} {type_text(member.type)} @{offset}")
    return lines
