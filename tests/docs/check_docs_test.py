"""The check of the documents finds each kind of mistake, on its line, and nothing else."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import check_docs  # noqa: E402


class CheckDocs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        self.write("src/a.cpp", "int main() {\n\n  return 0;\n}\n")
        self.write("tools/go.sh", "case $1 in --fast) ;; esac\n")
        (self.root / "tools/go.sh").chmod(0o755)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def findings(self, readme):
        self.write("README.md", readme)
        return [(finding.line, finding.text) for finding in check_docs.check(self.root)]

    def test_accepts_what_is_true(self):
        self.assertEqual([], self.findings(
            "# A title: with `code`\n[a](src/a.cpp) [b](#a-title-with-code) [c](https://example.org/x) `[d](none)`\n"
            "<!-- from: src/a.cpp -->\n```cpp\nint main() {\n\n  return 0;\n```\n"
            "```sh\ntools/go.sh --fast   # --slow\ntools/go.sh -- --other\nls --none\n```\n"
            "```text\n[e](none)\n```\n"))

    def test_finds_a_link_to_no_file(self):
        self.assertEqual([(2, "the link none.md leads nowhere")], self.findings("\n[a](none.md)\n"))

    def test_finds_a_link_to_no_heading(self):
        self.assertEqual([(3, "the link #b leads to no heading")], self.findings("# A\n\n[b](#b)\n"))

    def test_finds_an_excerpt_with_another_indent(self):
        self.assertEqual([(2, "not an excerpt of src/a.cpp, from this line on: ' return 0;'")], self.findings(
            "<!-- from: src/a.cpp -->\n```cpp\nint main() {\n\n return 0;\n```\n"))

    def test_finds_an_excerpt_that_leaves_a_line_out(self):
        self.assertEqual([(2, "not an excerpt of src/a.cpp, from this line on: '  return 0;'")], self.findings(
            "<!-- from: src/a.cpp -->\n```cpp\nint main() {\n  return 0;\n```\n"))

    def test_finds_an_excerpt_of_no_file(self):
        self.assertEqual([(1, "there is no file src/b.cpp")], self.findings(
            "<!-- from: src/b.cpp -->\n```cpp\nint main() {\n```\n"))

    def test_finds_a_marker_without_a_block(self):
        self.assertEqual([(1, "below this there is no block of code to compare")], self.findings(
            "<!-- from: src/a.cpp -->\n\n```cpp\nint main() {\n```\n"))

    def test_finds_a_command_that_does_not_exist(self):
        self.assertEqual([(2, "there is no command tools/stop.sh")], self.findings("```sh\ntools/stop.sh\n```\n"))

    def test_finds_an_option_that_the_command_does_not_have(self):
        self.assertEqual([(2, "tools/go.sh has no option --slow")], self.findings(
            "```console\n$ tools/go.sh --fast --slow=1\n```\n"))

    def test_finds_a_test_that_does_not_exist(self):
        self.write("tests/a_test.cpp", "TEST_P(Suite, does_a_thing) {\n}\nTEST(Other, is_another) {\n}\n")
        self.write("docs/threads.md", "`Suite.does_a_thing` `Other.is_another`\n`Suite.does_nothing` `Options::keeper`\n"
                                      "`ThreadCheck.names_both_threads`\n")
        self.assertEqual([(2, "there is no test Suite.does_nothing")], self.findings(""))

    def test_finds_a_test_that_has_come(self):
        self.write("tests/a_test.cpp", "TEST(ThreadCheck, names_both_threads) {\n}\n")
        self.write("docs/threads.md", "`ThreadCheck.names_both_threads`\n")
        self.assertEqual([(1, "the test ThreadCheck.names_both_threads is there: take it from TESTS_TO_COME in check_docs.py")],
                         self.findings(""))


if __name__ == "__main__":
    unittest.main()
