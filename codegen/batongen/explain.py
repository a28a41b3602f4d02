"""Draws a type as it lies in memory, for people: `batongen --explain sensors::Imu`."""

from __future__ import annotations

from . import fbs
from .canonical import TAG, by_id, labels_text
from .cli import Run
from .layout import Extents, elements_offset
from .model import (Bitmask, Enum, Model, NamedPart, Optional, Sequence, String, Struct, Type, Union, flatten, scoped,
                    strip_alias, type_text)
from .wanted import NoSuchType, find_type

_LENGTH_BYTES = 4
_COUNT_BYTES = 8


def explain(model: Model, extents: Extents, run: Run) -> None:
    """Leaves the answer, or why there is none, in the run."""
    if run.explain is None or run.diagnostics.error_count:
        return
    try:
        run.answer = "".join(line + "\n" for line in _Drawing(extents).type(find_type(run.explain, model)))
    except NoSuchType as problem:
        run.problem = str(problem)


class _Drawing:
    def __init__(self, extents: Extents) -> None:
        self._extents = extents
        self._drawn: set[Type] = set()  # a struct is drawn where it appears first: there may be very many places

    def type(self, type_: NamedPart) -> list[str]:
        extent = self._extents.of(type_)
        lines = [f"{scoped(type_.name)}: {_bytes(extent.size)}, aligned to {extent.align}"]
        if isinstance(type_, Enum):
            return lines + [f"  {e.number:>10}  {e.name}" for e in type_.enumerators]
        if isinstance(type_, Bitmask):
            return lines + [f"  {f'bit {f.position}':>10}  {f.name}" for f in type_.flags]
        if isinstance(type_, Struct) and type_.is_table:
            return self._table(type_)
        lines += ["    offset      size"] + self._members(type_, 0, 1)
        return lines + self._tail(type_) if isinstance(type_, Struct) and type_.tail is not None else lines

    def _table(self, table: Struct) -> list[str]:
        """Where its members lie is each message's own; what lies inline has a size."""
        growth = "appendable" if table.appendable else "final"
        lines = [f"{scoped(table.name)}: a table of FlatBuffers, {growth}", "        id    inline"]
        for index, member in by_id(table):
            key = "  @key" if member.key else ""
            size = fbs.inline_size(member.type, self._extents)
            lines.append(_line(index, size, 1, f"{type_text(member.type)} {member.name}{key}"))
        return lines

    def _tail(self, struct: Struct) -> list[str]:
        """What a message of the layout raw has behind its head."""
        head = self._extents.of(struct)
        element = strip_alias(struct.tail.type).element
        first = elements_offset(head)
        count = -(-head.size // _COUNT_BYTES) * _COUNT_BYTES
        size = self._extents.of(element).size
        return [*_gap(head.size, count - head.size, 1), _line(count, _COUNT_BYTES, 1, f"number of {struct.tail.name}"),
                *_gap(count + _COUNT_BYTES, first - count - _COUNT_BYTES, 1),
                _line(first, size, 1, f"{type_text(struct.tail.type)} {struct.tail.name}: the first of them, each of "
                      f"{_bytes(size)}"), *self._inside(element, first, 2)]

    def _members(self, struct: Struct | Union, base: int, depth: int) -> list[str]:
        self._drawn.add(struct)
        if isinstance(struct, Union):
            return self._cases(struct, base, depth)
        extent = self._extents.of(struct)
        lines: list[str] = []
        end = 0
        for member, offset in zip(struct.members, extent.offsets):
            lines += _gap(base + end, offset - end, depth)
            size = self._extents.of(member.type).size
            key = "  @key" if member.key else ""
            lines.append(_line(base + offset, size, depth, f"{type_text(member.type)} {member.name}{key}"))
            lines += self._inside(member.type, base + offset, depth + 1)
            end = offset + size
        return lines + _gap(base + end, extent.size - end, depth)

    def _cases(self, union: Union, base: int, depth: int) -> list[str]:
        """The tag, then the members, which all begin at one place."""
        extent = self._extents.of(union)
        tag = self._extents.of(union.tag).size
        lines = [_line(base, tag, depth, f"{type_text(union.tag)} {TAG}"), *_gap(base + tag, extent.offsets[0] - tag, depth)]
        end = 0
        for case, offset in zip(union.cases, extent.offsets):
            size = self._extents.of(case.member.type).size
            lines.append(_line(base + offset, size, depth,
                               f"{type_text(case.member.type)} {case.member.name}  case {labels_text(case)}"))
            lines += self._inside(case.member.type, base + offset, depth + 1)
            end = max(end, offset + size)
        return lines + _gap(base + end, extent.size - end, depth)

    def _inside(self, type_: Type, base: int, depth: int) -> list[str]:
        """What a member is made of: the members of a struct, or the length and elements of a sequence."""
        element, counts = flatten(type_)
        size = self._extents.of(element).size
        if isinstance(element, Sequence):
            inner = self._extents.of(element.element)
            first = max(_LENGTH_BYTES, inner.align)
            what = f"up to {element.bound}" if element.bound is not None else "any number of"
            lines = [_line(base, _LENGTH_BYTES, depth, "length"),
                     *_gap(base + _LENGTH_BYTES, first - _LENGTH_BYTES, depth),
                     _line(base + first, inner.size * (element.bound or 0), depth,
                           f"{what} {type_text(element.element)}, each of {_bytes(inner.size)}")]
            lines += self._inside(element.element, base + first, depth + 1)
            lines += _gap(base + first + inner.size * (element.bound or 0),
                          size - first - inner.size * (element.bound or 0), depth)
        elif isinstance(element, String) and not counts:
            bound = element.bound or 0
            lines = [_line(base, _LENGTH_BYTES, depth, "length"), _line(base + _LENGTH_BYTES, bound, depth, "text"),
                     *_gap(base + _LENGTH_BYTES + bound, size - _LENGTH_BYTES - bound, depth)]
        elif isinstance(element, Optional):
            inner = self._extents.of(element.element).size
            lines = [*self._inside(element.element, base, depth), _line(base + inner, 1, depth, "whether it is there"),
                     *_gap(base + inner + 1, size - inner - 1, depth)]
        elif isinstance(element, (Struct, Union)):
            seen = element in self._drawn
            lines = [_note(depth, "as above")] if seen else self._members(element, base, depth)
        else:
            return []
        return [_note(depth, f"the first of them, each of {_bytes(size)}:"), *lines] if counts else lines


def _gap(offset: int, size: int, depth: int) -> list[str]:
    return [_line(offset, size, depth, "(padding)")] if size > 0 else []


def _line(offset: int, size: int, depth: int, text: str) -> str:
    return f"{offset:>10}{size:>10}{'  ' * depth}{text}"


def _note(depth: int, text: str) -> str:
    return f"{'':20}{'  ' * depth}{text}"


def _bytes(count: int) -> str:
    return f"{count} byte" if count == 1 else f"{count} bytes"
