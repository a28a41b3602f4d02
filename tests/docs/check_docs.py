"""Checks that the project's Markdown files tell the truth about its other files.

    check_docs.py [ROOT]

  links      a relative link leads to a file, and its #anchor to a heading of that file
  excerpts   in README.md and docs/, a code block below a line `<!-- from: PATH -->` is a run of whole lines of PATH
  commands   in README.md, a shell line that starts with tools/ names a script, and only options that the script knows
  tests      in README.md and docs/, `Suite.a_sentence` in prose names a test of tests/, as its sources have it

Prints one line per finding, as file:line: text, and fails if there is one.
"""

import pathlib
import re
import sys
from typing import Iterator, NamedTuple

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)")
HEADING = re.compile(r"^#{1,6} +(.*?)[ #]*$")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^>\s]+)")
MARKER = re.compile(r"^<!-- from: (.+?) -->$")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
OPTION = re.compile(r"--?[A-Za-z][\w-]*")

TEST_NAME = re.compile(r"`([A-Z]\w*\.[a-z][a-z0-9]*(?:_[a-z0-9]+)+)`")
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")
# Tests that the documents name and that are still to be written. One that is there must not be in this list.
AWAITED_TESTS: set[str] = set()

EXCERPT_LANGUAGES = {"c", "cpp", "idl", "cmake", "toml"}
SHELL_LANGUAGES = {"sh", "console"}
SKIPPED_DIRECTORIES = {"build", ".git", "node_modules"}


class Finding(NamedTuple):
    file: pathlib.Path
    line: int
    text: str


class Block(NamedTuple):
    """A fenced code block; `line` is that of its fence, counted from 1."""

    line: int
    language: str
    lines: list[str]


class Document:
    """A Markdown file, split into prose lines (code blocks blanked out) and code blocks."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.prose = list(self.lines)
        self.blocks: list[Block] = []
        index = 0
        while index < len(self.lines):
            fence = FENCE.match(self.lines[index])
            if not fence:
                index += 1
                continue
            end = index + 1
            closing = re.compile(rf"^ {{0,3}}{re.escape(fence[1][0])}{{{len(fence[1])},}}\s*$")
            while end < len(self.lines) and not closing.match(self.lines[end]):
                end += 1
            self.blocks.append(Block(index + 1, fence[2], self.lines[index + 1 : end]))
            for blanked in range(index, min(end + 1, len(self.lines))):
                self.prose[blanked] = ""
            index = end + 1

    def anchors(self) -> set[str]:
        """The anchors that GitHub gives to the headings."""
        found: set[str] = set()
        for line in self.prose:
            if heading := HEADING.match(line):
                text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
                anchor = base = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
                number = 0
                while anchor in found:
                    number += 1
                    anchor = f"{base}-{number}"
                found.add(anchor)
        return found


def check_links(document: Document) -> Iterator[Finding]:
    for number, line in enumerate(document.prose, 1):
        text = INLINE_CODE.sub("", line)
        for target in LINK.findall(text) + REFERENCE.findall(text):
            if re.match(r"^[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (document.path.parent / name) if name else document.path
            if name.startswith("/") or not path.exists():
                yield Finding(document.path, number, f"the link {target} leads nowhere")
            elif anchor and path.suffix == ".md" and anchor not in Document(path).anchors():
                yield Finding(document.path, number, f"the link {target} leads to no heading")


def is_excerpt(lines: list[str], source: list[str]) -> bool:
    return any(source[start : start + len(lines)] == lines for start in range(len(source) - len(lines) + 1))


def first_missing(lines: list[str], source: list[str]) -> str:
    """The first line of an excerpt at which the longest match in the source ends."""
    best = 0
    for start in range(len(source)):
        length = 0
        while length < len(lines) and start + length < len(source) and lines[length] == source[start + length]:
            length += 1
        best = max(best, length)
    return lines[best]


def check_excerpts(document: Document, root: pathlib.Path) -> Iterator[Finding]:
    blocks = {block.line: block for block in document.blocks}
    for number, line in enumerate(document.prose, 1):
        marker = MARKER.match(line.strip())
        if not marker:
            continue
        block = blocks.get(number + 1)
        source = root / marker[1]
        if block is None or block.language not in EXCERPT_LANGUAGES or not block.lines:
            yield Finding(document.path, number, "below this there is no block of code to compare")
        elif not source.is_file():
            yield Finding(document.path, number, f"there is no file {marker[1]}")
        else:
            source_lines = source.read_text(encoding="utf-8").splitlines()
            if not is_excerpt(block.lines, source_lines):
                missing = first_missing(block.lines, source_lines)
                yield Finding(document.path, block.line, f"not an excerpt of {marker[1]}, from this line on: {missing!r}")


def check_commands(document: Document, root: pathlib.Path) -> Iterator[Finding]:
    for block in document.blocks:
        if block.language not in SHELL_LANGUAGES:
            continue
        for number, line in enumerate(block.lines, block.line + 1):
            command = re.sub(r"\s#.*", "", line.removeprefix("$ ")).strip()
            if not command.startswith("tools/"):
                continue
            words = command.split()
            script = root / words[0]
            if not script.is_file() or not script.stat().st_mode & 0o100:
                yield Finding(document.path, number, f"there is no command {words[0]}")
                continue
            known = set(OPTION.findall(script.read_text(encoding="utf-8")))
            for word in words[1 : words.index("--") if "--" in words else None]:
                option = word.partition("=")[0]
                if option.startswith("-") and option not in known:
                    yield Finding(document.path, number, f"{words[0]} has no option {option}")


def tests_of(root: pathlib.Path) -> set[str]:
    return {f"{suite}.{name}"
            for source in (root / "tests").rglob("*.cpp")
            for suite, name in TEST.findall(source.read_text(encoding="utf-8"))}


def check_tests(document: Document, tests: set[str], awaited: set[str]) -> Iterator[Finding]:
    for number, line in enumerate(document.prose, 1):
        for name in TEST_NAME.findall(line):
            if name in awaited and name in tests:
                yield Finding(document.path, number, f"the test {name} is no longer awaited")
            elif name not in awaited and name not in tests:
                yield Finding(document.path, number, f"there is no test {name}")


def check(root: pathlib.Path, awaited: set[str] = AWAITED_TESTS) -> list[Finding]:
    findings: list[Finding] = []
    tests = tests_of(root)
    for path in sorted(root.rglob("*.md")):
        place = path.relative_to(root)
        if SKIPPED_DIRECTORIES.intersection(place.parts):
            continue
        document = Document(path)
        findings += check_links(document)
        if place == pathlib.Path("README.md") or place.parts[0] == "docs":
            findings += check_excerpts(document, root)
            findings += check_tests(document, tests, awaited)
        if place == pathlib.Path("README.md"):
            findings += check_commands(document, root)
    return [Finding(finding.file.relative_to(root), finding.line, finding.text) for finding in findings]


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    findings = check(root)
    for finding in findings:
        print(f"{finding.file}:{finding.line}: {finding.text}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
