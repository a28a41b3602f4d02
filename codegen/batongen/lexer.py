"""Splits an IDL text into tokens. Comments and white space vanish, except doc comments, which are kept beside the
tokens: those before a token, and those of the form `///<` that follow one.

Directives are obeyed as they come: they decide whether what follows is text at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable

from .diagnostics import Diagnostics
from .source import Source, Span

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+)
  | (?P<line_comment>//[^\n]*)
  | (?P<block_comment>/\*.*?\*/)
  | (?P<open_comment>/\*)
  | (?P<name>[A-Za-z_](?:[A-Za-z0-9_]|[^\x00-\x7F])*)
  | (?P<number>(?:0[xX][0-9A-Fa-f]+|(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+)[A-Za-z0-9_.]*)
  | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<char>'(?:[^'\\\n]|\\[^\n])*')
  | (?P<open_string>["'][^\n]*)
  | (?P<curly_string>[\u201c\u201d\u201e][^\n"\u201c\u201d]*["\u201c\u201d])
  | (?P<hash>\#[^\n]*)
  | (?P<punct>::|<<|[{}()\[\]<>;:,=@+\-*/%|&^~.])
  | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
# What ends a directive, and what its end may be hidden in.
_DIRECTIVE_PART = re.compile(r'\\\r?\n|//[^\n]*|/\*|"[^"\n]*"|\n')
# What a directive may be hidden in while text is skipped.
_SKIPPED_PART = re.compile(
    r"""/\*|//[^\n]*|"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|["'][^\n]*|(?P<hash>^[ \t]*\#)""", re.MULTILINE)


class Token:
    """`kind` is name, number, string, char, punct or end. (`>>` is two tokens: `sequence<string<4>>`.) A token of kind
    directive goes to the one who obeys it: its text has blanks in place of comments, so that offsets hold."""

    __slots__ = ("kind", "text", "start", "end")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end


@dataclass
class Tokens:
    tokens: list[Token] = field(default_factory=list)
    docs_before: dict[int, list[str]] = field(default_factory=dict)  # index of the token that follows
    docs_after: dict[int, list[str]] = field(default_factory=dict)   # index of the token that the `///<` follows
    stray: set[int] = field(default_factory=set)  # indices of tokens before which something reported was left out
    cut_short: bool = False  # by a comment that does not end: what is missing behind it may be inside it


# Obeys a directive, given all tokens before it; returns whether the text behind it is to be read or skipped.
Obey = Callable[[Token, Tokens], bool]


def tokenize(source: Source, diagnostics: Diagnostics, obey: Obey) -> Tokens:
    result = Tokens()
    at: int | None = 0
    while at is not None:
        at = _up_to_directive(source, at, diagnostics, result)
        while at is not None:
            directive, behind = _directive(source, at, diagnostics, result)
            # What documents the file stands before its directives, and documents no declaration.
            result.docs_before.pop(len(result.tokens), None)
            if obey(directive, result):
                at = None if result.cut_short else behind
                break
            at = _next_directive(source, behind, diagnostics, result)
    end = len(source.text.rstrip())
    result.tokens.append(Token("end", "", end, end))
    return result


