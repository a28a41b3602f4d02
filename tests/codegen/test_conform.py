"""Which changes of an IDL file older programs survive: evolution/NAME.old.idl and NAME.new.idl.

The newer file begins with what the port of an older program says of it, `//! field title: string here, absent in new`,
unless the two are compatible. evolution/texts.txt has the canonical texts of all of them, with the same verdicts, for the
test of what decides it at run time (tests/unit/core/type_difference_test.cpp); BATON_UPDATE=1 writes it anew.
"""

import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import REPORTED, batongen, batongen_here

from batongen import check, cli, layout, parser, resolve
from batongen.canonical import Descriptions
from batongen.model import Struct

EVOLUTION = pathlib.Path(__file__).resolve().parent / "evolution"
NAMES = sorted(path.name.removesuffix(".old.idl") for path in EVOLUTION.glob("*.old.idl"))


def verdict(name):
    first = (EVOLUTION / f"{name}.new.idl").read_text().splitlines()[0]
    return first[4:] if first.startswith("//! ") else ""


def canonical(path, wanted=None):
    """The text of a struct, by default the last one."""
    run = cli.Run([path], [], path.parent, None, True)
    model = resolve.resolve(parser.parse_all(run), run)
    extents = layout.lay_out(model)
    check.check(model, extents, run)
    assert not run.diagnostics.error_count, path
    struct = [item for item in model.files[-1].items if isinstance(item, Struct) and item.name[-1] == (wanted or item.name[-1])][-1]
    return struct.name[-1], Descriptions(extents).text(struct)


def conform(*arguments, cwd):
    with contextlib.redirect_stdout(io.StringIO()):
        return batongen_here("--conform", *arguments, cwd=cwd)


class Conform(unittest.TestCase):
    maxDiff = 4000

    def test_each_pair_is_judged_as_it_says(self):
        for name in NAMES:
            with self.subTest(pair=name):
                code, stderr = conform(f"{name}.old.idl", f"{name}.new.idl", cwd=EVOLUTION)
                if verdict(name):
                    self.assertEqual(1, code, stderr)
                    found = REPORTED.findall(stderr)
                    self.assertEqual(["breaking-change"], [reported[-1] for reported in found], stderr)
                    self.assertEqual(f"{name}.new.idl", found[0][0])
                    self.assertIn(f"{name}.old.idl:", stderr, "the note says where it was")
                else:
                    self.assertEqual((0, ""), (code, stderr))

    def test_a_pair_breaks_in_the_other_direction_too_unless_it_only_got_more(self):
        """A reader may be the newer one; ports judge alike whoever is older."""
        for name in NAMES:
            if verdict(name):
                with self.subTest(pair=name):
                    code, stderr = conform(f"{name}.new.idl", f"{name}.old.idl", cwd=EVOLUTION)
                    self.assertEqual(1, code, stderr)

    def test_the_texts_for_the_run_time_are_up_to_date(self):
        text = ""
        for name in NAMES:
            struct, old = canonical(EVOLUTION / f"{name}.old.idl")
            text += f"== {name}\n{verdict(name)}\n{old}--\n{canonical(EVOLUTION / f'{name}.new.idl', struct)[1]}"
        path = EVOLUTION / "texts.txt"
        if os.environ.get("BATON_UPDATE"):
            path.write_text(text)
        self.assertEqual(path.read_text(), text, "run BATON_UPDATE=1 python3 tests/codegen/test_conform.py")

    def test_what_is_new_is_listed(self):
        result = batongen("--conform", "inner_table_appended.old.idl", "inner_table_appended.new.idl", cwd=EVOLUTION)
        self.assertEqual((0, "m::Step.where is new: older programs do not see it\n", ""),
                         (result.returncode, result.stdout, result.stderr))

    def test_flatc_agrees_about_tables_that_only_grew(self):
        for name in NAMES:
            with self.subTest(pair=name), tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                if "layout=\"table\"" not in (EVOLUTION / f"{name}.old.idl").read_text() or verdict(name):
                    continue
                for age in ("old", "new"):
                    shutil.copy(EVOLUTION / f"{name}.{age}.idl", folder / "plan.idl")
                    self.assertEqual((0, ""), batongen_here("--out", age, "plan.idl", cwd=folder))
                result = subprocess.run(["flatc", "-I", folder / "new", "--conform-includes", folder / "old", "--conform",
                                         folder / "old/plan.fbs", folder / "new/plan.fbs"], capture_output=True, text=True,
                                        check=False)
                self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    def test_a_type_that_is_gone_is_one_error(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "old.idl").write_text("struct A { long x; }; struct B { A a; };\n")
            (folder / "new.idl").write_text("struct B { long a; };\n")
            code, stderr = conform("old.idl", "new.idl", cwd=folder)
            self.assertEqual(1, code)
            self.assertEqual(1, stderr.count("there is no A any more"), stderr)
            self.assertIn("B.a was A, and is int32", stderr)

    def test_files_of_two_trees_find_their_own_includes(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for age, type_ in (("old", "double"), ("new", "float")):
                (folder / age / "idl/robot").mkdir(parents=True)
                (folder / age / "idl/point.idl").write_text(f"struct Point {{ {type_} x; }};\n")
                (folder / age / "idl/robot/arm.idl").write_text('#include "point.idl"\nstruct Arm { Point hand; };\n')
            code, stderr = conform(folder / "old/idl/robot/arm.idl", "new/idl/robot/arm.idl", "--base-dir", "new/idl",
                                   cwd=folder)
            self.assertEqual(1, code)
            self.assertRegex(stderr, r"new/idl/point\.idl:1:22: error: Point\.x was double, and is float \[breaking-change\]")
            self.assertEqual(1, stderr.count("[breaking-change]"), "that Arm has another size is no news")
            self.assertRegex(stderr, r"old/idl/point\.idl:1:23: note")

    def test_wrong_command_lines_are_told(self):
        for arguments, words in ((["--conform", "none.idl", "bound_changed.new.idl"], "there is no file 'none.idl'"),
                                 (["--conform", "bound_changed.old.idl", "none.idl"], "there is no file 'none.idl'"),
                                 (["--conform", "bound_changed.old.idl", "bound_changed.new.idl", "bound_changed.old.idl"],
                                  "compares two files"),
                                 (["--conform", "bound_changed.old.idl"], "expected 2 arguments"),
                                 ([], "name the IDL files")):
            result = batongen(*arguments, cwd=EVOLUTION)
            self.assertEqual(2, result.returncode, result.stderr)
            self.assertIn(words, result.stderr)

    def test_errors_of_either_file_come_first(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "good.idl").write_text("struct A { long x; };\n")
            (folder / "wrong.idl").write_text("struct A { longg x; };\n")
            for pair in (("wrong.idl", "good.idl"), ("good.idl", "wrong.idl")):
                code, stderr = conform(*pair, cwd=folder)
                self.assertEqual(1, code)
                self.assertTrue(re.match(r"wrong\.idl:1:12: error: .*\[unknown-name\]", stderr), stderr)


if __name__ == "__main__":
    unittest.main()
