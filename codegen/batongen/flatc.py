"""Runs FlatBuffers' compiler: the C++ of tables is its own."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

_OPTIONS = ("--cpp", "--cpp-std", "c++17", "--scoped-enums", "--no-includes", "--keep-prefix", "--filename-suffix", ".fb",
            "--filename-ext", "hpp")
_GUARD = re.compile(r"#ifndef (FLATBUFFERS_GENERATED_\w+)\n#define \1\n(.*)\n#endif  // \1\n", re.DOTALL)


class FlatcProblem(Exception):
    """Why there is no code; the text says it, and what to do."""


def compile_tables(flatc: str, schemas: Path, schema: str) -> str:
    """The C++ for the tables of one schema, a path under the folder of all schemas."""
    with tempfile.TemporaryDirectory(prefix="batongen-") as folder:
        command = [flatc, *_OPTIONS, "-I", str(schemas), "-o", folder, str(schemas / schema)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        except OSError as error:
            raise FlatcProblem(f"cannot run '{flatc}', the compiler of FlatBuffers: {error.strerror}; install it (apt-get "
                               "install flatbuffers-compiler), or name one with --flatc") from error
        made = Path(folder, Path(schema).stem + ".fb.hpp")
        if result.returncode or not made.is_file():
            said = " ".join((result.stdout + result.stderr).split())
            what = said[max(said.find("error:"), 0):] or "it made no code, and says nothing"
            raise FlatcProblem(f"'{flatc}' refuses {schema}: {what}")
        text = made.read_text(encoding="utf-8")
    # Its guard is made of the file's name without the folder: two files of one name would hide each other.
    return _GUARD.sub(lambda match: f"#pragma once\n{match.group(2)}", text)
