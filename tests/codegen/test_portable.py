"""What `--idl` writes is IDL that batongen reads as the same types, and that other tools accept where they are installed:
Cyclone DDS's idlc, and Foxglove's omgidl-parser (npm), found by way of NODE_PATH."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import ROOT, batongen_here

CORPUS = ROOT / "tests/codegen/corpus/good"
_FOX = """
const {parseIDL} = require("@foxglove/omgidl-parser"), fs = require("fs");
const found = {};
for (const file of process.argv.slice(1)) {
  try { parseIDL(fs.readFileSync(file, "utf8")); } catch (error) { found[file] = String(error.message).slice(0, 300); }
}
console.log(JSON.stringify(found));
"""


def _has_fox():
    return shutil.which("node") is not None and subprocess.run(
        ["node", "-e", 'require("@foxglove/omgidl-parser")'], capture_output=True).returncode == 0


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

    @unittest.skipUnless(shutil.which("idlc"), "idlc (cyclonedds-tools) is not installed")
    def test_idlc_accepts_it(self):
        for name, path in self.texts.items():
            with self.subTest(file=path.name):
                result = subprocess.run(["idlc", "-l", "c", "-Wno-unsupported-annotations", name], cwd=self.folder,
                                        capture_output=True, text=True)
                self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    @unittest.skipUnless(_has_fox(), "omgidl-parser is not installed: npm install @foxglove/omgidl-parser, and set NODE_PATH")
    def test_omgidl_parser_accepts_it(self):
        found = json.loads(subprocess.run(["node", "-e", _FOX, *self.texts], cwd=self.folder, capture_output=True, text=True,
                                          check=True, env=os.environ).stdout)
        self.assertEqual({}, found)

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
