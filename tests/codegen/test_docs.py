"""The snippets of docs/idl.md: correct ones are accepted, the others refused with the error that they name."""

import pathlib
import re
import tempfile
import unittest

from support import ROOT, batongen_here

_SNIPPET = re.compile(r"^```idl(?: error: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Documentation(unittest.TestCase):
    def test_the_snippets_do_what_the_text_says(self):
        snippets = _SNIPPET.findall((ROOT / "docs/idl.md").read_text(encoding="utf-8"))
        self.assertGreater(len(snippets), 3)
        for error, text in snippets:
            with self.subTest(snippet=text), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "x.idl").write_text(text, encoding="utf-8")
                code, stderr = batongen_here("--out", "out", "x.idl", cwd=folder)
                if error:
                    self.assertEqual(1, code)
                    self.assertIn(f"[{error}]", stderr)
                else:
                    self.assertEqual((0, ""), (code, stderr))


if __name__ == "__main__":
    unittest.main()
