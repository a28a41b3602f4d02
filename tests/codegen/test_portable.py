"""What `--idl` writes is IDL that batongen reads as the same types, that passes --portable, and that other tools accept where
they are installed."""

import contextlib
import io
import pathlib
import shutil
import tempfile
import unittest

from other_tools import HAS_IDLC, NO_FOX, NO_IDLC, fox, has_fox, idlc
from support import ROOT, batongen_here

CORPUS = ROOT / "tests/codegen/corpus/good"
# There is no other form for a label of more than 32 bits, and idlc takes some of them.
WIDE_LABELS = "good_labels_at_the_ends_of_their_type.idl"
def _written(*arguments, cwd):
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code, stderr = batongen_here(*arguments, cwd=cwd)
    return code, stdout.getvalue(), stderr


def sources():
    return [*sorted((ROOT / "idl").rglob("*.idl")), *sorted(CORPUS.glob("*.idl"))]


class Portable(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.texts = {}
        for path in sources():
            base = ROOT / "idl" if path.is_relative_to(ROOT / "idl") else CORPUS
            code, text, _ = _written("--base-dir", str(base), "-I", str(CORPUS.parent), "--idl", str(path), str(path),
                                     cwd=cls.folder)
            if code == 0 and text.count("\n") > 1:  # some declare no type
                name = f"{path.parent.name}_{path.name}"
                (cls.folder / name).write_text(text, encoding="utf-8")
                cls.texts[name] = path

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_there_are_many(self):
        self.assertGreater(len(self.texts), 60)

    def test_batongen_reads_it_again_and_comes_to_an_end(self):
        """What became an integer is a typedef at first, and is spelt as what it is from then on."""
        for name, path in self.texts.items():
            with self.subTest(file=path.name):
                code, again, stderr = _written("-Wno-all", "--idl", name, name, cwd=self.folder)
                self.assertEqual((0, ""), (code, stderr))
                (self.folder / "again.idl").write_text(again, encoding="utf-8")
                code, third, stderr = _written("-Wno-all", "--idl", "again.idl", "again.idl", cwd=self.folder)
                self.assertEqual((0, again, ""), (code, third, stderr))

    def test_it_passes_portable(self):
        for name, path in self.texts.items():
            with self.subTest(file=path.name):
                code, stderr = batongen_here("--check", "--portable", "-Wno-all", name, cwd=self.folder)
                if name == WIDE_LABELS:
                    self.assertEqual((1, 1), (code, stderr.count("idlc fails at labels")), stderr)
                else:
                    self.assertEqual((0, ""), (code, stderr))

    @unittest.skipUnless(HAS_IDLC, NO_IDLC)
    def test_idlc_accepts_it(self):
        for name, path in self.texts.items():
            with self.subTest(file=path.name):
                self.assertEqual("", idlc(name, self.folder))

    @unittest.skipUnless(has_fox(), NO_FOX)
    def test_omgidl_parser_accepts_it(self):
        self.assertEqual({}, {name: read for name, read in fox(self.texts, self.folder).items() if "error" in read})

    def test_what_one_of_the_tools_would_take_for_something_else_is_written_otherwise(self):
        for text, expected in (
                ("@bit_bound(8) enum E { A }; struct S { E e; };", "typedef int8 E;"),
                ("struct P { long x; }; struct S { long p; P q; };", "  int32 p_;"),
                ("enum P { A }; struct S { P p; P q; };", "  P p_;"),
                ("module m { struct P { long x; }; }; struct S { m::P p; m::P q; };", "  m::P p;"),
                ("struct P { long x; }; struct S { P P; };", "  P P_;"),
                ("enum E { A, B }; union U switch (E) { case A: long b; case B: long c; };", "    int32 b_;"),
                ("module m { struct M { long x; }; };", "struct M_ {"),
                ("enum E { A, a };", "  a_"),
                ("struct S { long _long, _x; };", "  int32 long_;"),
                ("struct S { @default(\"größe\") string<9> t; };", "@default(\"größe\") string<9> t;"),
                ("struct S { @default(\"a\\tb\") string<9> t; };", "  string<9> t;"),
                ("struct S { @default(-2147483648) long x; };", "  int32 x;"),
                ("struct S { @min(-2147483647) long id; @unit(\"m\") double min; };", "  @min(-2147483647) int32 id;")):
            with self.subTest(text=text):
                (self.folder / "x.idl").write_text(text, encoding="utf-8")
                code, written, _ = _written("-Wno-all", "--idl", "x.idl", "x.idl", cwd=self.folder)
                self.assertEqual(0, code)
                self.assertIn(expected, written)
                (self.folder / "y.idl").write_text(written, encoding="utf-8")
                self.assertEqual((0, ""), batongen_here("--check", "--portable", "y.idl", cwd=self.folder))
                if HAS_IDLC:
                    self.assertEqual("", idlc("y.idl", self.folder), written)
                if has_fox():
                    self.assertNotIn("error", fox(["y.idl"], self.folder)["y.idl"])

    def test_types_are_found_as_those_that_are_explained(self):
        (self.folder / "x.idl").write_text("module m { struct Imu { long x; }; typedef Imu Other; };")
        _, text, _ = _written("--idl", "m::Imu", "x.idl", cwd=self.folder)
        for name in ("Imu", "::m::Imu", "m::Other"):
            self.assertEqual((0, text, ""), _written("--idl", name, "x.idl", cwd=self.folder))

    def test_what_cannot_be_written_is_told(self):
        (self.folder / "x.idl").write_text("module m { struct Imu { long x; }; };")
        for wanted, message in (("m::Imo", "there is no type 'm::Imo' in these files; did you mean 'm::Imu'?"),
                                ("y.idl", "'y.idl' is none of the files of this command line")):
            code, stderr = batongen_here("--idl", wanted, "x.idl", cwd=self.folder)
            self.assertEqual(2, code)
            self.assertIn(message, stderr)


if __name__ == "__main__":
    unittest.main()
