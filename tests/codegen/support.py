"""Runs batongen as its users do: as a process."""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODEGEN = ROOT / "codegen"
# A diagnostic: file, line, column, severity, name.
REPORTED = re.compile(r"^([^\s:]+):(\d+):(\d+): (error|warning): .* \[([a-z0-9-]+)\]$", re.MULTILINE)
sys.path.insert(0, str(CODEGEN))
sys.dont_write_bytecode = True


def batongen(*arguments, cwd=None, timeout=60):
    environment = {**os.environ, "PYTHONPATH": str(CODEGEN), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("BATONGEN_DEBUG", None)
    return subprocess.run([sys.executable, "-m", "batongen", *map(str, arguments)], cwd=cwd, env=environment,
                          capture_output=True, text=True, timeout=timeout, check=False)


def files_under(folder, suffix):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*" + suffix))
            if path.is_file()}


def batongen_here(*arguments, cwd):
    """The same inside this process, for tests with many runs. Gives the exit code and what went to stderr."""
    from batongen import cli
    from batongen.__main__ import generate
    before = os.getcwd()
    os.chdir(cwd)
    try:
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            code = cli.main([str(argument) for argument in arguments], generate)
    finally:
        os.chdir(before)
    return code, stderr.getvalue()


def batongen_json(*arguments, cwd):
    """The same with --json: the exit code, the diagnostics, and what went to stderr all the same."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code, stderr = batongen_here("--json", *arguments, cwd=cwd)
    return code, json.loads(stdout.getvalue() or "[]"), stderr
