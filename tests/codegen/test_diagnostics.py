"""Every refusal of batongen has a file in bad/ that begins with what is to be said about it:

    //! 3:5 unknown-name                       line, column and name of a diagnostic
    //! include/other.idl 1:10 include-cycle   the same in another file
    //! with include/other.idl                 another file of the same run

Nothing else may be reported.
"""

import pathlib
import re
import tempfile
import time
import unittest

from hostile import HOSTILE
from support import REPORTED, batongen, batongen_here

from batongen.diagnostics import NAMES, WARNINGS

BAD = pathlib.Path(__file__).resolve().parent / "bad"
_EXPECTED = re.compile(r"^//! (?:(\S+\.idl) )?(\d+):(\d+) (\S+)$", re.MULTILINE)
_WITH = re.compile(r"^//! with (\S+)$", re.MULTILINE)


def text_of(path):
    return path.read_bytes().decode("utf-8", errors="replace")


class Diagnostics(unittest.TestCase):
    maxDiff = 4000

    def test_each_bad_file_is_refused_where_it_says_and_nowhere_else(self):
        for path in sorted(BAD.glob("*.idl")):
            with self.subTest(file=path.name), tempfile.TemporaryDirectory() as out:
                text = text_of(path)
                expected = [(file or path.name, int(line), int(column), name)
                            for file, line, column, name in _EXPECTED.findall(text)]
                self.assertTrue(expected, "the file does not say what to expect")
                code, stderr = batongen_here("--out", out, "--base-dir", ".", path.name, *_WITH.findall(text), cwd=BAD)
                reported = [(file, int(line), int(column), name)
                            for file, line, column, _, name in REPORTED.findall(stderr)]
                self.assertEqual(sorted(expected), sorted(reported), stderr)
                self.assertEqual(sorted(reported, key=lambda r: r[:3]), reported, "not sorted by place")
                only_warnings = all(name in WARNINGS for *_, name in expected)
                self.assertEqual(0 if only_warnings else 1, code, stderr)

    def test_every_diagnostic_has_a_file(self):
        covered = {name for path in BAD.glob("*.idl") for *_, name in _EXPECTED.findall(text_of(path))}
        covered |= {"flatc", "output-collision", "breaking-change"}  # in test_tables.py and test_conform.py
        covered |= {"source-too-large", "too-many-members", "descriptions-too-long"}  # below; they are not worth keeping
        covered.add("not-portable")  # by test_portability.py: it is reported with an option only
        self.assertEqual(set(NAMES), covered)

    def run_on(self, text, name="x.idl"):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / name).write_bytes(text if isinstance(text, bytes) else text.encode())
            return batongen("--out", "out", name, cwd=folder)

    def test_a_file_of_more_than_4_mib_is_refused(self):
        result = self.run_on(b"//" + b"x" * (4 * 1024 * 1024))
        self.assertEqual(1, result.returncode)
        self.assertIn("x.idl:1:1: error:", result.stderr)
        self.assertIn("[source-too-large]", result.stderr)

    def test_the_source_line_is_shown_with_a_caret_under_the_place(self):
        result = self.run_on("struct A {\n  Foo x;\n};\n")
        self.assertEqual("x.idl:2:3: error: there is no type 'Foo' [unknown-name]\n"
                         "    Foo x;\n"
                         "    ^~~\n", result.stderr)

    def test_tabs_and_wide_characters_keep_the_caret_in_place(self):
        result = self.run_on("struct A {\n\t/* 漢字 */\tFoo x;\n};\n")
        lines = result.stderr.splitlines()
        self.assertEqual("  \t/* 漢字 */\tFoo x;", lines[1])
        self.assertEqual("  \t          \t^~~", lines[2])  # each of the two characters is two columns wide

    def test_the_earlier_declaration_is_shown(self):
        result = self.run_on("struct A { long x; };\nstruct A { long y; };\n")
        self.assertIn("x.idl:2:8: error: 'A' is declared already [duplicate-name]\n", result.stderr)
        self.assertIn("x.idl:1:8: note: the earlier declaration is here\n", result.stderr)

    def test_messages_say_what_to_do(self):
        for text, message in (
                ("struct Pose { long x; };\nstruct A { Posse p; };\n", "there is no type 'Posse'; did you mean 'Pose'?"),
                ("struct A { int x; };\n", "did you mean 'int32'?"),
                ("struct A { bool x; };\n", "did you mean 'boolean'?"),
                ("@topik(name=\"a\") struct A { long x; };\n", "'@topik' means nothing to batongen; did you mean 'topic'?"),
                ("struct A { long x };\n", "expected ';' after the member 'x', not '}'"),
                ("module sensors { struct Imu { string frame; }; };\n",
                 "member sensors::Imu.frame is unbounded: give it a bound, string<N>"),
                ("struct A { sequence<octet> data; };\n", "member A.data is unbounded: give it a bound, sequence<octet, N>, or the struct the layout raw"),
                ("struct A { B b; };\nstruct B { sequence<A, 2> a; };\n", "'A' contains itself: A -> B -> A"),
                ("bitset B { bitfield<3> x; };\n", "'bitset' is not supported (yet); use a bitmask, or an unsigned integer"),
                ("struct A;\nstruct B { A a; };\nstruct A { long x; };\n", "'B' needs the size of 'A', which is only announced "
                 "so far: B -> A; move its declaration up"),
                ("struct A;\nstruct B { A a; };\nstruct A { B b; };\n", "'B' contains itself: B -> A -> B"),
                ("union U switch (long) { case 1: U x; };\n", "'U' contains itself: U -> U"),
                ("enum E { A = 1 };\n", "'= value' is not IDL; write @value(1) before 'A'"),
                ("@mutable @topic(name=\"a\") struct A { long x; };\n", "'@mutable' is not supported; use @appendable"),
                ("#define N 8\n", "#define with a value is not supported; use const"),
                ("#include \"nope.idl\"\n", "'nope.idl' is not in '.'; add its folder with -I (INCLUDE_DIRS in CMake)"),
                ("const double D = 1 / 3;\n", "1 / 3 is 0: integers divide as in C++; for a double write 1.0 / 3"),
                ("const boolean B = true;\n", "there is no constant 'true'; did you mean 'TRUE'?"),
                ("@topic(\"a\") struct A { long x; };\n@topic(\"a\") struct B { long x; };\n",
                 "x.idl:1:20: note: the earlier one is here")):
            with self.subTest(message=message):
                self.assertIn(message, self.run_on(text).stderr)

    def test_what_cpp_programmers_write_gets_a_remedy(self):
        for member, message in (
                ("int32 x = 3;", "write @default(3) before the member"),
                ("double x = -1.5;", "write @default(-1.5) before the member"),
                ("int32 x = N;", "write @default(literal) before the member"),
                ("vector<int32> v;", "there is no type 'vector<int32>'; did you mean 'sequence<T, N>'?"),
                ("std::vector<int32> v;", "there is no type 'std::vector<int32>'; did you mean 'sequence<T, N>'?"),
                ("optional<int32> v;", "there is no type 'optional<int32>'; use '@optional T name'"),
                ("std::variant<int32, double> v;", "use a union"),
                ("array<int32, 3> v;", "there is no type 'array<int32, 3>'; use 'T name[N]', or sequence<T, N>"),
                ("String<3> z;", "there is no type 'String<3>'; did you mean 'string'?"),
                ("std::string s;", "there is no type 'std::string'; use string<N>"),
                ("std::uint8_t s;", "did you mean 'uint8'?"),
                ("int32[3] x;", "write 'int32 x[3]'"),
                ("unsigned long[3][4] x;", "write 'unsigned long x[3][4]'"),
                ("sequence<int32, 2>[3] x;", "write 'sequence<int32, 2> x[3]'"),
                ("int32 x[];", "an array has a fixed extent: x[N]"),
                ("unsigned int x;", "there is no type 'unsigned int'; use 'unsigned long' or uint32"),
                ("long int x;", "drop 'int': IDL calls this type 'long'"),
                ("const int32 x;", "a member is not const: drop the word"),
                ("@default(TRUE) const boolean x;", "a member is not const: drop the word"),
                ("const int32 X = 1; int32 y;", "a constant inside a struct is not supported; declare it before the "
                 "struct 'A'"),
                ("@default(true) boolean x;", "'@default' takes a literal, not an expression; did you mean 'TRUE'?"),
                ("@default(on) State x;", "the default of an enum is its first enumerator, or the one marked @default_literal"),
                ("@default(1e999) double x;", "1e999 does not fit a double")):
            with self.subTest(member=member), tempfile.TemporaryDirectory() as folder:
                text = f"enum State {{ off, on }};\nstruct A {{ {member} }};\nstruct B {{ A a; }};\n"
                (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                _, stderr = batongen_here("--check", "x.idl", cwd=folder)
                self.assertIn(message, stderr)
                self.assertEqual(1, len(REPORTED.findall(stderr)), stderr)

    def test_the_folders_of_a_missing_include_are_named_once(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "x.idl").write_text("#include \"nope.idl\"\n")
            (folder / "inc").mkdir()
            result = batongen("--check", "-I", "inc", "-I", "./inc/", "--base-dir", folder, "x.idl", cwd=folder)
        self.assertIn("'nope.idl' is in none of '.', 'inc'; add its folder with -I", result.stderr)

    def test_an_include_cycle_is_printed_as_a_chain(self):
        result = batongen("--check", "include_cycle.idl", cwd=BAD)
        self.assertIn("include/cycle_a.idl -> include/cycle_b.idl -> include/cycle_a.idl", result.stderr)

    def test_hostile_files_take_at_most_2_seconds_for_100_kb(self):
        with tempfile.TemporaryDirectory() as folder:
            for what, text in HOSTILE.items():
                with self.subTest(what=what):
                    (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                    for attempt in ("first", "second"):  # a busy machine is slow now and then
                        start = time.process_time()
                        code, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                        seconds = time.process_time() - start
                        if seconds < 2:
                            break
                    self.assertLess(seconds, 2 * max(1.0, len(text) / 100_000), attempt)
                    self.assertIn(code, (0, 1), stderr[-300:])
                    self.assertLess(len(stderr), 2_000_000)

    def test_what_is_nested_ends_somewhere(self):
        """Python's stack is the limit that must not be reached, also by a process of its own."""
        for what in ("nested modules", "nested structs", "nested sequences", "parentheses", "signs"):
            result = self.run_on(HOSTILE[what])
            self.assertEqual(1, result.returncode, result.stderr[-300:])
        for count, code in ((64, 0), (65, 1)):
            for text in ("module m {" * count + "struct A { long x; };" + "};" * count,
                         "const long A = " + "(" * count + "1" + ")" * count + ";",
                         "#ifndef A\n" * count + "struct A { long x; };\n" + "#endif\n" * count,
                         "typedef long T0;\n" + "".join(f"typedef T{i} T{i + 1};\n" for i in range(count - 1)),
                         "struct S0 { long x; };\n" + "".join(f"struct S{i + 1} {{ S{i} x; }};\n" for i in range(count - 1))):
                with tempfile.TemporaryDirectory() as folder:
                    (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                    found, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                    self.assertEqual((code, code), (found, stderr.count("[nesting-too-deep]")), text[:100] + stderr)

    def test_includes_are_nested_64_deep_at_most(self):
        for count, code in ((65, 0), (66, 1)):
            with tempfile.TemporaryDirectory() as folder:
                for index in range(count):
                    text = f"#include \"f{index + 1}.idl\"\n" if index + 1 < count else ""
                    (pathlib.Path(folder) / f"f{index}.idl").write_text(text)
                found, stderr = batongen_here("--check", "f0.idl", cwd=folder)
                self.assertEqual((code, code), (found, stderr.count("[nesting-too-deep]")), stderr)

    def test_files_that_are_no_text_are_refused_in_words(self):
        for data, message in (("struct A {};".encode("utf-16"), "x.idl:1:1: error: this is UTF-16; save the file as UTF-8"),
                              (b"struct A {\n  long \xff; };", "x.idl:2:8: error: this byte is not UTF-8"),
                              (b"struct A {\n\0", "x.idl:2:1: error: a NUL character"),
                              ("\ufeffstruct A { Foo x; };".encode(), "x.idl:1:1: error: a byte order mark")):
            self.assertIn(message, self.run_on(data).stderr)
        stderr = self.run_on("\ufeffstruct A {\n Foo x; };".encode()).stderr
        self.assertIn("x.idl:2:2: error: there is no type 'Foo'", stderr)
        self.assertEqual(2, len(REPORTED.findall(stderr)))


if __name__ == "__main__":
    unittest.main()
