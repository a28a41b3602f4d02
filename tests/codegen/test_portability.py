"""--portable reports exactly what one of the other tools refuses or takes for something else, where it stands, and says what to
write instead: each case is tried with the tools where they are installed, and so is what was written instead."""

import pathlib
import re
import tempfile
import time
import unittest

from hostile import HOSTILE
from other_tools import HAS_IDLC, NO_FOX, NO_IDLC, fox, has_fox, idlc
from support import REPORTED, ROOT, batongen_here

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

# What is reported with --portable (line, column, the tool that stumbles, and how the message goes on), the text, and what both
# tools read instead.
CASES = [
    # The text of a file.
    ("1:18 omgidl knows no hexadecimal numbers; write 16", "const uint32 A = 0x10;", "const uint32 A = 16;"),
    ("1:18 omgidl takes an octal number for a decimal one; write 8", "const uint32 A = 010;", "const uint32 A = 8;"),
    ("1:16 omgidl knows no character literals; use an octet", "const char A = 'x';", "const octet A = 120;"),
    ("1:20 omgidl keeps the '\\' of an escape in a string", 'const string A = "a\\nb";', 'const string A = "a b";'),
    ("1:20 omgidl keeps the '\\' of an escape in a string", 'const string A = "a\\tb";', 'const string A = "a\tb";'),
    ("1:1 omgidl takes '/**/' for the beginning of a comment",
     "/**/ struct A { long x; /* y */ long y; };",
     "struct A { long x; long y; };"),
    ("1:5 omgidl does not find the end of a /* */ comment with a carriage return",
     "/* a\r\nb */ struct A { long x; };",
     "// a\r\nstruct A { long x; };"),
    ("1:27 idlc takes the next line for a part of one that ends with '\\'",
     "struct A { long x; // C:\\a\\\nlong y; };",
     "struct A { long x; // C:\\a\nlong y; };"),
    ("1:1 omgidl refuses #ifndef", "#ifndef A\nstruct A { long x; };", "struct A { long x; };"),
    ("1:1 omgidl refuses #define", "#define A\nstruct A { long x; };", "struct A { long x; };"),
    ("1:1 omgidl refuses #pragma; remove it", "#pragma once\nstruct A { long x; };", "struct A { long x; };"),
    ("2:1 omgidl refuses #pragma; write @key", "struct A { long x; };\n#pragma keylist A x", "struct A { @key long x; };"),
    ("1:1 omgidl skips an #include", '#include "y.idl"\nstruct A { Y y; };', "struct Y { long z; }; struct A { Y y; };"),
    ("2:1 omgidl refuses an #include behind the last declaration",
     'struct A { long x; };\n#include "baton/annotations.idl"',
     '#include "baton/annotations.idl"\nstruct A { long x; };'),
    ("1:1 omgidl refuses a file without declarations", "// nothing", "struct A {};"),
    ("1:13 omgidl knows no declared annotations",
     "@annotation baton { string layout default \"fixed\"; }; struct A { long x; };",
     '#include "baton/annotations.idl"\nstruct A { long x; };'),
    ("1:17 idlc refuses a ',' behind the last enumerator", "enum E { KA, KB , };", "enum E { KA, KB };"),
    ("1:12 idlc refuses a blank behind '@'", "struct A { @ key long x; };", "struct A { @key long x; };"),
    ("1:19 idlc refuses empty parentheses; write '@oneway'",
     "struct A { @oneway() long x; };",
     "struct A { long x; };"),
    # Names.
    ("1:17 omgidl keeps the '_' of '_x' in the name", "struct A { long _x; };", "struct A { long x; };"),
    ("1:17 idlc takes 'Default' for a word of IDL", "struct A { long Default; };", "struct A { long default_value; };"),
    ("1:17 omgidl takes 'byte' for a word of IDL", "struct A { long byte; };", "struct A { long byte_; };"),
    ("1:24 idlc takes the member 'a' for 'A' itself", "@final struct A { long a; };", "@final struct A { long a_; };"),
    ("1:38 idlc takes the member 'u' for 'U' itself",
     "union U switch (long) { case 1: long u; };",
     "union U switch (long) { case 1: long u_; };"),
    ("1:19 idlc takes 'M' for its module 'm'",
     "module m { struct M { long x; }; };",
     "module m { struct M_ { long x; }; };"),
    ("1:50 idlc takes 'Pose' for the member 'pose'",
     "struct Pose { double z; }; struct A { long pose; Pose y; };",
     "struct Pose { double z; }; struct A { long pose_; Pose y; };"),
    ("1:45 idlc takes 'N' for the member 'n'",
     "const long N = 3; struct A { long n; long y[N]; };",
     "const long N = 3; struct A { long m; long y[N]; };"),
    ("1:37 idlc takes 'E' for the member 'e'", "enum E { KA }; struct A { E x; E e; E  y; };", "enum E { KA }; struct A { E x; E y; E e; };"),
    ("1:39 omgidl takes 'Pose' for the member of that name",
     "struct Pose { double z; }; struct A { Pose Pose; };",
     "struct Pose { double z; }; struct A { Pose pose; };"),
    ("1:33 omgidl knows no leading '::'",
     "struct B { long x; }; struct A {::B b; };",
     "struct B { long x; }; struct A { B b; };"),
    ("1:48 omgidl refuses blanks around '::'; write 'm::B'",
     "module m { struct B { long x; }; }; struct A { m :: B b; };",
     "module m { struct B { long x; }; }; struct A { m::B b; };"),
    # Declarations.
    ("1:9 omgidl knows no bitmasks; use uint32",
     "bitmask B { b0, b1 };",
     "typedef uint32 B; const uint32 b0 = 1; const uint32 b1 = 2;"),
    ("1:11 know no interfaces", "interface I { void f(in long x); };", "struct I_Request { long x; };"),
    ("1:8 omgidl knows no declaration of a name alone", "struct A; struct A { long x; };", "struct A { long x; };"),
    ("1:34 omgidl knows no inheritance; make 'B' a member",
     "struct B { long x; }; struct A : B { long y; };",
     "struct B { long x; }; struct A { B base; long y; };"),
    ("1:1 omgidl reads every enum as one of 32 bits",
     "@bit_bound(8) enum E { KA }; struct A { E e; };",
     "typedef int8 E; const int8 KA = 0; struct A { E e; };"),
    ("1:17 omgidl does not read a @value with a name; write @value(3)",
     "enum E { @value(value=3) KA };",
     "enum E { @value(3) KA };"),
    ("1:17 idlc refuses enumerators below 0", "enum E { @value(-1) KA };", "const int32 KA = -1;"),
    ("1:20 omgidl gives the extents of 'y' to all members",
     "struct A { long x, y[3]; };",
     "struct A { long x; long y[3]; };"),
    ("1:17 omgidl knows one name to a typedef",
     "typedef long T, S; struct A { T t; S s; };",
     "typedef long T; typedef long S; struct A { T t; S s; };"),
    # Constants.
    ("1:16 omgidl knows no expressions; write the value", "const long A = 1 + 2;", "const long A = 3;"),
    ("1:16 omgidl knows no expressions; write the value", "const long A = (3);", "const long A = 3;"),
    ("1:34 omgidl knows no constants as values of constants",
     "const long A = 1; const long B = A;",
     "const long A = 1; const long B = 1;"),
    ("1:23 omgidl takes the constants of a typedef for those of an enum",
     "typedef long T; const T A = 1;",
     "typedef long T; const long A = 1;"),
    ("1:26 omgidl does not find the value of a constant of an enum",
     "enum E { KA, KB }; const E A = KB;",
     "enum E { KA, KB }; const uint32 A = 1;"),
    ("1:19 omgidl knows no expressions; write the number", "struct A { long x[1 + 1]; };", "struct A { long x[2]; };"),
    ("1:19 omgidl knows no expressions; write the number", "struct A { string<(2)> x; };", "struct A { string<2> x; };"),
    # Sequences and arrays.
    ("1:21 omgidl knows no sequences of sequences",
     "struct A { sequence<sequence<long, 2>, 3> x; };",
     "struct B { sequence<long, 2> v; }; struct A { sequence<B, 3> x; };"),
    ("1:50 omgidl knows no sequences of sequences",
     "typedef sequence<long, 2> T; struct A { sequence<T, 3> x; };",
     "struct B { sequence<long, 2> v; }; struct A { sequence<B, 3> x; };"),
    ("1:40 omgidl knows no sequences of arrays",
     "typedef long T[2]; struct A { sequence<T, 3> x; };",
     "struct B { long v[2]; }; struct A { sequence<B, 3> x; };"),
    ("1:30 omgidl knows no arrays of sequences",
     "struct A { sequence<long, 2> x[3]; };",
     "struct B { sequence<long, 2> v; }; struct A { B x[3]; };"),
    ("1:43 omgidl knows no arrays of sequences",
     "typedef sequence<long, 2> T; struct A { T x[3]; };",
     "struct B { sequence<long, 2> v; }; struct A { B x[3]; };"),
    ("1:29 idlc takes '>>' for an operator", "struct A { sequence<string<2>> x; };", "struct A { sequence<string<2> > x; };"),
    # Unions.
    ("1:17 omgidl takes no char for a tag",
     "union U switch (char) { default: long x; };",
     "union U switch (octet) { default: long x; };"),
    ("1:45 omgidl does not find the enumerators of a typedef; write 'E'",
     "enum E { KA }; typedef E T; union U switch (T) { case KA: long x; };",
     "enum E { KA }; typedef E T; union U switch (E) { case KA: long x; };"),
    ("1:46 idlc does not find the enumerators of another module",
     "module m { enum E { KA }; }; union U switch (m::E) { case KA: long x; };",
     "module m { enum E { KA }; union U switch (E) { case KA: long x; }; };"),
    ("1:42 idlc knows an enumerator of the tag by its own name",
     "enum E { KA }; union U switch (E) { case E::KA: long x; };",
     "enum E { KA }; union U switch (E) { case KA: long x; };"),
    ("1:53 omgidl knows an enumerator of the tag by its own name",
     "module m { enum E { KA }; union U switch (E) { case m::KA: long x; }; };",
     "module m { enum E { KA }; union U switch (E) { case KA: long x; }; };"),
    ("1:30 omgidl knows no expressions; write the value",
     "union U switch (long) { case 1 + 1: long x; };",
     "union U switch (long) { case 2: long x; };"),
    ("1:32 idlc fails at labels below -2147483648 and above 2147483647",
     "union U switch (uint32) { case 2147483648: long x; };",
     "union U switch (uint32) { case 2147483647: long x; };"),
    # Annotations.
    ("1:23 idlc takes '@unit' for what is called 'unit' before it", 'struct A { long unit; @unit("m") long x; };',
     'struct A { long unit_; @unit("m") long x; };'),
    ("1:22 idlc takes '@key' for what is called 'key' before it", "struct A { long key; @key long x; };",
     "struct A { long key_; @key long x; };"),
    ("1:45 idlc takes '@topic' for what is called 'topic' before it",
     'module m { @final struct topic { long x; }; @topic(name="a") struct A { long x; }; };',
     'module m { @final struct topic_ { long x; }; @topic(name="a") struct A { long x; }; };'),
    ("1:28 idlc refuses @range at 'T', a typedef",
     "typedef long T; struct A { @range(min=1, max=2) T x; };",
     "struct A { @range(min=1, max=2) long x; };"),
    ("1:12 idlc refuses @min at a sequence",
     "struct A { @min(1) sequence<long, 2> x; };",
     "struct A { sequence<long, 2> x; };"),
    ("1:17 idlc reads no integers below -2147483647 in annotations",
     "struct A { @min(-2147483648) long x; };",
     "struct A { @min(-2147483647) long x; };"),
    ("1:12 idlc refuses @must_understand here", "struct A { @must_understand long x; };", "struct A { long x; };"),
    ("1:1 idlc refuses @hashid here", "@hashid struct A { long x; };", "struct A { long x; };"),
    ("1:1 idlc reads one literal, or name=literal",
     "@other(B) struct A { long x; };",
     "@other(b=1, c=\"x\") struct A { long x; };"),
]


