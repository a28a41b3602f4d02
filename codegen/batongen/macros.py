"""Which macros are defined where. They have no values here: they only say what is read.

As in C, they are seen in the order of the text, across includes. But a file is read once in a run, and has one header;
so when a second file includes it, what it does to the macros is repeated from a record, and it is an error if it would
mean something else by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from .diagnostics import Diagnostics, Note
from .source import Source, Span


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    defined: bool
    span: Span


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    defined: bool
    span: Span


_Step = _Test | _Setting | Source


class Macros:
    def __init__(self, predefined: Iterable[str], diagnostics: Diagnostics) -> None:
        self._predefined = tuple(predefined)
        self._diagnostics = diagnostics
        self._defined: dict[str, Span | None] = {}
        self._seen: set[Source] = set()  # by the file of the command line that is read, and what it includes
        self._steps: dict[Source, list[_Step]] = {}
        self._guards: set[str] = set()  # asking for these is asking whether a file was read, which changes no meaning

    def begin_run(self) -> None:
        """A file of the command line knows nothing of the others."""
        self._defined = dict.fromkeys(self._predefined)
        self._seen = set()

    def enter(self, source: Source, included_by: Source | None) -> None:
        """A file is read for the first time."""
        self._seen.add(source)
        self._steps[source] = []
        if included_by is not None:
            self._steps[included_by].append(source)

    def is_defined(self, name: str, span: Span) -> bool:
        self._steps[span.source].append(_Test(name, name in self._defined, span))
        return name in self._defined

    def is_guard(self, name: str) -> None:
        """A file begins with #ifndef of this name."""
        self._guards.add(name)

    def defined_at(self, name: str) -> Span | None:
        return self._defined.get(name)

    def set(self, name: str, defined: bool, span: Span) -> None:
        self._steps[span.source].append(_Setting(name, defined, span))
        self._apply(name, defined, span)

    def _apply(self, name: str, defined: bool, span: Span) -> None:
        if defined:
            self._defined.setdefault(name, span)
        else:
            self._defined.pop(name, None)

    def repeat(self, source: Source, included_at: Span | None) -> None:
        """A file that was read before is included again, or now is the next one of the command line."""
        if included_at is not None:
            self._steps[included_at.source].append(source)
        self._repeat(source, included_at)

    def _repeat(self, source: Source, included_at: Span | None) -> None:
        if source in self._seen:
            return
        self._seen.add(source)
        for step in self._steps.get(source, ()):
            if isinstance(step, Source):
                self._repeat(step, included_at)
            elif isinstance(step, _Setting):
                self._apply(step.name, step.defined, step.span)
            elif step.name not in self._guards and (step.name in self._defined) != step.defined:
                here, there = ("is not", "was") if step.defined else ("is", "was not")
                self._diagnostics.error(
                    included_at or step.span, "ambiguous-conditional",
                    f"'{source.display}' was read with another meaning before: '{step.name}' {here} defined now, and "
                    f"{there} then; use -D, which holds for all files", Note(step.span, "it is asked for here"))
                return
