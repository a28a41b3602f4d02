"""`python3 -m batongen`: the stages of the generator, in order.

Each stage takes what the one before it made and reports what is wrong to `run.diagnostics`; none of them stops at the
first error. Only `portability`, `render`, `explain` and `portable` need a correct input: they do nothing when there were
errors.
"""

import gc
import sys

from . import check, cli, explain, layout, parser, portability, portable, render, resolve


def generate(run: cli.Run) -> None:
    """The generator in a few lines."""
    files = run.timed("parse", parser.parse_all, run)
    model = run.timed("resolve", resolve.resolve, files, run)
    extents = run.timed("layout", layout.lay_out, model)
    run.timed("check", check.check, model, extents, run)
    portability.check(files, model, run)
    run.timed("render", render.render, model, extents, run)
    explain.explain(model, extents, run)
    portable.write(model, extents, run)


if __name__ == "__main__":
    gc.disable()  # a run makes many small objects, keeps nearly all of them, and ends: collecting cost half of the parsing
    sys.exit(cli.main(sys.argv[1:], generate))
