"""What a command line does besides writing headers: --check, --timings, --explain."""

import pathlib
import re
import tempfile
import unittest

from support import ROOT, batongen, batongen_here

HELLO = ("--base-dir", ROOT / "idl", ROOT / "idl/hello.idl")

EXPLAINED = """
module geo {
  enum Kind { NONE, @value(7) SOME };
  struct Point { float x; double y; };
  typedef Point Corner[2];
  typedef double Meters;
  struct Shape {
    @key octet id;
    Point middle;
    Corner corners;
    sequence<Point, 3> path;
    sequence<octet, 5> raw;
    string<5> name;
    Kind kinds[2][3];
    sequence<string<3>, 2> words[2];
  };
};
struct Shape { octet id; };
struct Nothing {};
"""


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_on(self, text, *arguments):
        (self.folder / "x.idl").write_text(text, encoding="utf-8")
        return batongen(*arguments, "x.idl", cwd=self.folder)

    def explain(self, type_, text=EXPLAINED):
        return self.run_on(text, "--explain", type_)

    # --- --check -----------------------------------------------------------------------------------------------------

    def test_check_accepts_what_has_no_bound_yet(self):
        text = "struct A { string s; sequence<octet> data; sequence<string> many[3]; };\nstruct B { A a; };\n"
        result = self.run_on(text, "--check")
        self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))
        result = self.run_on(text, "--out", "out")
        self.assertEqual((1, 3), (result.returncode, result.stderr.count("[unbounded-member]")))

    def test_check_writes_nothing_even_with_out(self):
        for arguments in (("--check",), ("--check", "--out", "out", "--stamp", "stamp", "--depfile", "dep"),
                          ("--explain", "A")):
            self.assertEqual(0, self.run_on("struct A { long x; };\n", *arguments).returncode)
            self.assertEqual(["x.idl"], [path.name for path in self.folder.iterdir()])

    def test_check_applies_limits_and_evaluates(self):
        for text, name in (("struct A { double x[10000000]; };", "type-too-large"),
                           ("const long A = 1 / 0;", "division-by-zero"),
                           ("struct A { long x[0]; };", "bound-out-of-range"),
                           ("struct class { long x; }; struct class_ { long x; };", "cpp-name-collision")):
            result = self.run_on(text, "--check")
            self.assertEqual(1, result.returncode)
            self.assertIn(f"[{name}]", result.stderr)

    # --- --timings ---------------------------------------------------------------------------------------------------

    def test_timings_tell_the_stages_apart(self):
        result = batongen("--out", self.folder, "--timings", *HELLO)
        self.assertEqual((0, ""), (result.returncode, result.stdout))
        self.assertEqual(["parse", "resolve", "layout", "check", "render", "total"],
                         re.findall(r"^(\w+) +\d+\.\d ms", result.stderr, re.MULTILINE))
        self.assertRegex(result.stderr, r"total .*; \d+ bytes, parsed at \d+ kB/s\n$")

    # --- --explain ---------------------------------------------------------------------------------------------------

    def test_explain_draws_the_layout(self):
        result = self.explain("geo::Shape")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual("""\
geo::Shape: 200 bytes, aligned to 8
    offset      size
         0         1  octet id  @key
         1         7  (padding)
         8        16  geo::Point middle
         8         4    float x
        12         4    (padding)
        16         8    double y
        24        32  geo::Point[2] corners
                        the first of them, each of 16 bytes:
                        as above
        56        56  sequence<geo::Point, 3> path
        56         4    length
        60         4    (padding)
        64        48    up to 3 geo::Point, each of 16 bytes
                          as above
       112        12  sequence<octet, 5> raw
       112         4    length
       116         5    up to 5 octet, each of 1 byte
       121         3    (padding)
       124        12  string<5> name
       124         4    length
       128         5    text
       133         3    (padding)
       136        24  geo::Kind[2][3] kinds
       160        40  sequence<string<3>, 2>[2] words
                        the first of them, each of 20 bytes:
       160         4    length
       164        16    up to 2 string<3>, each of 8 bytes
       164         4      length
       168         3      text
       171         1      (padding)
""", result.stdout)

    def test_explain_knows_enums_and_empty_structs(self):
        self.assertEqual("geo::Kind: 4 bytes, aligned to 4\n           0  NONE\n           7  SOME\n",
                         self.explain("Kind").stdout)
        self.assertEqual("Nothing: 1 byte, aligned to 1\n    offset      size\n         0         1  (padding)\n",
                         self.explain("Nothing").stdout)

    def test_explain_agrees_with_the_layout_about_every_byte(self):
        """What is drawn at the first level covers a struct without gap or overlap."""
        files = sorted((ROOT / "idl").rglob("*.idl"))
        drawn = 0
        for name in ("test::Scalars", "test::Arrays", "test::Sequences", "test::Nested", "sysmon::Cpu", "sysmon::Io"):
            result = batongen("--base-dir", ROOT / "idl", "--explain", name, *files)
            self.assertEqual(0, result.returncode, result.stderr)
            size = int(re.search(r": (\d+) bytes", result.stdout).group(1))
            at = 0
            for offset, length in re.findall(r"^ *(\d+) +(\d+)  (?! )", result.stdout, re.MULTILINE):
                self.assertEqual(at, int(offset), result.stdout)
                at += int(length)
                drawn += 1
            self.assertEqual(size, at)
        self.assertGreater(drawn, 30)

    def test_explain_finds_types_by_their_last_word(self):
        self.assertIn("geo::Point: 16 bytes", self.explain("Point").stdout)
        self.assertIn("geo::Point: 16 bytes", self.explain("::geo::Point").stdout)
        self.assertIn("\nShape: 1 byte", "\n" + self.explain("Shape").stdout)

    def test_explain_refuses_what_it_cannot_draw(self):
        for name, words in (("geo::Pont", "there is no type 'geo::Pont' in these files; did you mean 'geo::Point'?"),
                            ("Pont", "did you mean 'Point'?"), ("geo::Meters", "'geo::Meters' is another name for double")):
            result = self.explain(name)
            self.assertEqual((2, ""), (result.returncode, result.stdout))
            self.assertIn(words, result.stderr)
        result = self.explain("A", "module m { struct A { long x; }; };\nmodule n { struct A { long x; }; };\n")
        self.assertIn("'A' is the name of several types; say which: m::A, n::A", result.stderr)
        result = self.explain("A", "struct A { Foo x; };\n")
        self.assertEqual((1, ""), (result.returncode, result.stdout))
        self.assertIn("[unknown-name]", result.stderr)

    def test_explain_stays_short_whatever_the_nesting(self):
        text = "struct S0 { octet x; };\n" + "".join(f"struct S{i} {{ S{i - 1} a, b; }};\n" for i in range(1, 20))
        result = self.explain("S19", text)
        self.assertEqual(0, result.returncode)
        self.assertLess(len(result.stdout.splitlines()), 100)

    def test_explain_shows_what_has_no_bound(self):
        out = self.explain("A", "struct A { string s; sequence<double> d; };\n").stdout
        self.assertIn("any number of double, each of 8 bytes", out)

    # --- Mistakes ----------------------------------------------------------------------------------------------------

    def test_options_are_not_guessed(self):
        code, stderr = 0, ""
        try:
            code, stderr = batongen_here("--che", *HELLO, cwd=self.folder)
        except SystemExit as problem:
            code = problem.code
        self.assertEqual(2, code)
        result = self.run_on("struct A { long x; };\n", "--json", "--explain", "A")
        self.assertEqual(2, result.returncode)


if __name__ == "__main__":
    unittest.main()
