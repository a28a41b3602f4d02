"""Damaged IDL is refused like any other bad input: no traceback, no hang, and never a crash of the generator."""

import pathlib
import random
import re
import tempfile
import time
import unittest

from support import ROOT, batongen_here

_SECONDS = 4
_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)


def mutate(random_, text, vocabulary):
    words = _WORDS.findall(text)
    for _ in range(random_.choice((1, 1, 2, 5))):
        at = random_.randrange(len(words))
        what = random_.randrange(6)
        if what == 0:
            del words[at:at + random_.randrange(1, 4)]
        elif what == 1:
            words.insert(at, random_.choice(vocabulary))
        elif what == 2:
            words[at] = random_.choice(vocabulary)
        elif what == 3:
            words.insert(at, words[random_.randrange(len(words))])
        elif what == 4:
            words[at:at] = words[at:at + random_.randrange(1, 40)]
        else:
            del words[at:]
        if not words:
            words = [" "]
    return "".join(words)


class Fuzz(unittest.TestCase):
    def test_mutated_files_give_diagnostics_or_headers(self):
        random_ = random.Random(1)
        seeds = [path.read_text() for path in sorted((ROOT / "idl").rglob("*.idl")) if path.name != "all.idl"]
        seeds += [re.sub(r"#include.*", "", (ROOT / "idl/test/all.idl").read_text())]
        seeds += [path.read_bytes().decode(errors="ignore") for path in sorted((ROOT / "tests/codegen/bad").glob("*.idl"))]
        vocabulary = sorted({word for seed in seeds for word in _WORDS.findall(seed)}) + ["\0", "\ufeff", "9" * 30, "{" * 70]
        end = time.monotonic() + _SECONDS
        runs = 0
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.idl"
            while time.monotonic() < end:
                text = mutate(random_, random_.choice(seeds), vocabulary)
                path.write_text(text, encoding="utf-8", newline="")
                start = time.monotonic()
                code, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                runs += 1
                took = time.monotonic() - start
                if code not in (0, 1) or took > 5 or (code == 1) != (": error: " in stderr):
                    self.fail(f"exit code {code} after {took:.1f} s\n{stderr}\n--- the input ---\n{text}")
        self.assertGreater(runs, 50)


if __name__ == "__main__":
    unittest.main()
