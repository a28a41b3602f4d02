"""generated/ is what batongen makes of idl/ today, wherever it runs."""

import os
import pathlib
import re
import shutil
import tempfile
import unittest

from support import ROOT, batongen, files_under

from batongen.annotations import BATON_KEYS


def generate(idl, out):
    files = sorted(idl.rglob("*.idl"))
    return batongen("--base-dir", idl, "--out", out, *files)


def outputs_under(folder):
    """Without the code of flatc, which is another one for each of its versions."""
    files = {**files_under(folder, ".hpp"), **files_under(folder, ".fbs")}
    return {name: text for name, text in files.items() if not name.endswith(".fb.hpp")}


class Goldens(unittest.TestCase):
    maxDiff = 4000

    def test_generated_is_what_batongen_makes_of_idl(self):
        with tempfile.TemporaryDirectory() as out:
            result = generate(ROOT / "idl", pathlib.Path(out))
            self.assertEqual(0, result.returncode, result.stderr)
            made = outputs_under(pathlib.Path(out))
        committed = outputs_under(ROOT / "generated")
        self.assertEqual(sorted(committed), sorted(made), "generated/ has other files than idl/")
        for name, text in made.items():
            self.assertEqual(committed[name].decode(), text.decode(), f"generated/{name} is out of date: run "
                             "PYTHONPATH=codegen python3 -m batongen --base-dir idl --out generated $(find idl -name '*.idl')")

    def test_the_output_does_not_depend_on_the_folder_nor_on_hash_seeds(self):
        outputs = []
        for seed in ("1", "2"):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                shutil.copytree(ROOT / "idl", folder / "deep" / seed / "idl")
                os.environ["PYTHONHASHSEED"] = seed
                try:
                    result = generate(folder / "deep" / seed / "idl", folder / "out")
                finally:
                    del os.environ["PYTHONHASHSEED"]
                self.assertEqual(0, result.returncode, result.stderr)
                outputs.append(outputs_under(folder / "out"))
        self.assertEqual(outputs[0], outputs[1])

    def test_unchanged_headers_are_not_touched(self):
        with tempfile.TemporaryDirectory() as out:
            out = pathlib.Path(out)
            generate(ROOT / "idl", out)
            headers = sorted([*out.rglob("*.hpp"), *out.rglob("*.fbs")])
            for header in headers:
                os.utime(header, (1, 1))
            headers[0].write_text("something else")
            generate(ROOT / "idl", out)
            self.assertNotEqual(1, headers[0].stat().st_mtime)
            for header in headers[1:]:
                self.assertEqual(1, header.stat().st_mtime, header)


class CommandLine(unittest.TestCase):
    def test_the_depfile_names_included_files_templates_and_sources(self):
        with tempfile.TemporaryDirectory() as out:
            out = pathlib.Path(out)
            result = batongen("--base-dir", ROOT / "idl", "--out", out, "--depfile", out / "dep", "--stamp", out / "stamp",
                              ROOT / "idl/test/geometry.idl")
            self.assertEqual(0, result.returncode, result.stderr)
            rule = (out / "dep").read_text()
            self.assertTrue(rule.startswith(f"{out / 'stamp'}:"))
            self.assertTrue((out / "stamp").exists())
            for name in ("idl/test/geometry.idl", "idl/test/shapes/circle.idl", "templates/header.hpp.j2", "parser.py"):
                self.assertIn(name, rule)
            self.assertEqual(["test/geometry.hpp"], list(files_under(out, ".hpp")), "headers of named files alone")

    def test_the_annotations_file_is_known_without_being_found_and_has_the_keys_of_the_table(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.idl"
            path.write_text('#include "baton/annotations.idl"\n@baton(layout="fixed") struct A { long x; };\n')
            result = batongen("--out", "out", "x.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertNotIn("annotations", (pathlib.Path(folder) / "out/x.hpp").read_text())
        declared = re.findall(r"^  .* (\w+) default", (ROOT / "idl/baton/annotations.idl").read_text(), re.MULTILINE)
        self.assertEqual(list(BATON_KEYS), declared)

    def test_check_writes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            result = batongen("--check", "--base-dir", ROOT / "idl", ROOT / "idl/hello.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual([], list(pathlib.Path(folder).iterdir()))

    def test_errors_write_nothing(self):
        with tempfile.TemporaryDirectory() as out:
            bad = ROOT / "tests/codegen/bad"
            result = batongen("--base-dir", bad, "--out", out, "--depfile", f"{out}/d", "--stamp", f"{out}/s", bad / "union_tags.idl")
            self.assertEqual(1, result.returncode)
            self.assertEqual([], list(pathlib.Path(out).iterdir()))

    def test_a_command_line_that_cannot_be_obeyed_is_refused_with_2(self):
        hello = ROOT / "idl/hello.idl"
        for arguments, words in (
                ((hello,), "--out"),
                (("--check", "nowhere.idl"), "nowhere.idl"),
                (("--check", "--base-dir", "nowhere", hello), "nowhere"),
                (("--check", "-I", "nowhere", "--base-dir", ROOT, hello), "nowhere"),
                (("--check", "--base-dir", ROOT / "docs", hello), "not under the base directory"),
                (("--check", "--base-dir", ROOT, ROOT / "CMakeLists.txt"), "*.idl"),
                (("--check", "--base-dir", ROOT, ROOT / "idl"), "no file"),
                (("--out", "/proc/nowhere", "--base-dir", ROOT / "idl", hello), "cannot write"),
                (("--frobnicate",), "usage")):
            with self.subTest(arguments=arguments):
                result = batongen(*arguments)
                self.assertEqual(2, result.returncode, result.stderr)
                self.assertIn(words, result.stderr)
                self.assertNotIn("Traceback", result.stderr)

    def test_include_directories_are_searched_and_name_the_header(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "a").mkdir()
            (folder / "b/geo").mkdir(parents=True)
            (folder / "b/geo/pose.idl").write_text("struct Pose { double x; };\n")
            (folder / "a/main.idl").write_text("#include <geo/pose.idl>\nstruct Main { Pose pose; };\n")
            result = batongen("-I", "b", "--base-dir", "a", "--out", "out", "a/main.idl", cwd=folder)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertIn('#include "geo/pose.hpp"', (folder / "out/main.hpp").read_text())


if __name__ == "__main__":
    unittest.main()