class Portability(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "y.idl").write_text("struct Y { long z; };\n")

    def write(self, name, text):
        (self.folder / name).write_bytes(text.encode() + b"\n")
        return name

    def portable(self, name):
        return batongen_here("--check", "--portable", "-Wno-all", "-I", ROOT / "idl", name, cwd=self.folder)

    def test_each_construct_is_reported_where_it_is_with_a_remedy(self):
        for expected, text, instead in CASES:
            with self.subTest(text=text):
                place, _, message = expected.partition(" ")
                message = message.replace("omgidl ", "Foxglove's omgidl-parser ").replace("idlc ", "Cyclone DDS's idlc ")
                code, stderr = self.portable(self.write("x.idl", text + ("\n#endif" if "#ifndef" in text else "")))
                self.assertEqual(1, code, stderr)
                found = [(f"{line}:{column}", name) for _, line, column, _, name in REPORTED.findall(stderr)]
                self.assertEqual((place, "not-portable"), found[0], stderr)
                self.assertEqual({"not-portable"}, {name for _, name in found})
                self.assertLessEqual(len(found), 3, stderr)
                self.assertIn(message, stderr)
                self.assertEqual((0, ""), self.portable(self.write("x.idl", instead)))

    def test_without_the_option_nothing_of_it_is_said(self):
        for _, text, _ in CASES:
            with self.subTest(text=text):
                name = self.write("x.idl", text + ("\n#endif" if "#ifndef" in text else ""))
                self.assertEqual((0, ""), batongen_here("--check", "-Wno-all", "-I", ROOT / "idl", name, cwd=self.folder))

    def test_names_that_differ_only_in_case_are_errors_whatever_W_says(self):
        for text, place in (("struct A { long x; long X; };", "1:25"), ("enum E { KA, kA };", "1:14"),
                            ("struct Pose { long x; }; struct pose { long y; };", "1:33")):
            code, stderr = self.portable(self.write("x.idl", text))
            self.assertEqual((1, f"x.idl:{place}: error: "), (code, stderr[:len(f"x.idl:{place}: error: ")]))
            self.assertIn("[name-differs-in-case]", stderr)
            if HAS_IDLC:
                self.assertIn("collides", idlc("x.idl", self.folder))

    @unittest.skipUnless(HAS_IDLC and has_fox(), f"{NO_IDLC}, or {NO_FOX}")
    def test_one_of_the_tools_stumbles_at_each_and_both_read_what_is_written_instead(self):
        """A tool stumbles where it refuses a file, or reads another number of things in it, or other ones."""
        files = {}
        for index, (_, text, instead) in enumerate(CASES):
            text += "\n#endif" if "#ifndef" in text else ""
            files[text], files[instead] = self.write(f"a{index}.idl", text), self.write(f"b{index}.idl", instead)
        read = fox(files.values(), self.folder)
        for _, text, instead in CASES:
            with self.subTest(text=text):
                text += "\n#endif" if "#ifndef" in text else ""
                self.assertEqual(("", None), (idlc(files[instead], self.folder), read[files[instead]].get("error")))
                refused = idlc(files[text], self.folder) or read[files[text]].get("error")
                if not refused:
                    self.assertNotEqual(read[files[instead]]["types"], read[files[text]]["types"], "both read it rightly")

    def test_hostile_files_take_at_most_2_seconds(self):
        for what, text in HOSTILE.items():
            if not re.search("quotes|comment|apostrophes|directive|escape|annotat|labels|enumerators|members?$|base|scopes", what):
                continue  # no more is done to these than without --portable
            with self.subTest(what=what):
                for _ in range(2):  # a busy machine is slow now and then
                    start = time.process_time()
                    code, stderr = batongen_here("--check", "--portable", self.write("x.idl", text), cwd=self.folder)
                    seconds = time.process_time() - start
                    if seconds < 2:
                        break
                self.assertLess(seconds, 2 * max(1.0, len(text) / 100_000))
                self.assertIn(code, (0, 1), stderr[-300:])

    @unittest.skipUnless(HAS_IDLC, NO_IDLC)
    def test_idlc_loses_a_key_behind_a_member_that_is_called_key(self):
        for member, keys in (("key", 0), ("key_", 1)):
            self.assertEqual("", idlc(self.write("x.idl", f"struct A {{ long {member}; @key long x; }};"), self.folder))
            self.assertIn(f".m_nkeys = {keys}u", (self.folder / "x.c").read_text())

    @unittest.skipUnless(HAS_IDLC and has_fox(), f"{NO_IDLC}, or {NO_FOX}")
    def test_every_file_that_passes_is_read_by_both_as_it_is(self):
        passed = {}
        for path in sorted([*(ROOT / "idl").rglob("*.idl"), *(CORPUS / "good").glob("*.idl")]):
            base = ROOT / "idl" if path.is_relative_to(ROOT / "idl") else CORPUS / "good"
            code, _ = batongen_here("--check", "--portable", "--base-dir", base, "-I", CORPUS, path, cwd=self.folder)
            if code == 0:
                name = f"{path.parent.name}_{path.name}"
                (self.folder / name).write_bytes(path.read_bytes())
                passed[name] = path
        self.assertGreater(len(passed), 25)
        read = fox(passed, self.folder)
        for name, path in passed.items():
            with self.subTest(file=path.name):
                self.assertEqual(("", None), (idlc(name, self.folder), read[name].get("error")))


if __name__ == "__main__":
    unittest.main()
