"""One slip is one error, told where it is: each token of each good file is taken out in turn, and each line of slips.txt is
a file with one mistake, of those that people make."""

import pathlib
import shutil
import tempfile
import unittest

from support import ROOT, REPORTED, batongen_here

from batongen.diagnostics import Diagnostics
from batongen.lexer import tokenize
from batongen.source import Source

MOST_ERRORS = 4  # of one slip; where a '::' is missing, names are wrong on both sides of it, and unknown later
FEW_ERRORS = 1.1  # on average


class Recovery(unittest.TestCase):
    def test_without_any_single_token_there_are_few_errors_and_one_is_there(self):
        errors = []
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder) / "idl"
            shutil.copytree(ROOT / "idl", folder)
            for path in sorted(folder.rglob("*.idl")):
                text = path.read_text(encoding="utf-8")
                name = path.relative_to(folder).as_posix()
                source = Source.make(path, name, name, text)
                tokens = tokenize(source, Diagnostics(), lambda *_: True).tokens
                for before, token, behind in zip([tokens[0], *tokens], tokens, tokens[1:]):
                    path.write_text(f"{text[:token.start]} {text[token.end:]}", encoding="utf-8")
                    code, stderr = batongen_here("--check", name, cwd=folder)
                    found = [int(line) for _, line, _, severity, _ in REPORTED.findall(stderr) if severity == "error"]
                    lines = [source.position(t.start)[0] for t in (before, token, behind)]
                    where = f"{name}:{lines[1]} without '{token.text}'\n{stderr}"
                    self.assertEqual(1 if found else 0, code, where)
                    self.assertLessEqual(len(found), MOST_ERRORS, where)
                    if found:
                        if "[unreachable-default]" not in stderr:  # without an enumerator the rest may well be complete
                            self.assertTrue(set(found) & set(lines), where)
                        errors.append(len(found))
                path.write_text(text, encoding="utf-8")
        self.assertGreater(len(errors), 1000)
        self.assertLess(sum(errors) / len(errors), FEW_ERRORS)

    def test_each_line_of_slips_txt_is_one_error(self):
        lines = (pathlib.Path(__file__).resolve().parent / "slips.txt").read_text(encoding="utf-8").splitlines()
        self.assertGreater(len(lines), 450)
        with tempfile.TemporaryDirectory() as folder:
            for line in lines:
                with self.subTest(text=line):
                    (pathlib.Path(folder) / "x.idl").write_text(line + "\n", encoding="utf-8")
                    _, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                    self.assertEqual(["error"], [severity for *_, severity, _ in REPORTED.findall(stderr)], stderr)

    def test_of_two_errors_the_more_useful_one_is_left(self):
        for text, message in (
                ("struct Later; struct A { Later x; };", "1:8: error: 'Later' is announced here and declared nowhere"),
                ("typedef struct A { long x; } B; struct C { A a; B b; };",
                 "1:9: error: a typedef takes the name of a type: declare the struct before it, 'struct A { ... };'"),
                ("struct A { long x; }; typedef struct A B; struct C { B b; };",
                 "1:31: error: drop 'struct': the name of a type is 'A' alone"),
                ("enum E { X }; struct A { enum E e; };", "1:26: error: drop 'enum': the name of a type is 'E' alone"),
                ("struct A { struct B { long x; }; B b; }; struct C { B b; };",
                 "1:12: error: a struct inside a struct is not supported; declare it before the struct 'A'"),
                ("struct A { typedef long B; B b; };", "a typedef inside a struct is not supported"),
                ("struct B { long y; }; struct A extends B { long x; };", "1:32: error: write 'struct A : B'"),
                ("struct A ( long x; ); struct B { long x; };", "1:9: error: expected '{' after the struct 'A', not '('"),
                ("union U switch (long) { case 1 long x; };", "expected ':' after the label, not 'long'"),
                ("union U switch (long) { case 1: struct B { long x; } b; };", "a struct inside a union is not supported"),
                ("enum E { A }; const E C = E.A; struct B { long x; };", "names are joined by '::', not by '.'"),
                ("module a.b { struct A { long x; }; }; struct B { a::b::A a; };", "a module has one name; write"),
                ("struct A { long x; }}; struct B { A a; };", "1:21: error: '}' without a '{' that it closes"),
                ("struct A { @range(1, 2) long x; };", "1:19: error: the arguments of '@range' have names"),
                ("@baton(layuot=\"raw\") struct A { sequence<octet> s; };", "did you mean 'layout'?"),
                ("@baton(layout=\"raw\") struct A { sequence<octet> s; long x; };", "the last member of a struct of the layout raw"),
                ("struct A { long x; /* comment };", "1:20: error: this comment is not closed with '*/'"),
                ("const long A = 1'000;", "1:17: error: this character literal does not end on its line")):
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "x.idl").write_text(text + "\n", encoding="utf-8")
                _, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                self.assertIn(message, stderr)
                self.assertEqual(1, len(REPORTED.findall(stderr)), stderr)

    def test_a_missing_token_is_one_error(self):
        for text, message in (
                ("module m {\n  struct A long x; long y; };\n  struct B { A a; };\n};\n",
                 "x.idl:2:11: error: expected '{' after the struct 'A', not 'long'"),
                ("module m\n  struct A { long x; };\n};\nstruct B { m::A a; };\n",
                 "x.idl:1:9: error: expected '{' after the module 'm', not 'struct'"),
                ("enum E A, B };\nconst E C = B;\n", "x.idl:1:7: error: expected '{' after the enum 'E', not 'A'"),
                ("module m {\n  struct A };\n  struct B { A a; };\n};\n",
                 "x.idl:2:11: error: expected '{' after the struct 'A', not '}'"),
                ("struct A B { long x; };\nstruct C { A a; };\n",
                 "x.idl:1:9: error: expected '{' after the struct 'A', not 'B'"),
                ("struct A {\n  long x;\n;\n@final\nstruct B { A a; };\n",
                 "x.idl:2:10: error: expected '}' to close the struct 'A'"),
                ("struct A {\n  long x;\n@topic(name=\"b\") @final\nstruct B { A a; };\n",
                 "x.idl:2:10: error: expected '}' to close the struct 'A'"),
                ("module m { enum E { A, , B }; struct S { E e; }; };\n",
                 "x.idl:1:23: error: expected an enumerator, not ','"),
                ("module m { enum E { A, B ; struct S { E e; }; };\n",
                 "x.idl:1:25: error: expected ',' or '}' after"),
                ("struct { long x; };\nstruct B { A a; };\n", "x.idl:1:7: error: expected a name for the struct, not '{'"),
                ("strct A { long x; };\nstruct B { A a; };\n", "not 'strct'; did you mean 'struct'?")):
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                _, stderr = batongen_here("--check", "x.idl", cwd=folder)
                self.assertIn(message, stderr)
                self.assertEqual(1, len(REPORTED.findall(stderr)), stderr)


if __name__ == "__main__":
    unittest.main()
