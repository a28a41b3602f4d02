"""Says whether programs built from an IDL file still understand those built from an older one: `--conform OLD NEW`.

As the ports of two running programs decide it (core/src/type_difference.cpp), for every type of the older file, with all
differences at once and their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator

from .canonical import Descriptions
from .cli import Run
from .diagnostics import Diagnostics, Note
from .layout import Extents
from .model import Bitmask, Enum, Model, NamedPart, QualifiedName, Struct, Union, all_members, scoped
from .source import Span


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a type's canonical text: a member or enumerator. `place` is its offset, or the number of a table's member."""

    name: str
    type: str
    place: str
    role: str
    span: Span


def conform(model: Model, extents: Extents, run: Run, read: Callable[[Run], tuple[Model, Extents]]) -> None:
    """Reports what breaks; if nothing does, the answer says what is new. `read` is what has read the newer file."""
    if run.older is None or run.diagnostics.error_count:
        return
    old_model, old_extents = read(run.of_older())
    if run.diagnostics.error_count:
        return
    comparison = _Comparison(Descriptions(old_extents), Descriptions(extents), model, run.diagnostics)
    for type_ in _types(old_model).values():
        comparison.compare(type_)
        comparison.compare_topics(type_)
    if not run.diagnostics.error_count:
        run.answer = "".join(line + "\n" for line in comparison.added) or "the messages are the same\n"


def _types(model: Model) -> dict[QualifiedName, NamedPart]:
    return {item.name: item for file in model.files for item in file.items if isinstance(item, NamedPart)}