def _up_to_directive(source: Source, at: int, diagnostics: Diagnostics, result: Tokens) -> int | None:
    """Appends tokens up to the next directive. Returns where that begins, or None at the end of the text."""
    tokens = result.tokens
    text = source.text
    for match in _TOKEN.finditer(text, at):
        kind = match.lastgroup
        if kind == "space":
            continue
        start, end = match.span()
        if kind in ("name", "punct", "number", "string", "char"):
            tokens.append(Token(kind, match.group(), start, end))
            if kind == "name" and not match.group().isascii():
                _report_stray(source, start + re.search(r"[^\x00-\x7F]", match.group()).start(), diagnostics)
        elif kind in ("line_comment", "block_comment"):
            _keep_doc(match.group(), result)
        elif kind == "hash":
            if not text[text.rfind("\n", 0, start) + 1:start].strip():
                return start
            result.stray.add(len(tokens))
            diagnostics.error(Span(source, start, start + 1), "stray-character",
                              "'#' begins a directive only at the start of a line")
        elif kind == "open_comment":
            _report_open_comment(source, start, diagnostics, result)
            return None
        elif kind == "open_string":
            what = "string" if text[start] == '"' else "character"
            diagnostics.error(Span(source, start, end), "unterminated-string",
                              f"this {what} literal does not end on its line")
            result.stray |= {len(tokens), len(tokens) + 1}  # the rest of the line may be missing behind it
            tokens.append(Token("string" if text[start] == '"' else "char", "", start, end))
            if match.group().rstrip().endswith(";"):  # it is likely to end what the literal belongs to
                tokens.append(Token("punct", ";", end - 1, end))
        elif kind == "curly_string":
            diagnostics.error(Span(source, start, end), "stray-character",
                              "these quotation marks have no meaning in IDL; write straight ones: \"")
            tokens.append(Token("string", "", start, end))
        else:
            result.stray.add(len(tokens))
            _report_stray(source, start, diagnostics)
    return None


def _directive(source: Source, start: int, diagnostics: Diagnostics, result: Tokens) -> tuple[Token, int]:
    """The directive that begins here, and where it ends: with its line, unless a comment or a '\\' leads over that."""
    text = source.text
    pieces: list[str] = []
    at = start
    while True:
        part = _DIRECTIVE_PART.search(text, at)
        end = part.start() if part else len(text)
        pieces.append(text[at:end])
        at = end
        if part is None or part.group() == "\n":
            break
        at = part.end()
        if part.group() == "/*":
            at = text.find("*/", part.end()) + 2
            if at < 2:
                _report_open_comment(source, part.start(), diagnostics, result)
                at = len(text)
        pieces.append(part.group() if part.group().startswith('"') else " " * (at - end))
    words = "".join(pieces).rstrip()
    return Token("directive", words, start, start + len(words)), at


def _next_directive(source: Source, at: int, diagnostics: Diagnostics, result: Tokens) -> int | None:
    """Skips text: of all that is in it, only comments and literals matter, for they may hide a directive."""
    text = source.text
    while (part := _SKIPPED_PART.search(text, at)) is not None:
        if part.lastgroup == "hash":
            return part.end() - 1
        at = part.end()
        if part.group() == "/*":
            at = text.find("*/", at) + 2
            if at < 2:
                _report_open_comment(source, part.start(), diagnostics, result)
                return None
    return None


def _report_open_comment(source: Source, at: int, diagnostics: Diagnostics, result: Tokens) -> None:
    diagnostics.error(Span(source, at, at + 2), "unterminated-comment", "this comment is not closed with '*/'")
    result.cut_short = True


def _report_stray(source: Source, at: int, diagnostics: Diagnostics) -> None:
    character = source.text[at]
    span = Span(source, at, at + 1)
    if character == "\ufeff":
        diagnostics.error(span, "stray-character", "a byte order mark; save the file as UTF-8 without one")
    elif character.isprintable():
        hint = "; names consist of A-Z, a-z, 0-9 and '_'" if character.isalnum() else ""
        diagnostics.error(span, "stray-character", f"'{character}' has no meaning here{hint}")
    else:
        diagnostics.error(span, "stray-character", f"the character U+{ord(character):04X} has no meaning here")


def _keep_doc(comment: str, result: Tokens) -> None:
    """`///` and `/** */` document what follows, `///<` and `/**< */` what stands before."""
    if comment.startswith("///") and not comment.startswith("////"):
        body = comment[3:]
    elif comment.startswith("/**") and len(comment) > 4 and comment[3] != "*":
        body = comment[3:-2]
    else:
        return
    after = body.startswith("<")
    lines = [line.strip() for line in body[after:].splitlines()] or [""]
    if comment.startswith("/*"):
        lines = [line[1:].strip() if line.startswith("*") else line for line in lines]
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
    if after and result.tokens:
        result.docs_after.setdefault(len(result.tokens) - 1, []).extend(lines)
    else:
        result.docs_before.setdefault(len(result.tokens), []).extend(lines)
