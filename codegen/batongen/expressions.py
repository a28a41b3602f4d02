"""Parses constant expressions and literals."""

from __future__ import annotations

import dataclasses
import re

from .cursor import Cursor, SyntaxProblem, shorten
from .diagnostics import Diagnostics
from .lexer import Token
from .source import Span
from .syntax import BadExpr, Binary, Expr, Literal, Name, NameExpr, Unary

_PRECEDENCE = {"|": 1, "^": 2, "&": 3, "<<": 4, ">>": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_MAX_OPERATORS = 512  # of one expression; its evaluation is recursive

_ESCAPES = {"n": 10, "t": 9, "v": 11, "b": 8, "r": 13, "f": 12, "a": 7, "\\": 92, "?": 63, "'": 39, '"': 34}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{1,4})|(.))|([^\\]+)", re.DOTALL)
_INT = re.compile(r"0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*")
_FLOAT = re.compile(r"(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")


def parse_expression(cursor: Cursor, in_angles: bool = False) -> Expr:
    """`in_angles`: a bound, as in `string<N>`, where '>' closes (shift inside parentheses there)."""
    return _Parser(cursor).expression(1, in_angles)


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._operators = 0

    def expression(self, lowest: int, in_angles: bool) -> Expr:
        cursor = self._cursor
        left = self._operand()
        while True:
            op = self._operator(in_angles)
            if _PRECEDENCE.get(op, 0) < lowest:
                return left
            self._operators += 1
            if self._operators > _MAX_OPERATORS:
                cursor.diagnostics.error(cursor.here(), "nesting-too-deep",
                                         f"an expression of more than {_MAX_OPERATORS} operators")
                raise SyntaxProblem
            cursor.advance()
            if op == ">>":
                cursor.advance()
            right = self.expression(_PRECEDENCE[op] + 1, in_angles)
            left = Binary(op, left, right, left.span.to(right.span))

    def _operator(self, in_angles: bool) -> str:
        token = self._cursor.token
        if token.kind != "punct":
            return ""
        if token.text != ">":
            return token.text
        follower = self._cursor.peek()
        return ">>" if not in_angles and follower.text == ">" and follower.start == token.end else ""

    def _operand(self) -> Expr:
        cursor = self._cursor
        token = cursor.token
        start = cursor.here()
        if token.kind == "punct" and token.text in ("-", "+", "~", "("):
            cursor.enter("expressions")
            cursor.advance()
            if token.text == "(":
                inner = self.expression(1, False)
                cursor.expect(")", "to close the parenthesis")
                inner = dataclasses.replace(inner, span=cursor.since(start))
            else:
                operand = self._operand()
                inner = Unary(token.text, operand, start.to(operand.span))
            cursor.leave()
            return inner
        if token.kind in ("number", "string", "char"):
            return parse_literal(cursor)
        if token.text in ("TRUE", "FALSE"):
            cursor.advance()
            return Literal("bool", token.text == "TRUE", start)
        if token.kind == "name" or cursor.at("::"):
            name = parse_name(cursor, "a value")
            return NameExpr(name, name.span)
        raise cursor.missing("expected a value")


def parse_name(cursor: Cursor, what: str) -> Name:
    start = cursor.here()
    absolute = cursor.accept("::") is not None
    parts = [cursor.identifier(what)]
    while cursor.at("::") or cursor.at(".") and cursor.peek().kind == "name":
        if cursor.advance().text == ".":
            cursor.diagnostics.error(cursor.previous(), "syntax", "names are joined by '::', not by '.'")
        parts.append(cursor.identifier("a name after '::'"))
    return Name(tuple(parts), absolute, cursor.since(start))


def parse_literal(cursor: Cursor) -> Expr:
    """A number, character or string; strings side by side are one."""
    token = cursor.advance()
    span = cursor.span(token)
    if token.kind == "number":
        return _number(token, span, cursor.diagnostics)
    if token.kind == "char":
        value = _unescape(token.text[1:-1], span, cursor.diagnostics)
        if token.text and value is not None and len(value) != 1:
            cursor.diagnostics.error(span, "bad-literal", "a character literal has to be exactly one byte; "
                                     "use a string for text")
            return BadExpr(span)
        return Literal("char", value[0], span) if token.text and value is not None else BadExpr(span)
    pieces, bad = [], False
    while True:
        piece = _unescape(token.text[1:-1], span, cursor.diagnostics)
        bad |= piece is None or not token.text
        pieces.append(piece or b"")
        if cursor.token.kind != "string":
            break
        token = cursor.advance()
        span = span.to(cursor.span(token))
    if not bad and b"\0" in b"".join(pieces):
        cursor.diagnostics.error(span, "bad-literal", "a string cannot contain the character \\0")
        bad = True
    return BadExpr(span) if bad else Literal("string", b"".join(pieces), span)


def _number(token: Token, span: Span, diagnostics: Diagnostics) -> Expr:
    text = token.text
    if len(text) > 400:
        diagnostics.error(span, "bad-literal", "this number has more than 400 digits")
    elif _INT.fullmatch(text):
        if text[:2] in ("0x", "0X"):
            return Literal("int", int(text, 16), span)
        return Literal("int", int(text, 8 if text.startswith("0") else 10), span)
    elif _FLOAT.fullmatch(text):
        value = float(text)
        if value != float("inf"):
            return Literal("float", value, span)
        diagnostics.error(span, "constant-overflow", f"{shorten(text)} does not fit a double")
    elif re.fullmatch(r"0[0-9]+", text):
        diagnostics.error(span, "bad-literal", f"'{shorten(text)}' begins with 0 and is therefore octal, "
                          "but has a digit above 7")
    else:
        diagnostics.error(span, "bad-literal", f"'{shorten(text)}' is not a number")
    return BadExpr(span)


def _unescape(text: str, span: Span, diagnostics: Diagnostics) -> bytes | None:
    out = bytearray()
    for hexadecimal, octal, unicode, single, plain in _ESCAPE.findall(text):
        if plain:
            out += plain.encode()
        elif unicode:
            code = int(unicode, 16)
            if 0xD800 <= code <= 0xDFFF:
                diagnostics.error(span, "bad-literal", f"'\\u{unicode}' is half of a surrogate pair")
                return None
            out += chr(code).encode()
        elif hexadecimal or octal:
            value = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
            if value > 255:
                diagnostics.error(span, "bad-literal", f"'\\{octal}' is more than one byte")
                return None
            out.append(value)
        elif single in _ESCAPES:
            out.append(_ESCAPES[single])
        else:
            diagnostics.error(span, "bad-literal", f"'\\{single}' is not an escape sequence of IDL")
            return None
    return bytes(out)


