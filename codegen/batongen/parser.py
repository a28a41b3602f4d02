"""Reads the files of a run and all they include, each once, into syntax trees; included files come first."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .annotations import ANNOTATIONS_FILE
from .cli import Run
from .cursor import Cursor
from .grammar import Grammar
from .lexer import Token, Tokens, tokenize
from .source import Source, Span
from .syntax import File, Include

MAX_SOURCE_BYTES = 4 * 1024 * 1024

_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z_]*)[ \t]*(.*?)[ \t]*(?://.*|/\*.*\*/[ \t]*)?$")
_INCLUDE = re.compile(r'"([^"]+)"|<([^>]+)>')
_MAX_INCLUDE_DEPTH = 64


def parse_all(run: Run) -> tuple[File, ...]:
    loader = _Loader(run)
    for path in run.files:
        loader.load(path, str(path), None)
    return tuple(loader.files)


class _Loader:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._diagnostics = run.diagnostics
        self._requested = {path.resolve() for path in run.files}
        self._sources: dict[Path, Source] = {}
        self._open: list[Source] = []  # the chain of files that are being read: each includes the next
        self.files: list[File] = []

    def load(self, path: Path, display: str, included_at: Span | None) -> Source | None:
        """Reads a file unless it was read before. None if it cannot be had; that has been reported then."""
        key = path.resolve()
        if key in self._sources:
            source = self._sources[key]
            if source in self._open and included_at is not None:
                chain = [s.display for s in self._open[self._open.index(source):]] + [source.display]
                self._diagnostics.error(included_at, "include-cycle", f"these files include each other: "
                                        f"{' -> '.join(chain)}")
                return None
            return source
        source, readable = self._read(path, key, display, included_at)
        if source is None:
            return None
        self._sources[key] = source
        self._run.inputs.append(path)
        if not readable:
            self.files.append(File(source, (), (), key in self._requested))
            return source
        self._open.append(source)
        tokens = tokenize(source, self._diagnostics)
        includes = self._directives(source, tokens)
        grammar = Grammar(Cursor(source, tokens, self._diagnostics))
        grammar.parse()
        self._open.pop()
        self.files.append(File(source, tuple(includes), tuple(grammar.declarations), key in self._requested))
        return source

    def _read(self, path: Path, key: Path, display: str, at: Span | None) -> tuple[Source | None, bool]:
        """The file as a `Source`, and whether its text can be parsed."""
        relative = self._run.relative_path(path)
        if relative is None:
            assert at is not None  # the command line has been checked before
            self._diagnostics.error(at, "include-outside", f"'{display}' is neither under the base directory nor under "
                                    "a directory given with -I, so its header has no path")
            return None, False
        try:
            data = path.read_bytes()
        except OSError as error:
            assert at is not None
            self._diagnostics.error(at, "include-not-found", f"cannot read '{display}': {error.strerror}")
            return None, False
        if len(data) > MAX_SOURCE_BYTES:
            source = Source.make(path, display, relative, "")
            self._diagnostics.error(Span(source, 0, 0), "source-too-large",
                                    f"{len(data)} bytes; an IDL file has at most {MAX_SOURCE_BYTES} (4 MiB)")
            return source, False
        try:
            text, bad = data.decode("utf-8"), -1
        except UnicodeDecodeError as error:
            text, bad = data.decode("utf-8", errors="replace"), len(data[:error.start].decode("utf-8"))
        source = Source.make(path, display, relative, text)
        if bad >= 0:
            self._diagnostics.error(Span(source, bad, bad + 1), "not-utf8",
                                    "this byte is not UTF-8; save the file as UTF-8")
        elif (nul := text.find("\0")) >= 0:
            self._diagnostics.error(Span(source, nul, nul + 1), "nul-character", "a NUL character; is this a text file?")
            bad = nul
        return source, bad < 0

    # --- Directives --------------------------------------------------------------------------------------------------

    def _directives(self, source: Source, tokens: Tokens) -> list[Include]:
        """Takes the directives out of the tokens and follows the includes."""
        if not any(token.kind == "directive" for token in tokens.tokens):
            return []
        includes: list[Include] = []
        guards: list[Token] = []
        kept: list[Token] = []
        docs_before: dict[int, list[str]] = {}
        docs_after: dict[int, list[str]] = {}
        for index, token in enumerate(tokens.tokens):
            if index in tokens.docs_before:
                docs_before.setdefault(len(kept), []).extend(tokens.docs_before[index])
            if index in tokens.docs_after and token.kind != "directive":
                docs_after[len(kept)] = tokens.docs_after[index]
            if token.kind == "directive":
                # What documents the file stands before its directives, and documents no declaration.
                docs_before.pop(len(kept), None)
                self._directive(source, token, includes, guards)
            else:
                kept.append(token)
        for guard in guards:
            self._diagnostics.error(_span(source, guard), "unbalanced-guard", "#ifndef without #endif")
        tokens.tokens, tokens.docs_before, tokens.docs_after = kept, docs_before, docs_after
        return includes

    def _directive(self, source: Source, token: Token, includes: list[Include], guards: list[Token]) -> None:
        span = _span(source, token)
        match = _DIRECTIVE.match(token.text)
        word, rest = (match.group(1), match.group(2)) if match else ("", "")
        if word == "include":
            self._include(source, token, rest, includes)
        elif word == "pragma":
            if rest != "once":
                self._diagnostics.warning(span, "unknown-pragma", f"'#pragma {rest}' means nothing to batongen")
        elif word == "ifndef" and re.fullmatch(r"\w+", rest):
            guards.append(token)
        elif word == "define" and re.fullmatch(r"\w+", rest):
            pass  # the second line of an include guard; every file is read once anyway
        elif word == "endif":
            if not guards:
                self._diagnostics.error(span, "unbalanced-guard", "#endif without #ifndef")
            else:
                guards.pop()
        elif word == "define":
            self._diagnostics.error(span, "unsupported-directive",
                                    "#define with a value is not supported; use const, as in 'const int32 N = 8;'")
        else:
            self._diagnostics.error(span, "unsupported-directive", f"'#{word}' is not supported; there are only "
                                    "#include, #pragma once, and include guards (#ifndef, #define, #endif)")

    def _include(self, source: Source, token: Token, rest: str, includes: list[Include]) -> None:
        match = _INCLUDE.fullmatch(rest)
        if not match:
            self._diagnostics.error(_span(source, token), "syntax", 'expected "file" or <file> after #include')
            return
        name = match.group(1) or match.group(2)
        if name == ANNOTATIONS_FILE:
            return
        at = token.start + token.text.find(name) - 1
        span = Span(source, at, at + len(name) + 2)
        if len(self._open) > _MAX_INCLUDE_DEPTH:
            self._diagnostics.error(span, "nesting-too-deep", f"more than {_MAX_INCLUDE_DEPTH} files include each other")
            return
        here = os.path.dirname(source.display)
        tried = [here] if match.group(1) else []
        tried += [str(directory) for directory in self._run.search_path]
        for directory in tried:
            display = os.path.normpath(os.path.join(directory, name))
            if "\0" not in display and os.path.isfile(display):
                included = self.load(Path(display), display, span)
                if included is not None:
                    includes.append(Include(included, span))
                return
        folders: dict[str, str] = {}
        for directory in tried:
            folders.setdefault(os.path.abspath(directory), os.path.normpath(directory))
        shown = ", ".join(f"'{folder}'" for folder in folders.values())
        self._diagnostics.error(span, "include-not-found", f"'{name}' is {'in none of' if len(folders) > 1 else 'not in'} "
                                f"{shown}; add its folder with -I (INCLUDE_DIRS in CMake)")


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.end)


