"""The schemas and the C++ of tables."""

import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

from support import ROOT, batongen

from batongen import check, cli, layout, parser, resolve
from batongen.model import Struct, Union, is_fixed

_STRUCT_SIZE = re.compile(r"FLATBUFFERS_STRUCT_END\((\w+), (\d+)\);")
_STRUCT_ALIGN = re.compile(r"FLATBUFFERS_MANUALLY_ALIGNED_STRUCT\((\d+)\) (\w+)")
TABLE = '@baton(layout="table") struct Plan { string title; };\n'


def model_of(path, base):
    run = cli.Run([path], [], base, None, True)
    model = resolve.resolve(parser.parse_all(run), run)
    extents = layout.lay_out(model)
    check.check(model, extents, run)
    assert not run.diagnostics.error_count
    return model, extents


class Schemas(unittest.TestCase):
    def test_flatbuffers_lays_structs_out_as_batongen_does(self):
        """From the schema of what lies inside of tables; its enums do not get that far."""
        base = ROOT / "idl"
        model, extents = model_of(base / "test/tables.idl", base)
        seen = 0
        for file in model.files:
            schema = ROOT / "generated" / file.source.named(".types.fbs")
            with tempfile.TemporaryDirectory() as out:
                subprocess.run(["flatc", "--cpp", "-I", ROOT / "generated", "-o", out, schema], check=True)
                code = (pathlib.Path(out) / (schema.stem + "_generated.h")).read_text()
            sizes, aligns = dict(_STRUCT_SIZE.findall(code)), {name: n for n, name in _STRUCT_ALIGN.findall(code)}
            for item in file.items:
                if isinstance(item, (Struct, Union)) and is_fixed(item):
                    extent = extents.of(item)
                    self.assertEqual((str(extent.size), str(extent.align)), (sizes[item.name[-1]], aligns[item.name[-1]]), item.name)
                    seen += 1
        self.assertGreater(seen, 5)

    def test_the_schemas_alone_make_code_for_other_languages(self):
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run(["flatc", "--python", "--gen-all", "-I", ROOT / "generated", "-o", out,
                                     ROOT / "generated/test/tables.fbs"], capture_output=True, text=True, check=False)
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            self.assertTrue((pathlib.Path(out) / "tables/All.py").is_file())

    def test_files_of_one_name_in_two_folders_do_not_hide_each_other(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("left", "right"):
                (folder / name).mkdir()
                (folder / name / "plan.idl").write_text(
                    f'module one {{ @baton(layout="table") struct {name.title()} {{ string title; }}; }};\n')
            result = batongen("--out", "out", "left/plan.idl", "right/plan.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            (folder / "main.cpp").write_text('#include "left/plan.hpp"\n#include "right/plan.hpp"\none::Left* a; one::Right* b;\n')
            self.compile(folder / "main.cpp", folder / "out")

    def test_names_of_c_plus_plus_and_of_flatbuffers_compile_without_a_warning(self):
        members = ["class", "concept", "char8_t", "namespace", "root_type", "string_", "Verify", "GetField", "Builder",
                   "Table", "NULL", "EOF", "fbb_", "verifier", "union_", "_int", "Plan"]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            text = "".join(f"{kind} {member}{suffix};\n" for kind, suffix in (("int32", ""), ("string", "_s"))
                           for member in members)
            (folder / "x.idl").write_text("module new { enum union_ { EOF, delete, MIN, NONE }; "
                                          f'@baton(layout="table") struct Plan {{ union_ u; {text} }}; }};\n')
            result = batongen("--out", "out", "-Wno-name-differs-in-case", "x.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            (folder / "main.cpp").write_text('#include "x.hpp"\nint main() { return sizeof(new_::Plan) > 99; }\n')
            self.compile(folder / "main.cpp", folder / "out")

    def test_sequences_with_and_without_a_bound_lie_in_each_other(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "x.idl").write_text('@baton(layout="table") struct Plan { sequence<sequence<long, 3>> a; '
                                          "sequence<sequence<sequence<long, 3>, 2>, 4> b; sequence<sequence<string<5>, 2>> c[2]; };\n")
            result = batongen("--out", "out", "x.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            (folder / "main.cpp").write_text('#include "x.hpp"\nint rows(const Plan& plan) { return plan.b()->Get(0)->items()'
                                             "->Get(0)->items()->Get(0) + plan.a()->Get(0)->items()->Get(0); }\n")
            self.compile(folder / "main.cpp", folder / "out")

    def test_members_of_what_lies_inside_a_table_may_be_called_like_a_struct(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "y.idl").write_text("module m { struct Near { long x; }; };\n")
            (folder / "x.idl").write_text('#include "y.idl"\nmodule m { struct Pose { long x; }; struct Robot { long Pose, Pose_, Near, x; }; '
                                          '@baton(layout="table") struct Plan { Robot robot; Pose pose; }; };\n')
            result = batongen("--out", "out", "-Wno-name-differs-in-case", "x.idl", "y.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            (folder / "main.cpp").write_text('#include "x.hpp"\nint pose(const m::Plan& plan) { return plan.robot()->Pose; }\n')
            self.compile(folder / "main.cpp", folder / "out")

    def test_two_files_that_would_write_one_are_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "plan.idl").write_text(TABLE)
            (folder / "plan.fb.idl").write_text("struct Pose { long x; };\n")
            result = batongen("--out", "out", "plan.idl", "plan.fb.idl", cwd=folder)
            self.assertEqual(1, result.returncode)
            self.assertIn("plan.idl:1:1: error: plan.fb.hpp is made of another file, too", result.stderr)

    def test_names_that_flatc_would_take_for_others_are_refused_here(self):
        table = '@baton(layout="table") struct'
        for text, name in (
                (f"struct Pose {{ double x; }}; module m {{ struct Pose {{ octet z; }}; {table} Plan {{ ::Pose where; }}; }};",
                 "table-layout"),
                (f"module x {{ module a {{ struct T {{ octet s; }}; }}; }}; module a {{ struct T {{ double b; }}; }}; "
                 f"module x {{ module a {{ {table} Tab {{ ::a::T where; }}; }}; }};", "table-layout"),
                (f"module a {{ struct F {{ octet x; }}; module a {{ {table} Tab {{ F f; }}; }}; }};", "table-layout"),
                (f"bitmask ubyte {{ a, b }}; {table} Plan {{ ubyte x; }};", "table-layout"),
                (f"struct ushort {{ double x; }}; struct Pose {{ ushort x; }}; {table} Plan {{ Pose x; }};", "table-layout"),
                (f"module m {{ {table} Builder {{ string s; }}; }};", "reserved-name"),
                (f"{table} Table {{ string s; }};", "reserved-name"),
                (f"module flatbuffers {{ {table} T {{ string s; }}; }};", "reserved-name"),
                (f"module x {{ struct flatbuffers {{ long y; }}; {table} T {{ string s; }}; }};", "reserved-name"),
                (f"{table} Plan {{ string foo; uint32 foo__; }};", "cpp-name-collision"),
                (f"{table} A {{ sequence<sequence<int8>> m; }}; struct A_m_itemBuilder {{ long x; }};", "cpp-name-collision"),
                ("struct Big { octet data[70000]; }; " f"{table} A {{ @optional sequence<Big> x; }};", "table-too-large"),
                ("struct Big { octet data[70000]; }; " f"{table} A {{ sequence<Big> x[3]; }};", "table-too-large")):
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "x.idl").write_text(text + "\n")
                result = batongen("--out", "out", "-Wno-all", "x.idl", cwd=folder)
                self.assertEqual(1, result.returncode, result.stderr)
                self.assertIn(f"[{name}]", result.stderr)
                self.assertEqual(1, result.stderr.count("error:"), result.stderr)

    def test_names_that_only_look_dangerous_compile(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "x.idl").write_text(
                "enum Mode { null, one }; struct Leaf { long x; };\n// what??/\n"
                "/// is this a trigraph??/\n"
                '@baton(layout="table") struct Plan { Mode Mode; string PlanBuilder; string CreatePlan; long uint8_t; string int32_t;'
                " sequence<Mode> modes; @default(-0.0) double z; };\n"
                "union U switch (uint64) { case 9223372036854775808: double a; case 1: octet b; }; struct S { U u; };\n")
            result = batongen("--out", "out", "-Wno-all", "x.idl", cwd=folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            (folder / "main.cpp").write_text('#include "x.hpp"\nint main() { return sizeof(Plan) > 99; }\n')
            self.compile(folder / "main.cpp", folder / "out")

    def compile(self, source, includes):
        result = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror",
                                 "-fsyntax-only", f"-I{includes}", f"-I{ROOT / 'core/include'}", source],
                                capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (result.returncode, result.stderr))


class Flatc(unittest.TestCase):
    def run_with(self, flatc, text=TABLE):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "x.idl").write_text(text)
            if flatc and flatc.startswith("#!"):
                program = folder / "program"
                program.write_text(flatc)
                program.chmod(program.stat().st_mode | stat.S_IXUSR)
                flatc = str(program)
            result = batongen("--out", "out", "--stamp", "stamp", "--flatc", flatc, "x.idl", cwd=folder)
            return result, (folder / "stamp").exists()

    def test_one_that_is_not_there_is_an_error_that_says_what_to_install(self):
        result, done = self.run_with("/nonexistent/flatc")
        self.assertEqual((1, False), (result.returncode, done))
        self.assertRegex(result.stderr, r"^x\.idl:1:31: error: cannot run '/nonexistent/flatc'.*No such file.*apt-get install "
                                        r"flatbuffers-compiler.* \[flatc\]")

    def test_one_that_fails_is_quoted(self):
        result, done = self.run_with("#!/bin/sh\necho a grave mistake\nexit 3\n")
        self.assertEqual((1, False), (result.returncode, done))
        self.assertRegex(result.stderr, r"^x\.idl:1:31: error: '.*/program' refuses x\.fbs: a grave mistake \[flatc\]")

    def test_one_that_writes_nothing_is_no_success(self):
        result, done = self.run_with("#!/bin/sh\nexit 0\n")
        self.assertEqual((1, False), (result.returncode, done))

    def test_it_is_not_run_where_there_are_no_tables(self):
        result, done = self.run_with("/nonexistent/flatc", "struct A { long x; };\n")
        self.assertEqual((0, "", True), (result.returncode, result.stderr, done))


if __name__ == "__main__":
    os.environ.pop("BATONGEN_DEBUG", None)
    unittest.main()
