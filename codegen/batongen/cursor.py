"""A position in the tokens of a file, with what the grammar needs to ask for and to complain about."""

from __future__ import annotations

from .diagnostics import Diagnostics, Note
from .lexer import Token, Tokens
from .source import Source, Span
from .syntax import Doc, Ident

MAX_NESTING = 64

DECLARATION_WORDS = frozenset(
    "module struct enum const typedef union bitmask bitset interface valuetype native exception".split())

RESERVED_WORDS = DECLARATION_WORDS | frozenset(
    "any boolean case char default double fixed float long map octet sequence short string switch unsigned void wchar "
    "wstring TRUE FALSE int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())


class SyntaxProblem(Exception):
    """Thrown after an error was reported, up to the place that knows where to go on. `nameless`: what would have been
    declared has no name, so that whatever name is unknown later may be its."""

    nameless = False


class EndOfFile(Exception):
    """Thrown after an error at the end of the file was reported: there is nothing to go on with."""


class Cursor:
    def __init__(self, source: Source, tokens: Tokens, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.tokens = tokens.tokens
        self._docs_before = tokens.docs_before
        self._docs_after = tokens.docs_after
        self._stray = tokens.stray
        self._cut_short = tokens.cut_short
        self.index = 0
        self.token = self.tokens[0]
        self.nesting = 0
        self._brace_balance: int | None = None

    # --- Moving ------------------------------------------------------------------------------------------------------

    def advance(self) -> Token:
        taken = self.token
        if taken.kind != "end":
            self.index += 1
            self.token = self.tokens[self.index]
        return taken

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, text: str) -> bool:
        return self.token.text == text and self.token.kind in ("punct", "name")

    def accept(self, text: str) -> Token | None:
        return self.advance() if self.at(text) else None

    # --- Places ------------------------------------------------------------------------------------------------------

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def here(self) -> Span:
        return self.span(self.token)

    def previous(self) -> Span:
        return self.span(self.tokens[self.index - 1]) if self.index > 0 else Span(self.source, 0, 0)

    def since(self, start: Span) -> Span:
        return Span(self.source, start.start, max(start.end, self.previous().end))

    def doc_before(self) -> list[str]:
        return self._docs_before.get(self.index, [])

    def doc_after(self) -> list[str]:
        """The `///<` behind the token that was taken last."""
        return self._docs_after.get(self.index - 1, [])

    # --- Demanding ---------------------------------------------------------------------------------------------------

    def expect(self, text: str, where: str) -> Token:
        """Takes the token, or reports its absence behind the previous one: "expected '{' after the name 'Imu'"."""
        if self.at(text):
            return self.advance()
        raise self.missing(f"expected '{text}' {where}")

    def open(self, what: str) -> Span:
        """Takes the '{' of a body. Where it is missing, what looks like the body is read as one."""
        if self.token.text in ("(", "[", "<"):
            problem = self.missing(f"expected '{{' after {what}")
            self._skip_brackets()
            raise problem
        if self.token.kind == "name" or self.at("@") or self.at("}") and self._more_closed_than_opened():
            self.missing(f"expected '{{' after {what}")
            if self.peek().text == "{":  # one word too many
                self.advance()
                self.advance()
            return self.previous()
        return self.span(self.expect("{", f"after {what}"))

    def unclosed(self, opening: Span, what: str) -> SyntaxProblem:
        return self.missing(f"expected '}}' to close {what}", Note(opening, "the '{' is here"), name="unclosed-brace")

    def missing(self, message: str, *notes: Note, name: str = "syntax") -> SyntaxProblem:
        """Reports that something is missing behind the previous token."""
        found = self.token
        if found.kind == "end":
            if not self._cut_short and self.index not in self._stray:
                self.diagnostics.error(self.previous().after(), name, f"{message}, but the file ends here", *notes)
            raise EndOfFile
        if self.index in self._stray:
            return SyntaxProblem()  # it may be what was left out here, which was reported
        self.diagnostics.error(self.previous().after(), name, f"{message}, not {describe(found)}", *notes)
        return SyntaxProblem()

    def unexpected(self, message: str) -> SyntaxProblem:
        """Reports the current token as wrong in itself."""
        self.diagnostics.error(self.here(), "syntax", message)
        return SyntaxProblem()

    def identifier(self, what: str) -> Ident:
        token = self.token
        if token.kind != "name" or token.text in DECLARATION_WORDS:
            problem = self.missing(f"expected {what}")
            problem.nameless = what.startswith("a name for the")
            raise problem
        if token.text in RESERVED_WORDS:
            raise self.unexpected(f"'{token.text}' is a word of IDL; {what} has to be another word, "
                                  f"or '_{token.text}' to have it all the same")
        self.advance()
        # A leading underscore is IDL's escape for names that are words of IDL.
        text = token.text[1:] if token.text.startswith("_") and len(token.text) > 1 else token.text
        return Ident(text, self.span(token))

    def semicolon(self, what: str) -> None:
        """Takes the ';' that ends `what`. If it is missing, that is one error, and the next declaration is still read."""
        if self.accept(";"):
            return
        if self.at("}") and self._more_closed_than_opened():
            self.diagnostics.error(self.here(), "syntax", "'}' without a '{' that it closes")
            self.advance()
            self.accept(";")
            return
        try:
            self.missing(f"expected ';' after {what}", name="missing-semicolon")
        finally:
            previous = self.previous()
            line, _ = self.source.position(previous.start)
            next_line, _ = self.source.position(self.token.start)
            if next_line == line and not self.at("}") and self.token.text not in DECLARATION_WORDS:
                self.skip_declaration()

    # --- Going on after an error -------------------------------------------------------------------------------------

    def _skip_brackets(self) -> None:
        """`( ... )` and the like in place of braces, up to what follows."""
        depth = 0
        while self.token.kind != "end" and not self.at("{"):
            depth += (self.token.text in ("(", "[", "<")) - (self.token.text in (")", "]", ">"))
            self.advance()
            if depth <= 0:
                return

    def skip_to_semicolon(self) -> None:
        """In front of the ';' that ends a declaration, behind its braces."""
        depth = 0
        while self.token.kind != "end" and not (depth == 0 and (self.at(";") or self.at("}"))):
            depth += self.at("{") - self.at("}")
            self.advance()

    def skip_rest(self, begun_at: int) -> None:
        """The same for a declaration of which a part was read already, some of its '{' maybe."""
        depth = 0
        for token in self.tokens[begun_at:self.index]:
            if token.kind == "punct" and token.text in ("{", "}"):
                depth += 1 if token.text == "{" else -1
        self.skip_declaration(max(depth, 0))
        if self.index == begun_at:  # always get on
            self.advance()

    def skip_declaration(self, depth: int = 0) -> None:
        """Behind the next ';' of this level, or in front of the '}' that closes this level. With `depth`, that many '{'
        were read before; a declaration inside of them is taken as a sign that a '}' is missing."""
        begun_inside = depth > 0
        while self.token.kind != "end":
            text = self.token.text if self.token.kind == "punct" else ""
            if begun_inside and self.token.text in DECLARATION_WORDS and self.peek().kind == "name":
                return
            if text == "{":
                depth += 1
            elif text == "}":
                if depth == 0:
                    return
                depth -= 1
                if depth == 0:
                    self.advance()
                    self.accept(";")
                    return
            elif text == ";" and depth == 0:
                self.advance()
                return
            self.advance()

    def _more_closed_than_opened(self) -> bool:
        return self.unclosed_braces() < 0

    def unclosed_braces(self) -> int:
        """How many '{' the whole file has more than '}'."""
        if self._brace_balance is None:
            braces = [token.text for token in self.tokens if token.kind == "punct"]
            self._brace_balance = braces.count("{") - braces.count("}")
        return self._brace_balance

    def names_since(self, index: int) -> list[Ident]:
        """The words in text that could not be understood: each may be the name of what it declares."""
        words = {token.text.removeprefix("_"): token for token in reversed(self.tokens[index:self.index])
                 if token.kind == "name" and token.text not in RESERVED_WORDS}
        return [Ident(text, self.span(token)) for text, token in words.items()]

    def enter(self, what: str) -> None:
        """Counts a level of nesting; Python's own stack is finite."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.diagnostics.error(self.here(), "nesting-too-deep",
                                   f"{what} are nested more than {MAX_NESTING} levels deep")
            raise EndOfFile

    def leave(self) -> None:
        self.nesting -= 1


def describe(token: Token) -> str:
    if token.kind == "end":
        return "the end of the file"
    if token.kind in ("string", "char", "number"):
        return f"the {'character' if token.kind == 'char' else token.kind} {shorten(token.text)}"
    return f"'{shorten(token.text)}'"


def shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def doc(*parts: list[str]) -> Doc:
    return Doc(tuple(line for part in parts for line in part))
