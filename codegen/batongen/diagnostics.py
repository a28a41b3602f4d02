"""Collects what is wrong with the input; `report.py` writes all of it down at the end.

Every diagnostic has a name from `NAMES`; the tests go through that table and demand a case for each.
"""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from typing import Iterable, Mapping

from .source import Source, Span

NAMES = {
    # What the file is made of.
    "source-too-large": "a file of more than 4 MiB",
    "not-utf8": "a file that is not UTF-8 text",
    "byte-order-mark": "a file that begins with a byte order mark",
    "nul-character": "a NUL character, as in a file that is not text",
    "stray-character": "a character that has no meaning in IDL",
    "unterminated-comment": "a /* without its */",
    "unterminated-string": "a string or character literal that does not end on its line",
    "bad-literal": "a malformed number, string or character literal",
    # Directives.
    "unsupported-directive": "a preprocessor directive that batongen does not know, or a #define with a value",
    "misplaced-directive": "an #include inside braces",
    "unterminated-conditional": "an #if without its #endif",
    "unbalanced-conditional": "an #endif, #else or #elif without its #if, or behind its #else",
    "ambiguous-conditional": "a file that would mean something else where it is included again",
    "skipped-file": "warning: a file of which nothing is read, because another one has defined its include guard",
    "include-not-found": "an included file that is in no include directory",
    "include-cycle": "files that include each other",
    "include-outside": "an included file whose header would have no path",
    "unknown-pragma": "warning: a #pragma that means nothing to batongen",
    # Grammar.
    "syntax": "something else was expected here",
    "missing-semicolon": "a declaration without its semicolon",
    "unclosed-brace": "a { without its }",
    "unsupported": "a construct of OMG IDL that batongen does not handle",
    "nesting-too-deep": "more than 64 levels of modules, parentheses or types",
    "not-portable": "with --portable: what another IDL tool refuses or takes for something else",
    # Names.
    "duplicate-name": "two declarations of one name in one scope",
    "name-differs-in-case": "warning: two names of one scope that differ only in case",
    "reserved-name": "a name that belongs to C++ or to baton",
    "cpp-name-collision": "two names that become one in C++",
    "unknown-name": "a name that is declared nowhere",
    "unknown-member": "a name in a #pragma keylist that is no member",
    "foreign-key": "a #pragma keylist that would make a key of another file's struct",
    "not-included": "a name of a file that this one does not include",
    "used-before-declaration": "a name that is declared further down",
    "not-a-type": "a name that is something else than a type",
    "not-a-constant": "a name that is something else than a constant",
    "recursive-type": "a struct or union that contains itself",
    "incomplete-type": "a type that is announced, and not declared in full where that is needed, or nowhere",
    # Values.
    "constant-type": "an expression of the wrong type",
    "constant-overflow": "a value that does not fit its type",
    "inexact-division": "warning: an integer division with a remainder in a floating-point constant",
    "division-by-zero": "a division or remainder by zero",
    "shift-out-of-range": "a shift by less than 0 or more than 63 bits",
    "bound-out-of-range": "a bound or extent that is less than 1 or too large",
    "duplicate-value": "two enumerators with one value, or two flags with one position",
    # Types.
    "empty-module": "a module with nothing in it",
    "empty-enum": "an enum without enumerators, or a bitmask without flags",
    "empty-union": "a union without members",
    "tag-type": "a type that cannot be the tag of a union",
    "label-type": "a label that is not a value of the tag's type",
    "duplicate-label": "two cases with one label, or two defaults",
    "unreachable-default": "a default in a union whose cases have every value already",
    "not-a-struct": "a base that is no struct",
    "too-many-members": "more than 20000 inherited members in one run",
    "unbounded-member": "a string or sequence without bound in a type of fixed layout",
    "raw-layout": "a struct of the layout raw that does not end with a sequence without bound, or is a part of another type",
    "extensibility": "@appendable beside @final, or on a struct that is no table",
    "table-layout": "a table in a type of fixed layout, or what no table can have",
    "table-too-large": "a table whose parts of fixed size take more than the 65535 bytes that FlatBuffers can address",
    "flatc": "FlatBuffers' compiler, which a table needs, was not found, or refused",
    "output-collision": "two files from which one output would be made, as plan.fb.hpp of plan.idl and of plan.fb.idl",
    "type-too-large": "a type of more than 64 MiB",
    "descriptions-too-long": "more than 500000 lines of canonical text in one run",
    # Annotations.
    "unknown-annotation": "warning: an annotation that means nothing to batongen",
    "ignored-annotation": "warning: an annotation that has no effect",
    "misplaced-annotation": "an annotation where it has no meaning",
    "duplicate-annotation": "an annotation given twice",
    "annotation-argument": "an argument that is missing, unknown or of the wrong type",
    "topic-name": "a topic name that baton does not allow",
    "duplicate-topic": "warning: two structs with one topic",
    "default-type": "a @default that does not fit its member",
    "optional-clash": "@optional with @key or @default",
    "key-type": "a @key that is of no type for keys",
    "range-type": "a @range, @min or @max that does not fit its member",
    "member-id": "ids of members that are not 0, 1, 2 ..., each once",
    # Comparing with an older file.
    "breaking-change": "a change after which older programs do not understand newer ones, found by --conform",
}

WARNINGS = tuple(name for name, text in NAMES.items() if text.startswith("warning: "))
_SUGGESTION_BUDGET = 50_000  # comparisons spent on spelling suggestions in one run


@dataclass(frozen=True, slots=True)
class Note:
    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    severity: str
    span: Span
    name: str
    message: str
    notes: tuple[Note, ...]


class Diagnostics:
    def __init__(self, severities: Mapping[str, str] | None = None) -> None:
        """`severities`: by the name of a warning, what it is instead: an error, or off."""
        self._severities = severities or {}
        self._found: dict[tuple, Diagnostic] = {}
        self._budget = _SUGGESTION_BUDGET
        self._files: dict[Source, int] = {}
        self.error_count = 0

    def error(self, span: Span, name: str, message: str, *notes: Note) -> None:
        self._add("error", span, name, message, notes)

    def warning(self, span: Span, name: str, message: str, *notes: Note) -> None:
        severity = self._severities.get(name, "warning")
        if severity != "off":
            self._add(severity, span, name, message, notes)

    def _add(self, severity: str, span: Span, name: str, message: str, notes: tuple[Note, ...]) -> None:
        assert name in NAMES, name
        key = (span.source, span.start, name, message)
        if key in self._found:
            return
        self._files.setdefault(span.source, len(self._files))
        self._found[key] = Diagnostic(severity, span, name, message, notes)
        if severity == "error":
            self.error_count += 1

    def suggestion(self, name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str:
        """"; did you mean 'Pose'?", or nothing. Spends from a budget, so that bad input cannot cost minutes."""
        if self._budget <= 0 or len(name) > 100:
            return ""
        pool = list(dict.fromkeys(itertools.islice(candidates, self._budget)))
        self._budget -= len(pool) * max(1, len(name) // 8) ** 2
        folded = {candidate.lower(): candidate for candidate in reversed(pool)}
        close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=cutoff)
        return f"; did you mean '{folded[close[0]]}'?" if close and folded[close[0]] != name else ""

    def sorted(self) -> list[Diagnostic]:
        """All of them by file, line and column."""
        order = {source: index for index, source in enumerate(sorted(self._files, key=lambda s: s.display))}
        return sorted(self._found.values(), key=lambda d: (order[d.span.source], d.span.start, d.span.end, d.name))
