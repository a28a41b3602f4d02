"""The snippets of docs/idl.md: correct ones are accepted, the others reported with the error or warning that they name."""

import pathlib
import re
import tempfile
import unittest

from support import ROOT, batongen_here

from batongen.diagnostics import NAMES

# A row of a table with IDL in the middle and C++ at the end, or nothing there.
_ROW = re.compile(r"^\| .* \| `([^`|]*)` \| (?:`([^`|]*)` )?\|$", re.MULTILINE)
_DECLARATION = re.compile(r"^(@\w+(\([^)]*\))? )*(module|struct|union|enum|bitmask|const|typedef|interface|#include|///)")
_SNIPPET = re.compile(r"^```idl( portable)?(?: (error|warning): (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Documentation(unittest.TestCase):
    def test_the_snippets_do_what_the_text_says(self):
        snippets = _SNIPPET.findall((ROOT / "docs/idl.md").read_text(encoding="utf-8"))
        self.assertGreater(len(snippets), 3)
        for portable, severity, name, text in snippets:
            with self.subTest(snippet=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                options = ["--portable"] if portable else []
                code, stderr = batongen_here("--out", "out", *options, "x.idl", cwd=folder)
                if severity:
                    self.assertEqual(1 if severity == "error" else 0, code)
                    self.assertIn(f"[{name}]", stderr)
                else:
                    self.assertEqual((0, ""), (code, stderr))

    def test_the_table_has_all_diagnostics(self):
        text = (ROOT / "docs/idl.md").read_text(encoding="utf-8")
        table = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", text[text.index("| name |"):], re.MULTILINE))
        self.assertEqual(NAMES, table)

    def test_the_cheat_sheet_shows_what_batongen_makes_of_its_idl(self):
        rows = _ROW.findall((ROOT / "docs/idl-cheat-sheet.md").read_text(encoding="utf-8"))
        self.assertGreater(len(rows), 60)
        for idl, cpp in rows:
            with self.subTest(idl=idl), tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "geometry.idl").write_text("module geometry { struct Pose { double x; double y; }; };\n")
                declared, member = [], []
                for part in [idl] if _DECLARATION.match(idl) else re.findall(r"[^;]+;", idl):
                    (declared if _DECLARATION.match(part.strip()) else member).append(part.strip())
                text = ["#include \"geometry.idl\"", *declared, "struct Row {", *member, "};"]
                (folder / "x.idl").write_text("\n".join(text) + "\n", encoding="utf-8")
                code, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                self.assertEqual((0, ""), (code, stderr))
                header = re.sub(r"friend bool operator==.*", "", (folder / "out/x.hpp").read_text(encoding="utf-8"))
                header = " ".join(header.split())
                self.assertIn(" ".join((cpp or "").split()), header)

    def test_the_text_tells_what_a_run_cannot(self):
        """What a user finds out only when g++ misses a header, and the forms that no snippet shows."""
        for file in ("docs/idl.md", "cmake/BatonGenerate.cmake"):
            text = " ".join((ROOT / file).read_text(encoding="utf-8").replace("\n#", "\n").replace("`", "").split())
            for words in ("needs its header too: list it in the same baton_generate, or link the target that generates it",
                          "INCLUDE_DIRS are the folders"):
                self.assertIn(words, text, file)

    def test_short_forms_are_what_the_text_says(self):
        text = (ROOT / "docs/idl.md").read_text(encoding="utf-8")
        self.assertIn('`@topic("a/b")`', text)
        self.assertIn("A leading `_` is dropped", text)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.idl"
            headers = []
            for struct in ('@topic("a/b") struct A { int32 _sequence; };', '@topic(name="a/b") struct A { int32 _sequence; };'):
                path.write_text(struct, encoding="utf-8")
                self.assertEqual((0, ""), batongen_here("--out", "out", "x.idl", cwd=folder))
                headers.append((pathlib.Path(folder) / "out/x.hpp").read_text())
            self.assertEqual(headers[0], headers[1])
            self.assertIn("std::int32_t sequence", headers[0])
            self.assertIn("#include <type_traits>", headers[0])


if __name__ == "__main__":
    unittest.main()
