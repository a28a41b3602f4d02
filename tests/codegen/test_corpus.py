"""corpus/good is accepted by --check, corpus/bad refused for the reason that its first line names.

    // expect: NAME    of a bad file: every error of it has this name
    // warns: NAME     of a good file: there is this warning, and no other diagnostic

Small files, each about one thing, to judge a change of the language or of the generator by.
"""

import pathlib
import re
import unittest

from support import batongen_json

from batongen.diagnostics import NAMES, WARNINGS

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

_SAYS = re.compile(r"^// (expect|warns): (\S+)$", re.MULTILINE)


class Corpus(unittest.TestCase):
    def says(self, path):
        return dict(_SAYS.findall(path.read_bytes().decode(errors="replace")))

    def judge(self, path):
        """What is not as the file says, or nothing."""
        says = self.says(path)
        code, found, stderr = batongen_json("--check", path.relative_to(CORPUS), cwd=CORPUS)
        errors = {d["name"] for d in found if d["severity"] == "error"}
        others = {d["name"] for d in found} - errors
        if "expect" in says:
            return "" if (code, errors) == (1, {says["expect"]}) else f"errors: {sorted(errors)}, exit code {code} {stderr}"
        wanted = {says["warns"]} if "warns" in says else set()
        return "" if (code, errors, others) == (0, set(), wanted) else f"{[d['name'] for d in found]}, exit code {code} {stderr}"

    def check(self, folder):
        for path in sorted((CORPUS / folder).glob("*.idl")):
            with self.subTest(file=path.name):
                self.assertEqual("", self.judge(path))

    def test_good_files_are_accepted(self):
        self.check("good")

    def test_bad_files_are_refused_for_their_reason(self):
        self.check("bad")

    def test_the_files_say_what_is_there(self):
        for path in CORPUS.glob("*/*.idl"):
            says = self.says(path)
            self.assertEqual(path.parent.name == "bad", "expect" in says, path)
            if path.parent.name == "bad":
                self.assertTrue(path.read_bytes().startswith(b"// expect: "), path)
            self.assertTrue({says.get("expect"), says.get("warns")} <= {None, *NAMES}, path)
            self.assertIn(says.get("warns"), {None, *WARNINGS}, path)
        self.assertGreater(len(list(CORPUS.glob("*/*.idl"))), 100)


if __name__ == "__main__":
    unittest.main()
