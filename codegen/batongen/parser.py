"""Reads the files of a run and all they include, each once, into syntax trees; included files come first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, Iterator

from .annotations import ANNOTATIONS_FILE
from .cli import Run
from .cursor import Cursor
from .directives import Directives
from .grammar import Grammar
from .lexer import tokenize
from .macros import Macros
from .source import Source, Span
from .syntax import File, Include

MAX_SOURCE_BYTES = 4 * 1024 * 1024
_MAX_INCLUDE_DEPTH = 64
_BYTE_ORDER_MARK = "\ufeff"


def parse_all(run: Run) -> tuple[File, ...]:
    loader = _Loader(run)
    for path in run.files:
        loader.load_named(path)
    return tuple(loader.files)


class _Loader:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._diagnostics = run.diagnostics
        self._requested = {path.resolve() for path in run.files}
        self._sources: dict[Path, Source] = {}
        self._open: list[Source] = []  # the chain of files that are being read: each includes the next
        self._macros = Macros(run.defines, run.diagnostics)
        self.files: list[File] = []

    def load_named(self, path: Path) -> None:
        """A file of the command line."""
        self._macros.begin_run()
        self._load(path, str(path), None)

    def _load(self, path: Path, display: str, included_at: Span | None) -> Source | None:
        """Reads a file unless it was read before. None if it cannot be had; that has been reported then."""
        key = path.resolve()
        if key in self._sources:
            source = self._sources[key]
            if source in self._open and included_at is not None:
                chain = [s.display for s in self._open[self._open.index(source):]] + [source.display]
                self._diagnostics.error(included_at, "include-cycle", f"these files include each other: "
                                        f"{' -> '.join(chain)}")
                return None
            self._macros.repeat(source, included_at)
            return source
        source, readable = self._read(path, key, display, included_at)
        if source is None:
            return None
        self._sources[key] = source
        self._run.inputs.append(path)
        if not readable:
            self.files.append(File(source, (), (), key in self._requested))
            return source
        self._macros.enter(source, included_at.source if included_at is not None else None)
        self._open.append(source)
        includes: list[Include] = []
        directives = Directives(source, self._macros, lambda *name: self._include(includes, *name), self._diagnostics)
        tokens = tokenize(source, self._diagnostics, directives.obey)
        directives.finish(tokens)
        grammar = Grammar(Cursor(source, tokens, self._diagnostics))
        grammar.parse()
        self._open.pop()
        self.files.append(File(source, tuple(includes), tuple(grammar.declarations), key in self._requested,
                               tuple(directives.keylists)))
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
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            source = Source.make(path, display, relative, "")
            self._diagnostics.error(Span(source, 0, 0), "not-utf8", "this is UTF-16; save the file as UTF-8")
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
        elif text.startswith(_BYTE_ORDER_MARK):
            self._diagnostics.error(Span(source, 0, 1), "byte-order-mark",
                                    "a byte order mark; save the file as UTF-8 without one")
            # Reading goes on behind it. Columns of the first line count it, as editors do not; nobody will mind.
            source = Source.make(path, display, relative, " " + text[1:])
        return source, bad < 0

    # --- Includes ----------------------------------------------------------------------------------------------------

    def _include(self, includes: list[Include], span: Span, name: str, quoted: bool) -> None:
        if name == ANNOTATIONS_FILE:
            return
        if len(self._open) > _MAX_INCLUDE_DEPTH:
            self._diagnostics.error(span, "nesting-too-deep", f"more than {_MAX_INCLUDE_DEPTH} files include each other")
            return
        here = os.path.dirname(span.source.display)
        tried = [here] if quoted else []
        tried += [str(directory) for directory in self._run.search_path]
        for directory in tried:
            display = os.path.normpath(os.path.join(directory, name))
            if "\0" not in display and os.path.isfile(display):
                included = self._load(Path(display), display, span)
                if included is not None:
                    includes.append(Include(included, span))
                return
        folders: dict[str, str] = {}
        for directory in tried:
            folders.setdefault(os.path.abspath(directory), os.path.normpath(directory))
        shown = ", ".join(f"'{folder}'" for folder in folders.values())
        found = [file for file in _files_like(name, folders) if file != os.path.basename(span.source.display)]
        moved = [file for file in found if os.path.basename(file) == os.path.basename(name)]
        hint = self._diagnostics.suggestion(name, moved or found, cutoff=0.0 if moved else 0.8)
        remedy = hint or "; add its folder with -I (INCLUDE_DIRS in CMake)"
        self._diagnostics.error(span, "include-not-found",
                                f"'{name}' is {'in none of' if len(folders) > 1 else 'not in'} {shown}{remedy}")


def _files_like(name: str, folders: Iterable[str]) -> Iterator[str]:
    """The IDL files that could have been meant: those beside where the missing one should be, and one folder further down."""
    subfolder = os.path.dirname(name)
    for folder in folders:
        for inner in ("", subfolder):
            try:
                entries = sorted(os.listdir(os.path.join(folder, inner)))
            except (OSError, ValueError):
                continue
            for entry in entries:
                if entry.endswith(".idl"):
                    yield os.path.join(inner, entry)
                elif os.path.isfile(os.path.join(folder, inner, entry, os.path.basename(name))):
                    yield os.path.join(inner, entry, os.path.basename(name))
