"""The snippets of docs/idl.md and of the cheat sheet: correct ones are accepted, the others reported with the error or warning
that they name; the C++ and the drawings beside them are what batongen makes of them."""

import contextlib
import io
import pathlib
import re
import tempfile
import unittest

from support import ROOT, batongen_here

from batongen.diagnostics import NAMES

_BLOCK = re.compile(r"^```(idl(?! older| newer)|cpp made|text --explain)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A row of a table with IDL in the middle and C++ at the end, or nothing there.
_ROW = re.compile(r"^\| .* \| `([^`|]*)` \| (?:`([^`|]*)` )?\|$", re.MULTILINE)
_DECLARATION = re.compile(r"^(@\w+(\([^)]*\))? )*(module|struct|union|enum|bitmask|const|typedef|interface|#include|///)")
_AGES = re.compile(r"^```idl (older|newer|newer error: breaking-change)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SNIPPET = re.compile(r"^```idl( portable)?(?: (error|warning): (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _not_in(header, shown):
    """The first line of an excerpt that the header has not, in this order; structs and enums have to be whole."""
    lines = [line for line in header.splitlines() if line.strip() and "friend bool operator==" not in line]
    lines = [line.strip() for line in lines]
    at, inside = 0, False
    for line in map(str.strip, shown.splitlines()):
        part = line.removesuffix(" ... }") if line.endswith(" ... }") else None
        found = [i for i in (range(at, at + 1) if inside else range(at, len(lines)))
                 if (lines[i] == line if part is None else lines[i].startswith(part))]
        if not found:
            return line
        at = found[0] + 1
        inside = line.startswith(("struct ", "enum class ")) or inside and line != "};"
    return ""


class Documentation(unittest.TestCase):
    def test_the_snippets_do_what_the_text_says(self):
        snippets = _SNIPPET.findall((ROOT / "docs/idl.md").read_text(encoding="utf-8"))
        self.assertGreater(len(snippets), 3)
        older = ""
        for age, text in _AGES.findall((ROOT / "docs/idl.md").read_text(encoding="utf-8")):
            if age == "older":
                older = text
                continue
            with self.subTest(newer=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "old.idl").write_text(older, encoding="utf-8")
                (pathlib.Path(folder) / "new.idl").write_text(text, encoding="utf-8")
                with contextlib.redirect_stdout(io.StringIO()):
                    code, stderr = batongen_here("--conform", "old.idl", "new.idl", cwd=folder)
                self.assertEqual((1, True) if "error" in age else (0, False), (code, "[breaking-change]" in stderr), stderr)
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

    def test_the_cpp_and_the_drawings_are_what_batongen_makes_of_the_idl_above_them(self):
        text = (ROOT / "docs/idl.md").read_text(encoding="utf-8")
        made = drawn = 0
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for kind, more, block in _BLOCK.findall(text):
                if kind == "idl" and not re.match(r"(portable )?(error|warning):", more):
                    name = more if re.fullmatch(r"\w+\.idl", more) else "x.idl"  # which may be included by the next ones
                    options = more.split() if more.startswith("-D") else []
                    (folder / name).write_text(block, encoding="utf-8")
                    self.assertEqual((0, ""), batongen_here("--out", "out", *options, name, cwd=folder))
                elif kind == "cpp made":
                    header = (folder / "out" / name).with_suffix(".hpp").read_text(encoding="utf-8")
                    self.assertEqual("", _not_in(header, block))
                    made += 1
                elif kind == "text --explain":
                    with contextlib.redirect_stdout(io.StringIO()) as stdout:
                        code, _ = batongen_here("--explain", more, *options, name, cwd=folder)
                    self.assertEqual((0, block), (code, stdout.getvalue()))
                    drawn += 1
        self.assertGreater(min(made, drawn), 15)

    def test_every_construct_of_the_table_of_annotations_is_drawn_or_shown(self):
        text = (ROOT / "docs/idl.md").read_text(encoding="utf-8")
        section = text[text.index("## Every construct"):text.index("## Limits")]
        for word in ("boolean", "char", "octet", "int8", "enum", "@value(", "@bit_bound(", "@default_literal", "bitmask", "@position(",
                     "const ", "string<", "sequence<", "typedef", "struct", ": Stamped", "union", "@optional", "@key", "@default(",
                     "@range(", "@min(", "@max(", "@unit(", "@id(", "struct Pose;", "module", "#include", "#ifdef", "interface", "@topic(",
                     "@baton(", 'layout="raw"'):
            self.assertIn(word, section)

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
