"""Damaged IDL, and IDL that nobody would write, is refused like any other bad input: no traceback, no hang, errors in
order at places that exist.

BATON_FUZZ_SECONDS: how long to look for more, about 24 s without; then from another start each time. What is found is
kept in fuzz_cases/, where it is tried again ever after.
"""

import hashlib
import os
import pathlib
import random
import re
import tempfile
import time
import unittest

from support import ROOT, batongen_json

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "fuzz_cases"
SECONDS = float(os.environ.get("BATON_FUZZ_SECONDS", 24))
START = int(time.time()) if "BATON_FUZZ_SECONDS" in os.environ else 1
SECONDS_EACH = 5  # for a file that is far smaller than 100 kB

try:
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "hypothesis"))
    import hypothesis
except ImportError:
    hypothesis = None

_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)


def problem_with(folder, *files):
    """What is wrong with how batongen takes these files, x.idl and what that may include; or nothing."""
    for name, data in zip(("x.idl", "y.idl"), files):
        (folder / name).write_bytes(data)
    start = time.monotonic()
    options = ["--portable"] if len(files[0]) % 2 else []  # half of them
    code, found, stderr = batongen_json("--out", "out", *options, "x.idl", cwd=folder)
    took = time.monotonic() - start
    if code not in (0, 1):
        return f"exit code {code}: {stderr}"
    if took > SECONDS_EACH:
        return f"{took:.1f} s"
    if (code == 1) != any(d["severity"] == "error" for d in found):
        return f"exit code {code} with {found}"
    places = [(d["file"], d["line"], d["column"]) for d in found]
    if places != sorted(places):
        return f"not sorted: {places}"
    for name, data in zip(("x.idl", "y.idl"), files):
        lines = data.decode("utf-8", errors="replace").split("\n")
        for note in [d for d in found] + [note for d in found for note in d["notes"]]:
            if note["file"] == name:
                for line, column in ((note["line"], note["column"]), (note["end_line"], note["end_column"])):
                    if not 1 <= line <= len(lines) or not 1 <= column <= len(lines[line - 1]) + 1:
                        return f"there is no place {line}:{column}: {note}"
    return ""


def mutate(random_, data, vocabulary):
    """A few changes, to bytes or to words."""
    for _ in range(random_.choice((1, 1, 2, 5))):
        if random_.random() < 0.2:
            data = bytearray(data or b" ")
            for _ in range(random_.choice((1, 1, 8))):
                data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
            data = bytes(data)
            continue
        words = _WORDS.findall(data.decode("utf-8", errors="surrogateescape")) or [" "]
        at, other = random_.randrange(len(words)), random_.randrange(len(words))
        what = random_.randrange(9)
        if what == 0:
            del words[at:at + random_.randrange(1, 4)]
        elif what == 1:
            words.insert(at, random_.choice(vocabulary))
        elif what == 2:
            words[at] = random_.choice(vocabulary)
        elif what == 3:
            words[at], words[other] = words[other], words[at]
        elif what == 4:
            words[at:at] = words[at:at + random_.randrange(1, 40)]
        elif what == 5:
            del words[at:]
        elif what == 6:
            words.insert(at, words[other])
        elif what == 7:
            words[at] = words[at] * random_.choice((2, 70, 1000))
        else:
            words[at] = str(random_.choice((1 << 31, 1 << 63, 1 << 64, 10 ** 30, 10 ** 400)) + random_.choice((-1, 0, 1)))
        data = "".join(words).encode("utf-8", errors="surrogateescape")
    return data


class Fuzz(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def try_(self, *files):
        problem = problem_with(self.folder, *files)
        if not problem:
            return
        text = b"//// y.idl\n".join(files)
        case = CASES / f"found_{hashlib.sha256(text).hexdigest()[:8]}.idl"
        try:
            case.write_bytes(text)
        except OSError:
            pass  # the source may be read-only; the text is below
        self.fail(f"{problem}\n--- kept as {case.name}; the input:\n{text.decode(errors='replace')}")

    def test_what_was_found_once_stays_right(self):
        for case in sorted(CASES.glob("*.idl")):
            with self.subTest(case=case.name):
                self.assertEqual("", problem_with(self.folder, *case.read_bytes().split(b"//// y.idl\n")))

    def test_mutated_files(self):
        random_ = random.Random(START)
        seeds = [re.sub(rb"#include \".*", b"", path.read_bytes()) for path in sorted((ROOT / "idl").rglob("*.idl"))]
        seeds += [path.read_bytes() for folder in ("bad", "corpus") for path in sorted((HERE / folder).rglob("*.idl"))]
        vocabulary = sorted({word for seed in seeds for word in _WORDS.findall(seed.decode(errors="ignore"))})
        vocabulary += ["\0", "\ufeff", "9" * 30, "{" * 70, "(" * 70, "#if defined(A)\n", "\n#else\n", "\n#endif\n"]
        end = time.monotonic() + SECONDS / 2
        runs = 0
        while time.monotonic() < end:
            self.try_(mutate(random_, random_.choice(seeds), vocabulary))
            runs += 1
        self.assertGreater(runs, 50)

    @unittest.skipIf(hypothesis is None, "hypothesis is not installed (apt-get install python3-hypothesis)")
    def test_made_up_files(self):
        from fuzz_grammar import file

        @hypothesis.given(file, file)
        @hypothesis.settings(max_examples=50, deadline=None, database=None,
                             suppress_health_check=list(hypothesis.HealthCheck))
        def one_round(x, y):
            if time.monotonic() < end:  # else the rest of the round is let go
                self.try_(x.encode(), y.encode())

        end = time.monotonic() + SECONDS / 2
        rounds = 0
        while time.monotonic() < end:
            hypothesis.seed(START + rounds)(one_round)()
            rounds += 1
        self.assertGreater(rounds, 0)


if __name__ == "__main__":
    unittest.main()
