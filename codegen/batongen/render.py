"""Writes the output files: one template each. Files that would not change are not touched."""

from __future__ import annotations

from pathlib import Path

import jinja2

from .canonical import Descriptions
from .cli import Run
from .layout import Extents
from .model import Model
from .reflection import Literals
from .view import header_view

# (template, what replaces the `.idl` of the file's path)
OUTPUTS = (
    ("header.hpp.j2", ".hpp"),
)


def render(model: Model, extents: Extents, run: Run) -> None:
    if run.diagnostics.error_count or run.check_only:
        return
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False)
    literals = Literals(Descriptions(extents), extents)
    for file in model.files:
        if not file.requested:
            continue
        view = header_view(file, extents, literals)
        for template, suffix in OUTPUTS:
            text = environment.get_template(template).render(header=view)
            output = Path(file.source.relative).with_suffix(suffix)
            run.outputs.append(output.as_posix())
            _write_if_changed(run.out / output, text)


def _write_if_changed(path: Path, text: str) -> None:
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
