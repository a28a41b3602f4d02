"""Directives: what is read and what is not, across files, and once."""

import pathlib
import tempfile
import unittest

from support import batongen, batongen_here


class Preprocessor(unittest.TestCase):
    def run_on(self, files, *arguments):
        """Writes the files and makes headers of those without a folder. Gives code, stderr and the headers' text."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, text in files.items():
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8", newline="")
            named = [name for name in files if "/" not in name]
            code, stderr = batongen_here("--out", "out", *arguments, *named, cwd=folder)
            headers = "".join(path.read_text() for path in sorted((folder / "out").glob("*.hpp")))
            return code, stderr, headers

    def structs(self, text, *arguments):
        """The structs that are declared by a file, after it was found correct."""
        code, stderr, headers = self.run_on({"x.idl": text}, *arguments)
        self.assertEqual((0, ""), (code, stderr))
        return [line.split()[1] for line in headers.splitlines() if line.startswith("struct ") and line.endswith("{")
                and "TypeTraits" not in line]

    def test_conditionals_choose_one_branch(self):
        text = """
            #if defined(A)
            struct IfA { long x; };
            #elif defined B && !defined(C)
            struct ElifB { long x; };
            #elif !defined (D) || defined(B)
            struct ElifNotD { long x; };
            #else
            struct Else { long x; };
            #endif
            """
        self.assertEqual(["ElifNotD"], self.structs(text))
        self.assertEqual(["IfA"], self.structs(text, "-D", "A"))
        self.assertEqual(["IfA"], self.structs(text, "-DA", "-DB"))
        self.assertEqual(["ElifB"], self.structs(text, "-D", "B"))
        self.assertEqual(["ElifNotD"], self.structs(text, "-D", "B", "-D", "C"))
        self.assertEqual(["Else"], self.structs(text, "-D", "D"))

    def test_conditionals_nest(self):
        text = """
            #ifdef A
            #  ifndef B
            struct A { long x; };
            #  else
            struct AB { long x; };
            #  endif
            #else
            #  ifdef B
            struct B { long x; };
            #  endif
            struct None { long x; };
            #endif
            """
        self.assertEqual(["None"], self.structs(text))
        self.assertEqual(["A"], self.structs(text, "-DA"))
        self.assertEqual(["B", "None"], self.structs(text, "-DB"))
        self.assertEqual(["AB"], self.structs(text, "-DA", "-DB"))

    def test_names_are_defined_and_undefined_in_the_order_of_the_text(self):
        self.assertEqual(["Early", "Late"], self.structs("""
            #ifdef X
            struct No { long x; };
            #endif
            #define X
            #define X
            #ifdef X
            struct Early { long x; };
            #endif
            #undef X
            #undef X
            #ifndef X
            struct Late { long x; };
            #endif
            """))

    def test_a_declaration_may_be_cut_by_directives(self):
        _, _, header = self.run_on({"x.idl": "struct A {\n#ifdef WIDE\n  double\n#else\n  float\n#endif\n  x; };\n"}, "-DWIDE")
        self.assertIn("double x", header)

    def test_skipped_text_may_be_anything_but_directives_are_balanced(self):
        self.assertEqual(["A"], self.structs("""
            #ifdef NEVER
            it's "not IDL \x01 § `
            /* #endif
            #else */ // #endif \
            "#endif"
            #define N 8
            #include <nowhere>
            #if 8 > 3
            #elif
            #nonsense
            #endif
            #else
            struct A { long x; };
            #endif
            """))

    def test_directives_end_with_their_line_unless_it_is_continued(self):
        self.assertEqual(["A"], self.structs("""
            #ifdef /* x */ A // B
            #elif defined \\
              A
            #else /* as
              long as it takes */
            struct A { long x; };
            #endif A
            """))
        self.assertEqual(["A"], self.structs("#ifndef A\r\n#define A\r\nstruct A { long x; };\r\n#endif\r\n"))
        self.assertEqual(["A"], self.structs("struct A { long x; };\n#ifdef A\n#endif"))

    def test_a_guarded_file_may_be_included_again(self):
        guarded = "#ifndef P_IDL\n#define P_IDL\nstruct P { long x; };\n#endif\n"
        for text in (guarded, "#pragma once\nstruct P { long x; };\n", "struct P { long x; };\n"):
            code, stderr, _ = self.run_on({
                "inc/p.idl": text,
                "inc/a.idl": "#ifndef A_IDL\n#define A_IDL\n#include \"p.idl\"\nstruct A { P p; };\n#endif\n",
                "x.idl": "#include \"inc/p.idl\"\n#include \"inc/a.idl\"\n#include \"inc/p.idl\"\nstruct X { A a; P p; };\n",
                "y.idl": "#include \"inc/a.idl\"\n#include \"inc/p.idl\"\nstruct Y { A a; P p; };\n"})
            self.assertEqual((0, ""), (code, stderr))

    def test_a_guarded_cycle_is_none(self):
        code, stderr, _ = self.run_on({
            "x.idl": "#ifndef X\n#define X\n#ifndef Y\n#include \"y.idl\"\n#endif\nstruct A { long x; };\n#endif\n",
            "y.idl": "#ifndef Y\n#define Y\n#ifndef X\n#include \"x.idl\"\n#endif\nstruct B { long x; };\n#endif\n"})
        self.assertEqual((0, ""), (code, stderr))

    def test_macros_go_into_included_files_and_come_out_of_them(self):
        code, stderr, headers = self.run_on({
            "inc/config.idl": "#ifdef LARGE\nconst long SIZE = 1000;\n#define HAS_SIZE\n#endif\n",
            "x.idl": "#define LARGE\n#include \"inc/config.idl\"\n#ifdef HAS_SIZE\nstruct A { octet x[SIZE]; };\n#endif\n"})
        self.assertEqual((0, ""), (code, stderr))
        self.assertIn("struct A", headers)

    def test_a_named_file_knows_nothing_of_the_others_macros(self):
        files = {"x.idl": "#define X\nstruct A { long x; };\n", "y.idl": "#ifndef X\nstruct B { long x; };\n#endif\n"}
        for order in (("x.idl", "y.idl"), ("y.idl", "x.idl")):
            _, stderr, headers = self.run_on({name: files[name] for name in order})
            self.assertEqual("", stderr)
            self.assertIn("struct B", headers)

    def test_what_an_included_file_defines_is_known_when_it_was_read_before(self):
        code, stderr, headers = self.run_on({
            "inc/deep.idl": "#define FEATURE\n",
            "inc/config.idl": "#include \"deep.idl\"\n",
            "x.idl": "#include \"inc/config.idl\"\nstruct A { long x; };\n",
            "y.idl": "#include \"inc/config.idl\"\n#ifdef FEATURE\nstruct B { long x; };\n#endif\n"})
        self.assertEqual((0, ""), (code, stderr))
        self.assertIn("struct B", headers)

    def test_a_keylist_is_a_key_at_each_of_its_members(self):
        """What a key looks like in C++ is not said here: only that both ways of writing it come to the same."""
        pragma = "struct P { int32 c; int32 d; };\nmodule m { struct A { P b; int32 z, a; };\n#pragma keylist A b.c, a\n};\n"
        annotation = "struct P { @key int32 c; int32 d; };\nmodule m { struct A { @key P b; int32 z; @key int32 a; };\n\n};\n"
        results = [self.run_on({"x.idl": text}) for text in (pragma, annotation)]
        self.assertEqual((0, ""), results[0][:2])
        self.assertEqual(results[1], results[0])

    def test_a_macro_given_with_a_value_is_refused(self):
        for name, words in (("N=8", "-D takes a name, not 'N=8'; macros have no values here, use const"),
                            ("8", "-D takes a name, not '8'")):
            result = batongen("--check", "-D", name, "x.idl")
            self.assertEqual(2, result.returncode)
            self.assertIn(words, result.stderr)

    def test_a_misspelt_include_is_told(self):
        for include, words in (("inc/circel.idl", "did you mean 'inc/circle.idl'?"),
                               ("circle.idl", "did you mean 'inc/circle.idl'?"),
                               ("square.idl", "add its folder with -I")):
            _, stderr, _ = self.run_on({"inc/circle.idl": "struct C { long x; };\n", "x.idl": f"#include \"{include}\"\n"})
            self.assertIn(words, stderr)

    def test_a_misspelt_directive_is_told(self):
        for text, words in (("#inclde <x>\n", "did you mean 'include'?"), ("#pragma onec\n", "did you mean 'once'?"),
                            ("#define N 17\n", "use const, as in 'const int32 N = 17;'")):
            _, stderr, _ = self.run_on({"x.idl": text})
            self.assertIn(words, stderr)


if __name__ == "__main__":
    unittest.main()
