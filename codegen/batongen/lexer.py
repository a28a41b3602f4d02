"""Splits an IDL text into tokens. Comments and white space vanish, except doc comments, which are kept beside the
tokens: those before a token, and those of the form `///<` that follow one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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
  | (?P<directive>\#[^\n]*)
  | (?P<punct>::|<<|[{}()\[\]<>;:,=@+\-*/%|&^~])
  | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token:
    """`kind` is name, number, string, char, directive, punct or end. (`>>` is two tokens: `sequence<string<4>>`.)"""

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


def tokenize(source: Source, diagnostics: Diagnostics) -> Tokens:
    result = Tokens()
    tokens = result.tokens
    text = source.text
    line_begun_at = -1  # the last offset up to which only white space was seen since a newline
    for match in _TOKEN.finditer(text):
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
        elif kind == "directive":
            line_begun_at = text.rfind("\n", 0, start) + 1
            if text[line_begun_at:start].strip():
                diagnostics.error(Span(source, start, start + 1), "stray-character",
                                  "'#' begins a directive only at the start of a line")
            else:
                tokens.append(Token(kind, match.group().rstrip("\r"), start, end))
        elif kind == "open_comment":
            diagnostics.error(Span(source, start, end), "unterminated-comment", "this comment is not closed with '*/'")
            break
        elif kind == "open_string":
            what = "string" if text[start] == '"' else "character"
            diagnostics.error(Span(source, start, end), "unterminated-string",
                              f"this {what} literal does not end on its line")
            tokens.append(Token("string" if text[start] == '"' else "char", "", start, end))
            if match.group().rstrip().endswith(";"):  # it is likely to end what the literal belongs to
                tokens.append(Token("punct", ";", end - 1, end))
        else:
            _report_stray(source, start, diagnostics)
    tokens.append(Token("end", "", len(text.rstrip()), len(text.rstrip())))
    return result


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
