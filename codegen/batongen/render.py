"""Writes the output files. Files that would not change are not touched."""

from __future__ import annotations

from pathlib import Path

import jinja2

from . import fbs
from .canonical import Descriptions
from .cli import Run
from .flatc import FlatcProblem, compile_tables
from .layout import Extents
from .model import FileModel, Model, Struct
from .reflection import Literals
from .source import Span
from .view import header_view


def render(model: Model, extents: Extents, run: Run) -> None:
    if run.diagnostics.error_count or run.check_only:
        return
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False)
    literals = Literals(Descriptions(extents), extents)
    template = environment.get_template("header.hpp.j2")
    for file in model.files:
        if file.requested:
            _write(run, file, ".hpp", template.render(header=header_view(file, extents, literals)))
    _render_tables(model, extents, run)


def _render_tables(model: Model, extents: Extents, run: Run) -> None:
    """The schemas of included files are needed too, for flatc reads them. (It does not accept one with nothing in it.)"""
    files = {file.source: file for file in model.files}
    requested = [file for file in model.files if file.requested and fbs.has_tables(file)]
    needed: dict[FileModel, dict[FileModel, None]] = {}  # with all that each includes

    def need(file: FileModel) -> dict[FileModel, None]:
        if file not in needed:
            needed[file] = {}
            for other in (files[source] for source in file.includes if source in files):
                needed[file].update({**need(other), other: None})
        return needed[file]

    for file in requested:
        need(file)
    with_types = {file for file in needed if fbs.has_types(file, extents)}
    for file, included in needed.items():
        types = [other.source.named(".types.fbs") for other in included if other in with_types]
        tables = [other.source.named(".fbs") for other in included if fbs.has_tables(other)]
        if file in with_types:
            structs = frozenset(name for other in (*included, file) for name in fbs.struct_names(other))
            _write(run, file, ".types.fbs", fbs.types_text(file, extents, types, structs))
            types.append(file.source.named(".types.fbs"))
        if fbs.has_tables(file):
            _write(run, file, ".fbs", fbs.tables_text(file, types + tables))
    for file in requested:
        try:
            _write(run, file, ".fb.hpp", compile_tables(run.flatc, run.out, file.source.named(".fbs")))
        except FlatcProblem as problem:
            first = next(item for item in file.items if isinstance(item, Struct) and item.is_table)
            run.diagnostics.error(first.span, "flatc", str(problem))


def _write(run: Run, file: FileModel, suffix: str, text: str) -> None:
    output = file.source.named(suffix)
    if output in run.outputs:
        run.diagnostics.error(Span(file.source, 0, 0), "output-collision", f"{output} is made of another file, too; rename one")
        return
    run.outputs.append(output)
    path = run.out / output
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
