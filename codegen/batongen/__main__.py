"""`python3 -m batongen`: the stages of the generator, in order.

Each stage takes what the one before it made and reports what is wrong to `run.diagnostics`; none of them stops at the
first error. `portability`, and those after `read`, need a correct input: they do nothing when there were errors.
"""

import gc
import sys

from . import check, cli, conform, explain, layout, parser, portability, portable, render, resolve
from .model import Model


def read(run: cli.Run) -> tuple[Model, layout.Extents]:
    files = run.timed("parse", parser.parse_all, run)
    model = run.timed("resolve", resolve.resolve, files, run)
    extents = run.timed("layout", layout.lay_out, model)
    run.timed("check", check.check, model, extents, run)
    portability.check(files, model, run)
    return model, extents


def generate(run: cli.Run) -> None:
    """The generator in a few lines."""
    model, extents = read(run)
    run.timed("render", render.render, model, extents, run)
    conform.conform(model, extents, run, read)
    explain.explain(model, extents, run)
    portable.write(model, extents, run)


if __name__ == "__main__":
    gc.disable()  # a run makes many small objects, keeps nearly all of them, and ends: collecting cost half of the parsing
    sys.exit(cli.main(sys.argv[1:], generate))
