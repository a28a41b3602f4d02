"""Writes diagnostics down: as text for people, as JSON for editors."""

from __future__ import annotations

import json
import unicodedata
from typing import Sequence

from .diagnostics import Diagnostic
from .source import Span

MAX_PRINTED = 1000  # beyond that nobody reads, and the output of a hostile file stays bounded
_WINDOW = 160       # characters of a source line that are shown at most

_COLOURS = {"place": "\x1b[1m", "error": "\x1b[1;31m", "warning": "\x1b[1;35m", "note": "\x1b[1;36m", "caret": "\x1b[1;32m"}


def as_text(found: Sequence[Diagnostic], colour: bool) -> str:
    out: list[str] = []
    for diagnostic in found[:MAX_PRINTED]:
        message = f"{diagnostic.message} [{diagnostic.name}]"
        out += _lines(diagnostic.span, diagnostic.severity, message, colour)
        for note in diagnostic.notes:
            out += _lines(note.span, "note", note.message, colour)
    if len(found) > MAX_PRINTED:
        out.append(f"batongen: {len(found) - MAX_PRINTED} more diagnostics are not shown")
    return "".join(line + "\n" for line in out)


def as_json(found: Sequence[Diagnostic]) -> str:
    """An array, one diagnostic to a line. Lines and columns count from 1, and the end is behind the last character."""
    entries = []
    for diagnostic in found[:MAX_PRINTED]:
        notes = [{**_place(note.span), "message": note.message} for note in diagnostic.notes]
        entries.append(json.dumps({**_place(diagnostic.span), "severity": diagnostic.severity, "name": diagnostic.name,
                                   "message": diagnostic.message, "notes": notes}))
    return "[" + ",".join("\n  " + entry for entry in entries) + ("\n]\n" if entries else "]\n")


def _place(span: Span) -> dict[str, object]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"file": span.source.display, "line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _lines(span: Span, severity: str, message: str, colour: bool) -> list[str]:
    line, column = span.source.position(span.start)
    source_line = span.source.line_text(line)
    place = _paint("place", f"{span.source.display}:{line}:{column}:", colour)
    head = f"{place} {_paint(severity, severity + ':', colour)} {message}"
    if not source_line.strip():
        return [head]
    # A line of unreasonable length is cut to a window around the place.
    start = max(0, column - 1 - _WINDOW // 2) if len(source_line) > _WINDOW else 0
    shown = source_line[start:start + _WINDOW]
    before = source_line[start:column - 1]
    under = source_line[column - 1:min(column - 1 + max(span.end - span.start, 1), start + _WINDOW)]
    indent = "".join(c if c == "\t" else " " * _width(c) for c in before)
    caret = "^" + "~" * (sum(_width(c) for c in under) - 1)
    return [head, "  " + _printable(shown), "  " + indent + _paint("caret", caret, colour)]


def _paint(what: str, text: str, colour: bool) -> str:
    return f"{_COLOURS[what]}{text}\x1b[0m" if colour else text


def _width(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _printable(text: str) -> str:
    """Control characters would confuse the terminal, and the caret below."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
