"""Draws a type as it lies in memory, for people: `batongen --explain sensors::Imu`."""

from __future__ import annotations

from .cli import Run
from .diagnostics import Diagnostics
from .layout import Extents
from .model import Alias, Enum, Model, Sequence, String, Struct, Type, flatten, scoped, strip_alias, type_text

_LENGTH_BYTES = 4


class _NoSuchType(Exception):
    """The text says what there is instead."""


def explain(model: Model, extents: Extents, run: Run) -> None:
    """Leaves the answer, or why there is none, in the run."""
    if run.explain is None or run.diagnostics.error_count:
        return
    try:
        run.answer = "".join(line + "\n" for line in _Drawing(extents).type(_find(run.explain, model)))
    except _NoSuchType as problem:
        run.problem = str(problem)


def _find(name: str, model: Model) -> Struct | Enum:
    """A type by its full name, or by its last word if only one type has that."""
    types = {scoped(item.name): strip_alias(item) for file in model.files for item in file.items
             if isinstance(item, (Struct, Enum, Alias))}
    wanted = name.removeprefix("::")
    found = [wanted] if wanted in types else [full for full in types if full.rpartition("::")[2] == wanted]
    if len(found) > 1:
        raise _NoSuchType(f"'{name}' is the name of several types; say which: {', '.join(sorted(found)[:10])}")
    if not found:
        pool = types if "::" in wanted else [full.rpartition("::")[2] for full in types]
        raise _NoSuchType(f"there is no type '{name}' in these files{Diagnostics().suggestion(wanted, pool)}")
    type_ = types[found[0]]
    if not isinstance(type_, (Struct, Enum)):
        raise _NoSuchType(f"'{name}' is another name for {type_text(type_)}")
    return type_


class _Drawing:
    def __init__(self, extents: Extents) -> None:
        self._extents = extents
        self._drawn: set[Type] = set()  # a struct is drawn where it appears first: there may be very many places

    def type(self, type_: Struct | Enum) -> list[str]:
        extent = self._extents.of(type_)
        lines = [f"{scoped(type_.name)}: {_bytes(extent.size)}, aligned to {extent.align}"]
        if isinstance(type_, Enum):
            return lines + [f"  {e.number:>10}  {e.name}" for e in type_.enumerators]
        return lines + ["    offset      size"] + self._members(type_, 0, 1)

    def _members(self, struct: Struct, base: int, depth: int) -> list[str]:
        self._drawn.add(struct)
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
        elif isinstance(element, Struct):
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
