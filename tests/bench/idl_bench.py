#!/usr/bin/env python3
"""How long batongen takes for a large project: writes IDL files into a temporary folder and makes headers of them.

    tests/bench/idl_bench.py [--files 50] [--types 20] [--runs 5]

Needs the Python that batongen needs, with Jinja2: /usr/bin/python3 on Debian.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

CODEGEN = pathlib.Path(__file__).resolve().parents[2] / "codegen"
STAGES = ("parse", "resolve", "layout", "check", "render")


def idl(number, types):
    """One file of a robot's messages: it includes two others, and its structs are made of theirs and of each other."""
    includes = [n for n in (number - 1, number // 2) if 0 <= n < number]
    lines = [f"#ifndef MESSAGES_{number}_IDL", f"#define MESSAGES_{number}_IDL"]
    lines += [f'#include "part{n % 7}/messages_{n}.idl"' for n in sorted(set(includes))]
    lines += [f"/// The messages of part {number}.", f"module part{number} {{", f"  const uint32 COUNT = {number} % 5 + 3;",
              "  @final struct Header { uint64 stamp_ns; string<16> frame; };"]
    for index in range(types - 1):
        if index % 5 == 0:
            lines += [f"  enum State{index} {{ OFF{index}, ON{index}, @value(10) BROKEN{index} }};"]
            continue
        lines += [f"  /// What is measured, number {index}.", f'  @topic(name="part{number}/topic_{index}")',
                  f"  @final struct Measured{index} {{", '    @unit("ns") uint64 stamp_ns;  ///< when it was measured',
                  "    double position[3], velocity[3];", "    string<32> frame;", "    sequence<float, COUNT * 8> samples;",
                  f"    State{index // 5 * 5} state;", "    @default(1.0) double scale;"]
        if index % 5 > 1:
            lines += [f"    Measured{index - 1} before;"]
        elif includes:
            lines += [f"    sequence<part{includes[0]}::Header, 4> others;"]
        lines += ["  };"]
    return "\n".join([*lines, "};", "#endif", ""])


def run(folder, files):
    """Seconds of each stage, and of the whole process."""
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "batongen", "--base-dir", "idl", "--out", "out", "--timings", *files], cwd=folder, check=False,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(CODEGEN), "PYTHONDONTWRITEBYTECODE": "1"})
    wall = time.perf_counter() - start
    if result.returncode:
        sys.exit(result.stderr[:2000])
    seconds = {stage: float(ms) / 1e3 for stage, ms in re.findall(r"^(\w+) +([\d.]+) ms", result.stderr, re.MULTILINE)}
    return {**seconds, "process": wall}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--types", type=int, default=20, help="in each file")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files, size = [], 0
        for number in range(options.files):
            path = folder / f"idl/part{number % 7}/messages_{number}.idl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(idl(number, options.types), encoding="utf-8")
            files.append(path.relative_to(folder))
            size += path.stat().st_size
        runs = [run(folder, files) for _ in range(options.runs)]
        lines = sum(len(path.read_bytes().splitlines()) for path in folder.glob("out/**/*.hpp"))
    print(f"{options.files * options.types} types in {options.files} files, {size / 1e3:.0f} kB; {lines} lines of C++; "
          f"medians of {options.runs} runs")
    for stage in (*STAGES, "total", "process"):
        what = {"total": "all stages", "process": "the process, from start to end"}.get(stage, stage)
        times = [seconds[stage] for seconds in runs]
        print(f"{what:32}{statistics.median(times):8.3f} s  ({min(times):.3f} to {max(times):.3f})")


if __name__ == "__main__":
    main()
