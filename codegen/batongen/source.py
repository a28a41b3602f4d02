"""The text of an IDL file, and places in it."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Source:
    """One IDL file. `display` is its path as the user wrote it, `header` the path of its generated header."""

    path: Path
    display: str
    relative: str
    text: str
    line_starts: tuple[int, ...] = field(repr=False)

    @staticmethod
    def make(path: Path, display: str, relative: str, text: str) -> Source:
        starts = [0]
        at = text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = text.find("\n", at + 1)
        return Source(path, display, relative, text, tuple(starts))

    @property
    def header(self) -> str:
        return self.named(".hpp")

    def named(self, suffix: str) -> str:
        """The path of a generated file, under the folder of all of them."""
        return Path(self.relative).with_suffix(suffix).as_posix()

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1; a column is one character, whatever its width."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        end = self.line_starts[line] - 1 if line < len(self.line_starts) else len(self.text)
        return self.text[self.line_starts[line - 1]:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """The characters from `start` up to `end`; an empty span is a place where something is missing."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start:self.end]

    def to(self, other: Span) -> Span:
        return Span(self.source, self.start, max(self.end, other.end))

    def after(self) -> Span:
        """The place right behind this span: where a missing token is reported."""
        return Span(self.source, self.end, self.end)
