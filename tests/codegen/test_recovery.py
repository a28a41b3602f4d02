"""One slip is one error, told where it is: each token of each good file is taken out in turn."""

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
