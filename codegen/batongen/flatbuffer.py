"""Writes FlatBuffers: as much of the format as type descriptions need, so that the generator needs no library for it.

A buffer grows from its end, parts before what they refer to. A position is a distance from the end, which does not change
any more when something is put in front.
"""

from __future__ import annotations

import struct
from typing import Iterable

# Of a table's field: (slot, struct format, value), or (slot, REFERENCE, position).
REFERENCE = "ref"
Field = tuple[int, str, int]


class Writer:
    def __init__(self) -> None:
        self._parts: list[bytes] = []  # the last one comes first in the buffer
        self._vtables: dict[bytes, int] = {}
        self._strings: dict[bytes, int] = {}
        self.size = 0

    def bytes(self) -> bytes:
        return b"".join(reversed(self._parts))

    def put(self, data: bytes, align: int) -> int:
        """Puts data in front, so that it begins at a multiple of `align` from the end; gives its position."""
        padding = -(self.size + len(data)) % align
        if padding:
            self._parts.append(bytes(padding))
        self._parts.append(data)
        self.size += padding + len(data)
        return self.size

    def string(self, text: bytes) -> int:
        if text not in self._strings:
            self._strings[text] = self.put(struct.pack("<I", len(text)) + text + b"\0", 4)
        return self._strings[text]

    def vector(self, fmt: str, values: Iterable[int]) -> int:
        values = list(values)
        data = struct.pack(f"<{len(values)}{fmt}", *values)
        align = struct.calcsize(fmt)
        self.put(data, max(4, align))
        return self.put(struct.pack("<I", len(values)), 4)

    def references(self, positions: list[int]) -> int:
        end = self._next(4 * len(positions), 4)
        data = b"".join(struct.pack("<I", end - 4 * index - position) for index, position in enumerate(positions))
        self.put(data, 4)
        return self.put(struct.pack("<I", len(positions)), 4)

    def table(self, fields: list[Field]) -> int:
        """The largest fields first, as every builder of FlatBuffers has them; absent ones are not among them."""
        sized = sorted(((struct.calcsize("I" if fmt == REFERENCE else fmt), slot, fmt, value)
                        for slot, fmt, value in fields), key=lambda field: (-field[0], field[1]))
        widest = sized[0][0] if sized else 4
        start = 4 if widest <= 4 else 8  # the fields begin behind the offset of the vtable, which has 4 bytes
        length, places = start, {}
        for size, slot, _, _ in sized:
            places[slot] = length
            length += size
        length += -length % max(4, widest)
        position = self._next(length, max(4, widest))
        slots = max(places, default=-1) + 1
        vtable = struct.pack(f"<{slots + 2}H", 4 + 2 * slots, length, *(places.get(slot, 0) for slot in range(slots)))
        known = self._vtables.get(vtable)
        vtable_position = known if known is not None else position + len(vtable)
        data = bytearray(length)
        struct.pack_into("<i", data, 0, vtable_position - position)
        for _, slot, fmt, value in sized:
            if fmt == REFERENCE:
                struct.pack_into("<I", data, places[slot], position - places[slot] - value)
            else:
                struct.pack_into("<" + fmt, data, places[slot], value)
        self.put(bytes(data), max(4, widest))
        if known is None:
            self._vtables[vtable] = self.put(vtable, 2)
        return position

    def finish(self, root: int) -> bytes:
        """The whole buffer: a multiple of 8 bytes, which begins with the root's place."""
        position = self._next(4, 8)
        self.put(struct.pack("<I", position - root), 8)
        return self.bytes()

    def _next(self, length: int, align: int) -> int:
        """Where data of that length will be put."""
        return self.size + length + -(self.size + length) % align
