"""The command line, and what a run carries from stage to stage."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from . import __version__, report
from .diagnostics import Diagnostics
from .policy import PolicyProblem, severities

EXIT_ERRORS = 1  # the input has errors
EXIT_USAGE = 2   # the command line cannot be obeyed
EXIT_BUG = 3     # batongen itself failed


@dataclass
class Run:
    files: list[Path]
    include_dirs: list[Path]
    base_dir: Path
    out: Path | None
    check_only: bool
    defines: list[str] = field(default_factory=list)  # macros, which have no values
    explain: str | None = None  # the type to draw
    idl: str | None = None      # the type or file to write as IDL
    flatc: str = "flatc"        # FlatBuffers' compiler
    older: Path | None = None   # what the only file is compared with
    portable: bool = False      # whether other IDL tools have to read the files as they are
    answer: str = ""            # that drawing, that text, or what has been added
    problem: str = ""           # why there is none
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    inputs: list[Path] = field(default_factory=list)   # every IDL file that was read
    outputs: list[str] = field(default_factory=list)   # what was written, relative to `out`
    timings: list[tuple[str, float]] = field(default_factory=list)

    @property
    def search_path(self) -> list[Path]:
        """Where #include looks, after the folder of the including file."""
        return [*self.include_dirs, self.base_dir]

    def relative_path(self, path: Path) -> str | None:
        """The path under the base directory, or else under an include directory: it names the header."""
        for directory in (self.base_dir, *self.include_dirs):
            for resolve in (os.path.abspath, os.path.realpath):
                relative = os.path.relpath(resolve(path), resolve(directory))
                if not relative.startswith(".."):
                    return Path(relative).as_posix()
        return None

    def of_older(self) -> Run:
        """A run for the older file: in the same place of its own tree, if it has such a place."""
        new = self.relative_path(self.files[0]) or ""
        old = os.path.abspath(self.older)
        base = Path(old.removesuffix(new)) if new and old.endswith("/" + new) else Path(old).parent
        return Run([self.older], [base, *self.include_dirs], base, None, True, self.defines, diagnostics=self.diagnostics)

    def timed(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.process_time()
        result = function(*arguments)
        self.timings.append((stage, time.process_time() - start))
        return result


def main(arguments: list[str], generate: Callable[[Run], None]) -> int:
    options = _parser().parse_args(arguments)
    if options.conform and not options.files:
        options.files = [options.conform[1]]
        options.check = True
    run = Run([Path(file) for file in dict.fromkeys(options.files)], [Path(d) for d in options.include_dirs],
              Path(options.base_dir), Path(options.out) if options.out else None, options.check or options.out is None,
              options.defines, options.explain, options.idl, options.flatc,
              Path(options.conform[0]) if options.conform else None, options.portable)
    try:
        # Names that differ only in case are one to idlc, whatever -W says.
        wanted = severities(options.warnings)
        run.diagnostics = Diagnostics({**wanted, "name-differs-in-case": "error"} if options.portable else wanted)
        problem = _usage_problem(run, options)
    except PolicyProblem as error:
        problem = str(error)
    if problem:
        print(f"batongen: {problem}", file=sys.stderr)
        return EXIT_USAGE
    sys.setrecursionlimit(20_000)  # nesting is limited by the parser, far below this
    try:
        generate(run)
        if not run.diagnostics.error_count:
            _write_build_files(run, options)
    except OSError as error:
        print(f"batongen: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_USAGE
    except Exception as error:  # a traceback would tell the user nothing
        _report(run, options)
        if os.environ.get("BATONGEN_DEBUG"):
            raise
        print(f"batongen: internal error, please report it: {type(error).__name__}: {error} "
              "(BATONGEN_DEBUG=1 shows where)", file=sys.stderr)
        return EXIT_BUG
    _report(run, options)
    if options.timings:
        _print_timings(run)
    if run.problem:
        print(f"batongen: {run.problem}", file=sys.stderr)
        return EXIT_USAGE
    sys.stdout.write(run.answer)
    return EXIT_ERRORS if run.diagnostics.error_count else 0


def _report(run: Run, options: argparse.Namespace) -> None:
    found = run.diagnostics.sorted()
    if options.json:
        sys.stdout.write(report.as_json(found))
        return
    colour = options.color == "always"
    if options.color == "auto":
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    sys.stderr.write(report.as_text(found, colour))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batongen", allow_abbrev=False,
                                     description="Writes a C++ header for each IDL file.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="IDL files to write headers for")
    parser.add_argument("--check", action="store_true", help="report errors, write nothing")
    parser.add_argument("--explain", metavar="TYPE", help="draw how a type lies in memory; needs no --out")
    parser.add_argument("--idl", metavar="TYPE|FILE", help="write a type, or those of one of the files, as IDL for other tools, "
                        "with all that it is made of; needs no --out")
    parser.add_argument("--conform", nargs=2, metavar=("OLD", "NEW"), help="say whether programs built from the one file "
                        "understand those built from the other, and why not; takes no other files")
    parser.add_argument("--portable", action="store_true", help="report what Cyclone DDS's idlc or Foxglove's omgidl-parser would "
                        "not read, as an error")
    parser.add_argument("-I", dest="include_dirs", action="append", default=[], metavar="DIR",
                        help="look for included files here too")
    parser.add_argument("-D", dest="defines", action="append", default=[], metavar="NAME",
                        help="define a name that #ifdef asks for")
    parser.add_argument("--base-dir", default=".", metavar="DIR",
                        help="paths under it are the paths of the headers under --out (default: .)")
    parser.add_argument("--out", metavar="DIR", help="where to write the headers")
    parser.add_argument("--flatc", metavar="PROGRAM", default="flatc", help="the compiler of FlatBuffers, which tables need "
                        "(default: flatc)")
    parser.add_argument("--depfile", metavar="FILE", help="write a make rule: the stamp depends on all that was read")
    parser.add_argument("--stamp", metavar="FILE", help="touch this file when everything has been written")
    parser.add_argument("--table-headers", metavar="FILE", help="list the additional headers that tables have; the file is "
                        "not touched if it says so already")
    parser.add_argument("-W", dest="warnings", action="append", default=[], metavar="[no-]NAME",
                        help="-Wno-NAME, -Wno-all: without that warning; -Werror, -Werror=NAME: it counts as an error")
    parser.add_argument("--json", action="store_true", help="print what is wrong as JSON, to standard output")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                        help="colours in what is printed to a terminal (default: auto; NO_COLOR is respected)")
    parser.add_argument("--timings", action="store_true", help="print the processor time of each stage")
    parser.add_argument("--version", action="version", version=f"batongen {__version__}")
    return parser


def _usage_problem(run: Run, options: argparse.Namespace) -> str | None:
    if options.conform and (run.files != [Path(options.conform[1])] or run.out or run.explain or run.idl):
        return "--conform compares two files and does nothing else"
    if not run.files:
        return "name the IDL files"
    if run.explain is not None and run.idl is not None:
        return "--explain and --idl would both print to standard output; give one of them"
    if run.out is None and not options.check and run.explain is None and run.idl is None:
        return "give --out DIR, or --check to write nothing"
    if options.json and (run.explain is not None or run.idl is not None):
        return "--json and --explain or --idl would both print to standard output; give one of them"
    if options.depfile and not options.stamp:
        return "--depfile needs --stamp, the target of its rule"
    if not run.base_dir.is_dir():
        return f"the base directory '{run.base_dir}' is not a directory"
    for name in run.defines:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            hint = "; macros have no values here, use const" if "=" in name else ""
            return f"-D takes a name, not '{name}'{hint}"
    for directory in run.include_dirs:
        if not directory.is_dir():
            return f"the include directory '{directory}' is not a directory"
    for file in [*run.files, *([run.older] if run.older is not None else [])]:
        if not file.is_file():
            return f"there is no file '{file}'"
        if not os.access(file, os.R_OK):
            return f"the file '{file}' cannot be read"
        if file is not run.older and run.relative_path(file) is None:
            return f"the file '{file}' is not under the base directory '{run.base_dir}' (see --base-dir)"
        if file.suffix != ".idl":
            return f"the file '{file}' is not called *.idl"
    return None


def _write_build_files(run: Run, options: argparse.Namespace) -> None:
    """The depfile names every input: the IDL files, included ones too, and batongen's own files."""
    if run.check_only:
        return
    if options.depfile:
        package = Path(__file__).parent
        own = sorted([*package.glob("*.py"), *package.glob("templates/*")])
        inputs = [_escape(os.path.abspath(path)) for path in [*run.inputs, *own]]
        rule = " \\\n  ".join([f"{_escape(options.stamp)}:", *inputs])
        Path(options.depfile).write_text(rule + "\n", encoding="utf-8")
    if options.table_headers:
        text = "".join(f"{output}\n" for output in sorted(run.outputs) if output.endswith(".fb.hpp"))
        listed = Path(options.table_headers)
        if not listed.is_file() or listed.read_text(encoding="utf-8") != text:
            listed.write_text(text, encoding="utf-8")
    if options.stamp:
        _remove_leftovers(run, Path(options.stamp))
        Path(options.stamp).write_text("".join(f"{output}\n" for output in run.outputs), encoding="utf-8")


def _remove_leftovers(run: Run, stamp: Path) -> None:
    """The stamp lists what the run before wrote. The header of a file that is gone would still be found by #include."""
    before = stamp.read_text(encoding="utf-8").splitlines() if stamp.is_file() else []
    for output in set(before) - set(run.outputs):
        if output.endswith((".hpp", ".fbs")) and ".." not in Path(output).parts and not os.path.isabs(output):
            (run.out / output).unlink(missing_ok=True)


def _escape(path: str) -> str:
    return path.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ")


def _print_timings(run: Run) -> None:
    size = sum(path.stat().st_size for path in run.inputs)
    total = sum(seconds for _, seconds in run.timings)
    for stage, seconds in run.timings:
        print(f"{stage:8} {seconds * 1e3:8.1f} ms", file=sys.stderr)
    parse = dict(run.timings)["parse"]
    print(f"{'total':8} {total * 1e3:8.1f} ms; {size} bytes, parsed at {size / parse / 1e3:.0f} kB/s", file=sys.stderr)