class _Comparison:
    def __init__(self, old: Descriptions, new: Descriptions, model: Model, diagnostics: Diagnostics) -> None:
        self._old = old
        self._new = new
        self._new_types = _types(model)
        self._new_file = next(file.source for file in model.files if file.requested)
        self._diagnostics = diagnostics
        self._problems: dict[tuple[NamedPart, bool], int] = {}
        self.added: dict[str, None] = {}  # a line each, in order

    def compare(self, root: NamedPart) -> None:
        """With all that it is made of. What may grow in a table may not in a message of fixed size."""
        if isinstance(root, (Enum, Bitmask, Union)):
            if root.name not in self._new_types:
                self._gone(root)
            return  # they matter where they are used
        growing = isinstance(root, Struct) and root.is_table
        inside = 0
        for old in self._old.dependencies(root):
            if (old, growing) not in self._problems:
                new = self._new_types.get(old.name)
                self._problems[old, growing] = self._gone(old) if new is None else self._compare(old, new, growing, bool(inside))
            inside += self._problems[old, growing]

    def compare_topics(self, old: NamedPart) -> None:
        new = self._new_types.get(old.name)
        if isinstance(old, Struct) and isinstance(new, Struct) and old.topic != new.topic:
            self.added[f"the topic of {scoped(old.name)} was '{old.topic}', and is '{new.topic}'"] = None

    def _gone(self, old: NamedPart) -> int:
        return self._report(Span(self._new_file, 0, 0), f"there is no {scoped(old.name)} any more", old.span)

    def _compare(self, old: NamedPart, new: NamedPart, growing: bool, moved: bool) -> int:
        """`moved`: something that it is made of has changed, so sizes and places are no news."""
        old_kind, _, old_rest = self._old.block(old)[0].partition(f" {scoped(old.name)} ")
        new_kind, _, new_rest = self._new.block(new)[0].partition(f" {scoped(old.name)} ")
        if old_kind != new_kind:
            return self._report(new.span, f"{scoped(old.name)} was a {old_kind}, and is a {new_kind}", old.span)
        before, after = list(_entries(old, self._old)), list(_entries(new, self._new))
        if old_kind == "table" or growing and isinstance(old, Enum) and old.appendable and new.appendable:
            problems = self._appended(old, new, before, after)
        else:
            problems = self._equal(old, new, before, after) or (not moved and self._moved(old, before, after))
        if not problems and not moved and old_rest != new_rest:
            return self._report(new.span, f"{scoped(old.name)} was {old_rest}, and is {new_rest}", old.span)
        return int(problems)

    def _appended(self, old: NamedPart, new: NamedPart, before: list[_Entry], after: list[_Entry]) -> int:
        """The older ones come first, as they were."""
        now_by_name = {entry.name: entry for entry in after}
        found = sum(self._report(new.span, f"{_title(old, entry)} is gone; keep it, even if nobody uses it", entry.span)
                    for entry in before if entry.name not in now_by_name)
        for index, entry in enumerate(before if not found else []):
            now = now_by_name[entry.name]
            if after.index(now) != index:  # and so will be what follows
                return self._report(now.span, f"{_title(old, entry)} was number {index}, and is number {after.index(now)}; new "
                                    "ones come behind the old ones", entry.span)
            found += self._same_meaning(old, entry, now)
        known = {entry.name for entry in before}
        added = [entry for entry in after if entry.name not in known]
        if isinstance(new, Struct) and not new.appendable:
            found += sum(self._report(entry.span, f"{_title(new, entry)} is new, and {scoped(new.name)} is @final", old.span)
                         for entry in added)
        elif not found:
            self.added.update({f"{_title(new, entry)} is new: older programs do not see it": None for entry in added})
        return found

    def _equal(self, old: NamedPart, new: NamedPart, before: list[_Entry], after: list[_Entry]) -> int:
        found = 0
        now_by_name = {entry.name: entry for entry in after}
        for entry in before:
            now = now_by_name.pop(entry.name, None)
            if now is None:
                found += self._report(new.span, f"{_title(old, entry)} is gone", entry.span)
            else:
                found += self._same_meaning(old, entry, now)
        why = "only tables that are @appendable get more members"
        if isinstance(old, Bitmask):
            why = "a bitmask is @final"
        elif isinstance(old, Enum):
            why = "a message of fixed size has it, which cannot grow" if old.appendable else "only an @appendable enum gets more"
        for entry in now_by_name.values():
            found += self._report(entry.span, f"{_title(new, entry)} is new; {why}", old.span)
        return found

    def _moved(self, old: NamedPart, before: list[_Entry], after: list[_Entry]) -> int:
        for entry, now in zip(before, after):
            if entry.name != now.name or entry.place != now.place:
                what = f"{_title(old, entry)} has another place in memory" if entry.place else (
                    f"{_title(old, entry)} has another place among the others")
                return self._report(now.span, what, entry.span)
        return 0

    def _same_meaning(self, old: NamedPart, entry: _Entry, now: _Entry) -> int:
        if entry.type != now.type:
            return self._report(now.span, f"{_title(old, entry)} was {entry.type}, and is {now.type}", entry.span)
        if entry.role != now.role:
            return self._report(now.span, f"{_title(old, entry)} was '{entry.role}', and is '{now.role}'", entry.span)
        return 0

    def _report(self, span: Span, message: str, old: Span) -> int:
        self._diagnostics.error(span, "breaking-change", message, Note(old, "it was here"))
        return 1


def _title(type_: NamedPart, entry: _Entry) -> str:
    return f"{scoped(type_.name)}.{entry.name}"


def _entries(type_: NamedPart, descriptions: Descriptions) -> Iterator[_Entry]:
    if isinstance(type_, (Enum, Bitmask)):
        items = type_.enumerators if isinstance(type_, Enum) else type_.flags
    else:
        items = all_members(type_)
    spans = {item.name: item.span for item in items}
    for line in descriptions.block(type_)[1:]:
        name, _, rest = line.strip().partition(" ")
        if isinstance(type_, (Enum, Bitmask)):
            yield _Entry(name, rest.removeprefix("= "), "", "", spans[name])
            continue
        at = max(rest.rfind("@"), rest.rfind("#"))
        place, _, role = rest[at + 1:].partition(" ")
        yield _Entry(name, rest[:at].rstrip(), place, role, spans.get(name, type_.span))
