"""Says what in the files of the command line Cyclone DDS's idlc or Foxglove's omgidl-parser would refuse or take for
something else: `batongen --portable`. What passes goes to both of them as it is; `--idl` writes such a text.

Each rule stands for a stumble of one of the two that was seen: the tests show it, where they are installed. This file has
the rules for the text of a file, portable_types.py those for what it declares.
"""

from __future__ import annotations

import re

from .annotations import ANNOTATIONS_FILE
from .cli import Run
from .diagnostics import Diagnostics
from .lexer import Token, Tokens, tokenize
from .model import Model
from .portable_names import FOX, IDLC, report
from .portable_types import Declarations
from .source import Source, Span
from .syntax import File

# Block comments, and what their beginning may be hidden in. What does not end takes all that is left, so that this stays quick.
_BLOCK_COMMENT = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\[^\n])*"|\'(?:[^\'\\\n]|\\[^\n])*\'|["\'][^\n]*|(?P<block>/\*(?:.*?\*/|.*))',
                            re.DOTALL)
_NO_COMMENT_LINE = re.compile("[\r\u2028\u2029]")  # where omgidl-parser's '.' does not match
_SPLICE = re.compile(r"\\[ \t]*\r?\n")
_INCLUDE = re.compile(r'#\s*include\s*["<]' + re.escape(ANNOTATIONS_FILE) + r'[">]\s*')


def check(files: tuple[File, ...], model: Model, run: Run) -> None:
    if not run.portable or any(found.severity == "error" and found.name != "name-differs-in-case"
                               for found in run.diagnostics.sorted()):
        return  # what is wrong is not worth judging
    for file, resolved in zip(files, model.files):
        if file.requested:
            _Text(file.source, run.diagnostics).check()
            Declarations(resolved, run.diagnostics).check(file.declarations)


class _Text:
    """What can be told from the tokens of a file, its directives and its comments."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self._source = source
        self._diagnostics = diagnostics

    def check(self) -> None:
        directives: list[tuple[Token, int]] = []

        def obey(token: Token, before: Tokens) -> bool:
            directives.append((token, len(before.tokens)))
            return True

        tokens = tokenize(self._source, Diagnostics(), obey).tokens[:-1]
        for token, index in directives:
            self._directive(token, followed=index < len(tokens))
        self._comments()
        if not tokens and not directives:
            self._report(0, 0, FOX, "refuses a file without declarations; declare something in it")
        for index, token in enumerate(tokens):
            self._token(token, tokens[index - 1] if index else None, tokens[index + 1] if index + 1 < len(tokens) else None)

    def _report(self, start: int, end: int, tool: str, problem: str) -> None:
        report(Span(self._source, start, end), tool, problem, self._diagnostics)

    def _directive(self, token: Token, followed: bool) -> None:
        if _INCLUDE.fullmatch(token.text):
            if not followed:
                self._report(token.start, token.end, FOX, "refuses an #include behind the last declaration; put it at the "
                             "top of the file")
            return
        word = token.text[1:].split()[0] if token.text[1:].split() else ""
        if word.startswith("include"):
            what = "skips an #include, and then knows none of its names; declare here what is used, or let --idl do so"
        elif word in ("if", "ifdef", "ifndef", "elif", "else", "endif", "define", "undef"):
            what = f"refuses #{word}: it knows no conditionals; remove it, or let --idl write what remains"
        elif word == "pragma" and token.text.split()[-1] != "once":
            what = "refuses #pragma; write @key at the members"
        else:
            what = f"refuses #{word}; remove it"
        self._report(token.start, token.end, FOX, what)

    def _comments(self) -> None:
        text = self._source.text
        for match in _BLOCK_COMMENT.finditer(text):
            comment, at = match.group(), match.start()
            if comment == "/**/":
                self._report(at, match.end(), FOX, "takes '/**/' for the beginning of a comment that ends at the next '*/'; "
                             "remove it, or put a blank in it")
            elif match.lastgroup == "block" and (bad := _NO_COMMENT_LINE.search(comment)):
                self._report(at + bad.start(), at + bad.end(), FOX, "does not find the end of a /* */ comment with a carriage "
                             "return in it; write //, or save the file with Unix line ends")
        for match in _SPLICE.finditer(text):
            self._report(match.start(), match.start() + 1, IDLC, "takes the next line for a part of one that ends with '\\', also "
                         "in a comment; remove the '\\'")

    def _token(self, token: Token, before: Token | None, after: Token | None) -> None:
        text = token.text
        if token.kind == "number":
            self._number(token)
        elif token.kind == "string" and "\\" in text:
            self._report(token.start + text.index("\\"), token.end, FOX, "keeps the '\\' of an escape in a string, or refuses "
                         "it; write the character itself")
        elif token.kind == "char":
            self._report(token.start, token.end, FOX, "knows no character literals; use an octet and its number")
        elif text.startswith("_"):
            self._report(token.start, token.end, FOX, f"keeps the '_' of '{text}' in the name; use another name")
        elif text == "," and after is not None and after.text == "}":
            self._report(token.start, token.end, IDLC, "refuses a ',' behind the last enumerator; remove it")
        elif text == ">" and after is not None and after.text == ">" and after.start == token.end:
            self._report(token.start, after.end, IDLC, "takes '>>' for an operator; write '> >'")
        elif text == "@" and after is not None and after.start != token.end:
            self._report(token.start, token.end, IDLC, "refuses a blank behind '@'; remove it")
        elif text == "(" and after is not None and after.text == ")" and before is not None:
            self._report(token.start, after.end, IDLC, f"refuses empty parentheses; write '@{before.text}'")

    def _number(self, token: Token) -> None:
        text = token.text
        if len(text) > 100:  # Python refuses to convert very long ones; there is a fraction in it, or it is in skipped text
            return
        if re.fullmatch(r"0[xX][0-9A-Fa-f]+", text):
            self._report(token.start, token.end, FOX, f"knows no hexadecimal numbers; write {int(text, 16)}")
        elif re.fullmatch(r"0[0-7]+", text) and int(text, 8) != int(text):
            self._report(token.start, token.end, FOX, f"takes an octal number for a decimal one; write {int(text, 8)}")
