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

    def test_accepts_the_name_of_a_test(self):
        self.write("tests/a_test.cpp", "TEST_P(Some,\n       test_is_there) {}\nTEST(A, b_c) {}\n")
        self.assertEqual([], self.findings("(`Some.test_is_there`, `A.b_c`) `a.b_c` `A.hpp`\n"))

    def test_finds_the_name_of_no_test(self):
        self.write("tests/a_test.cpp", "TEST_P(Some, test_is_there) {}\n")
        self.assertEqual([(2, "there is no test Some.test_was_there")], self.findings("\n`Some.test_was_there`\n"))

    def test_finds_an_awaited_test_that_has_come(self):
        document = self.root / "README.md"
        self.write("README.md", "`Some.test_is_there` `Some.test_will_be`\n")
        self.write("tests/a_test.cpp", "TEST_P(Some, test_is_there) {}\n")
        found = check_docs.check(self.root, {"Some.test_is_there", "Some.test_will_be"})
        self.assertEqual([(document.name, "the test Some.test_is_there is no longer awaited")],
                         [(str(finding.file), finding.text) for finding in found])

    def test_finds_a_command_that_does_not_exist(self):
        self.assertEqual([(2, "there is no command tools/stop.sh")], self.findings("```sh\ntools/stop.sh\n```\n"))

    def test_finds_an_option_that_the_command_does_not_have(self):
        self.assertEqual([(2, "tools/go.sh has no option --slow")], self.findings(
            "```console\n$ tools/go.sh --fast --slow=1\n```\n"))


if __name__ == "__main__":
    unittest.main()
