"""How diagnostics are shown: switched off or made errors by name, as JSON, in colours."""

import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import unittest

from support import CODEGEN, REPORTED, batongen, batongen_here

from batongen import diagnostics, report
from batongen.source import Source, Span

TWO_WARNINGS = "#pragma pack(1)\n@hint struct A { long x; };\n"
ESCAPE = "\x1b["


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, text, *arguments):
        (self.folder / "x.idl").write_text(text, encoding="utf-8")
        return batongen("--check", *arguments, "x.idl", cwd=self.folder)

    # --- -W ----------------------------------------------------------------------------------------------------------

    def test_warnings_are_chosen_by_name(self):
        both = [("warning", "unknown-pragma"), ("warning", "unknown-annotation")]
        for arguments, code, expected in (
                ((), 0, both),
                (("-Wno-unknown-pragma",), 0, both[1:]),
                (("-W", "no-unknown-pragma", "-Wunknown-pragma"), 0, both),
                (("-Wno-all",), 0, []),
                (("-Wno-all", "-Wunknown-pragma"), 0, both[:1]),
                (("-Wno-all", "-Wall"), 0, both),
                (("-Werror",), 1, [("error", name) for _, name in both]),
                (("-Werror", "-Wno-error"), 0, both),
                (("-Werror=unknown-pragma",), 1, [("error", "unknown-pragma"), both[1]]),
                (("-Werror", "-Wno-error=unknown-pragma"), 1, [both[0], ("error", "unknown-annotation")]),
                (("-Werror", "-Wno-unknown-pragma"), 1, [("error", "unknown-annotation")]),
                (("-Wno-all", "-Werror=unknown-pragma"), 1, [("error", "unknown-pragma")]),
                (("-Wno-all", "-Werror"), 0, [])):
            with self.subTest(arguments=arguments):
                result = self.check(TWO_WARNINGS, *arguments)
                self.assertEqual(expected, [(severity, name) for *_, severity, name in REPORTED.findall(result.stderr)])
                self.assertEqual(code, result.returncode)

    def test_every_warning_can_be_switched_off(self):
        for name in diagnostics.WARNINGS:
            self.assertEqual(0, self.check("struct A { long x; };", f"-Wno-{name}", f"-Werror={name}").returncode)

    def test_an_unknown_warning_is_refused_with_a_suggestion(self):
        for option, words in (("-Wno-unknown-pragam", "there is no warning 'unknown-pragam'; did you mean 'unknown-pragma'?"),
                              ("-Werror=skiped-file", "did you mean 'skipped-file'?"),
                              ("-Wal", "did you mean 'all'?"),
                              ("-Wno-syntax", "'syntax' is an error, not a warning")):
            result = self.check("struct A { long x; };", option)
            self.assertEqual((2, ""), (result.returncode, result.stdout))
            self.assertIn(f"batongen: {option}: ", result.stderr)
            self.assertIn(words, result.stderr)

    def test_a_warning_that_counts_as_an_error_writes_nothing(self):
        (self.folder / "x.idl").write_text(TWO_WARNINGS)
        code, _ = batongen_here("-Werror", "--out", "out", "x.idl", cwd=self.folder)
        self.assertEqual(1, code)
        self.assertFalse((self.folder / "out").exists())

    # --- JSON --------------------------------------------------------------------------------------------------------

    def test_json_has_places_names_and_notes(self):
        result = self.check("struct A { long x; };\nstruct A {\n  Fä y; };\n", "--json")
        self.assertEqual((1, ""), (result.returncode, result.stderr))
        found = json.loads(result.stdout)
        self.assertEqual({
            "file": "x.idl", "line": 2, "column": 8, "end_line": 2, "end_column": 9, "severity": "error",
            "name": "duplicate-name", "message": "'A' is declared already",
            "notes": [{"file": "x.idl", "line": 1, "column": 8, "end_line": 1, "end_column": 9,
                       "message": "the earlier declaration is here"}]}, found[0])
        self.assertEqual([(3, 3), (3, 4)], [(d["line"], d["column"]) for d in found[1:]])

    def test_json_of_nothing_is_an_empty_array(self):
        result = self.check("struct A { long x; };\n", "--json")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual([], json.loads(result.stdout))

    def test_json_tells_warnings_and_spans_of_several_lines(self):
        found = json.loads(self.check("@hint(\n  1)\nstruct A { long x; };\n", "--json").stdout)
        self.assertEqual([("warning", 1, 1, 2, 5)], [(d["severity"], d["line"], d["column"], d["end_line"], d["end_column"])
                                                     for d in found])

    def test_json_stays_json_when_there_is_much_to_tell(self):
        self.assertEqual(report.MAX_PRINTED, len(json.loads(self.check("$" * 5000, "--json").stdout)))

    # --- Colours -----------------------------------------------------------------------------------------------------

    def on_terminal(self, *arguments, **environment):
        """What comes out when stderr is a terminal."""
        (self.folder / "x.idl").write_text("struct A { Foo x; };\n")
        leader, follower = pty.openpty()
        process = subprocess.run([sys.executable, "-m", "batongen", "--check", *arguments, "x.idl"], cwd=self.folder,
                                 stderr=follower, check=False, timeout=60,
                                 env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CODEGEN), "TERM": "xterm", **environment})
        os.close(follower)
        with os.fdopen(leader, "rb") as file:
            output = file.read1(65536).decode()
        self.assertEqual(1, process.returncode)
        return output

    def test_a_terminal_gets_colours_unless_it_does_not_want_them(self):
        self.assertIn(ESCAPE, self.on_terminal())
        self.assertIn(ESCAPE, self.on_terminal(NO_COLOR=""))
        self.assertNotIn(ESCAPE, self.on_terminal(NO_COLOR="1"))
        self.assertNotIn(ESCAPE, self.on_terminal(TERM="dumb"))
        self.assertNotIn(ESCAPE, self.on_terminal("--color=never"))
        self.assertIn(ESCAPE, self.on_terminal("--color=always", NO_COLOR="1"))

    def test_a_file_gets_none_unless_it_wants_them(self):
        self.assertNotIn(ESCAPE, self.check("struct A { Foo x; };\n").stderr)
        coloured = self.check("struct A { Foo x; };\n", "--color=always").stderr
        self.assertIn("\x1b[1;31merror:\x1b[0m", coloured)
        self.assertNotIn(ESCAPE, self.check("struct A { Foo x; };\n", "--color=always", "--json").stdout)

    # --- Text --------------------------------------------------------------------------------------------------------

    def test_the_caret_is_under_the_exact_span(self):
        for text, start, end, line, caret in (
                ("ab cd\nef\n", 3, 5, "  ab cd", "     ^~"),
                ("ab cd\nef\n", 3, 8, "  ab cd", "     ^~"),  # only as far as the line goes
                ("ab cd\n", 5, 5, "  ab cd", "       ^"),
                ("\tab\n", 1, 3, "  \tab", "  \t^~"),
                ("a\x07b\n", 2, 3, "  a\N{REPLACEMENT CHARACTER}b", "    ^"),
                ("x" * 500 + "\n", 300, 302, "  " + "x" * 160, "  " + " " * 80 + "^~")):
            source = Source.make(pathlib.Path("x.idl"), "x.idl", "x.idl", text)
            found = diagnostics.Diagnostics()
            found.error(Span(source, start, end), "syntax", "no")
            _, shown, under = report.as_text(found.sorted(), False).splitlines()
            self.assertEqual((line, caret), (shown, under))

    def test_diagnostics_are_sorted_over_all_files(self):
        for name in ("b.idl", "a.idl"):
            (self.folder / name).write_text("struct A {\n  Foo x;\n};\n#else\n")
        code, stderr = batongen_here("--check", "b.idl", "a.idl", cwd=self.folder)
        places = [(file, int(line), int(column)) for file, line, column, *_ in REPORTED.findall(stderr)]
        self.assertEqual(sorted(places), places)
        self.assertEqual(5, len(places))  # the second A is one too many


if __name__ == "__main__":
    unittest.main()
