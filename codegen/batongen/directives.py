"""Obeys the directives of one file: conditionals, macros without values, includes, pragmas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable

from .diagnostics import Diagnostics, Note
from .lexer import Token, Tokens
from .macros import Macros
from .source import Source, Span
from .syntax import Ident, Keylist, Name

_DIRECTIVE = re.compile(r"#\s*([A-Za-z_]*)\s*(.*)", re.DOTALL)
_INCLUDE = re.compile(r'"([^"]+)"|<([^>]+)>')
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CONDITION = re.compile(r"(!?)\s*defined(?:\s*\(\s*([A-Za-z_]\w*)\s*\)|\s+([A-Za-z_]\w*))", re.ASCII)
_TYPE = re.compile(r"(?:::)?[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*", re.ASCII)
_FIELD = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_WORDS = ("include", "ifdef", "ifndef", "if", "elif", "else", "endif", "define", "undef", "pragma")
_PRAGMAS = ("once", "keylist")
_MAX_CONDITIONALS = 64


@dataclass(slots=True)
class _Conditional:
    """An #if up to its #endif. `wanted`: whether the text around it is read; `taken`: whether a branch was yet."""

    opening: Span
    wanted: bool
    taken: bool
    active: bool
    otherwise: Span | None = None  # its #else


class Directives:
    """`include` reads a file: it is given the span of its name, the name, and whether that is in quotes."""

    def __init__(self, source: Source, macros: Macros, include: Callable[[Span, str, bool], None],
                 diagnostics: Diagnostics) -> None:
        self._source = source
        self._macros = macros
        self._include = include
        self._diagnostics = diagnostics
        self._open: list[_Conditional] = []
        self._guard_taken: tuple[str, Span, Span] | None = None
        self._first = True
        self._braces: list[str] = []  # the name of a module, or nothing, for each '{' that is open
        self._counted = 0             # tokens that `_braces` knows of
        self.keylists: list[Keylist] = []

    def obey(self, token: Token, tokens: Tokens) -> bool:
        """Whether the text behind the directive is to be read."""
        match = _DIRECTIVE.match(token.text)
        word, rest = match.group(1), match.group(2)
        at = token.start + match.start(2)
        span = Span(self._source, token.start, token.end)
        if word in ("if", "ifdef", "ifndef"):
            self._if(word, rest, at, span)
        elif word in ("elif", "else", "endif"):
            self._go_on(word, rest, at, span)
        elif self._active:
            self._other(word, rest, at, span, tokens)
        self._first = False
        return self._active

    def finish(self, tokens: Tokens) -> None:
        if not tokens.cut_short:
            for conditional in self._open:
                self._diagnostics.error(conditional.opening, "unterminated-conditional",
                                        "this conditional is not closed with #endif")
        if self._guard_taken and len(tokens.tokens) == 1:
            name, span, earlier = self._guard_taken
            self._diagnostics.warning(span, "skipped-file", f"all of this file is skipped, because '{name}' is defined "
                                      "in another one; give each file its own name for that", Note(earlier, "it is here"))

    @property
    def _active(self) -> bool:
        return not self._open or self._open[-1].active

    def _span(self, at: int, text: str) -> Span:
        return Span(self._source, at, at + len(text))

    # --- Conditionals ------------------------------------------------------------------------------------------------

    def _if(self, word: str, rest: str, at: int, span: Span) -> None:
        wanted = self._active
        if wanted and len(self._open) >= _MAX_CONDITIONALS:
            self._diagnostics.error(span, "nesting-too-deep",
                                    f"conditionals are nested more than {_MAX_CONDITIONALS} levels deep")
            wanted = False
        holds = wanted and self._condition(word, rest, at, span)
        self._open.append(_Conditional(span, wanted, holds, holds))

    def _go_on(self, word: str, rest: str, at: int, span: Span) -> None:
        if not self._open:
            self._diagnostics.error(span, "unbalanced-conditional", f"#{word} without an #if that it belongs to")
            return
        conditional = self._open[-1]
        if word == "endif":
            self._open.pop()
            return
        if conditional.otherwise is not None:
            self._diagnostics.error(span, "unbalanced-conditional", f"#{word} after the #else of the same conditional",
                                    Note(conditional.otherwise, "the #else is here"))
            conditional.active = False
            return
        if word == "else":
            conditional.otherwise = span
            conditional.active = conditional.wanted and not conditional.taken
        else:
            ask = conditional.wanted and not conditional.taken
            conditional.active = ask and self._condition("elif", rest, at, span)
        conditional.taken |= conditional.active

    def _condition(self, word: str, rest: str, at: int, span: Span) -> bool:
        if word in ("ifdef", "ifndef"):
            if not _NAME.fullmatch(rest):
                self._diagnostics.error(span, "syntax", f"expected one name after #{word}")
                return True
            defined = self._macros.is_defined(rest, self._span(at, rest))
            if self._first and word == "ifndef":
                self._macros.is_guard(rest)
                if self._macros.defined_at(rest) is not None:
                    self._guard_taken = (rest, self._span(at, rest), self._macros.defined_at(rest))
            return defined == (word == "ifdef")
        if not rest:
            self._diagnostics.error(span, "syntax", f"expected a condition after #{word}")
            return True
        holds = False
        for alternative in rest.split("||"):
            all_hold = True
            for operand in alternative.split("&&"):
                match = _CONDITION.fullmatch(operand.strip())
                if match is None:
                    self._diagnostics.error(
                        self._span(at, rest), "unsupported-directive", f"#{word} asks only whether names are defined: "
                        f"'#{word} defined(NAME)', '#{word} !defined(NAME)', joined by && and ||")
                    return rest != "0"
                name = match.group(2) or match.group(3)
                all_hold &= self._macros.is_defined(name, self._span(at, rest)) != bool(match.group(1))
            holds |= all_hold
        return holds

    # --- The others --------------------------------------------------------------------------------------------------

    def _other(self, word: str, rest: str, at: int, span: Span, tokens: Tokens) -> None:
        if word == "include":
            match = _INCLUDE.fullmatch(rest)
            if not match:
                self._diagnostics.error(span, "syntax", 'expected "file" or <file> after #include')
                return
            self._count_braces(tokens)
            if self._braces:
                self._diagnostics.error(span, "misplaced-directive", "#include inside braces; an included file stands "
                                        "on its own, so include it at the top of the file")
            self._include(self._span(at, rest), match.group(1) or match.group(2), match.group(1) is not None)
        elif word in ("define", "undef"):
            self._define(word, rest, at, span)
        elif word == "pragma":
            self._pragma(rest, at, span, tokens)
        elif word or rest:
            hint = self._diagnostics.suggestion(word, _WORDS)
            self._diagnostics.error(span, "unsupported-directive", f"there is no directive '#{word}' here, only #include, "
                                    f"conditionals, #define without a value, #undef and #pragma{hint}")

    def _define(self, word: str, rest: str, at: int, span: Span) -> None:
        match = _NAME.match(rest)
        if match is None or (word == "undef" and match.end() < len(rest)):
            self._diagnostics.error(span, "syntax", f"expected one name after #{word}")
        elif rest[match.end():].startswith("("):
            self._diagnostics.error(span, "unsupported-directive", "macros with parameters are not supported")
        elif match.end() < len(rest):
            value = " ".join(rest[match.end():].split())
            shown = value if re.fullmatch(r"[\w.]{1,30}", value) else "8"
            self._diagnostics.error(span, "unsupported-directive", "#define with a value is not supported; use const, as "
                                    f"in 'const int32 {match.group()} = {shown};'")
        else:
            self._macros.set(rest, word == "define", self._span(at, rest))

    def _pragma(self, rest: str, at: int, span: Span, tokens: Tokens) -> None:
        words = rest.split()
        if words[:1] == ["keylist"]:
            self._keylist(rest, at, span, tokens)
        elif words != ["once"]:
            hint = self._diagnostics.suggestion(words[0], _PRAGMAS) if words else ""
            self._diagnostics.warning(span, "unknown-pragma", f"'#pragma {rest[:60]}' means nothing to batongen{hint}")

    def _keylist(self, rest: str, at: int, span: Span, tokens: Tokens) -> None:
        """`keylist Type a b.c`; the names may stand with commas between them."""
        words = [(word.group(), at + word.start()) for word in re.finditer(r"[^\s,]+", rest)][1:]
        if not words or not _TYPE.fullmatch(words[0][0]):
            self._diagnostics.error(span, "syntax", "expected the name of a struct after '#pragma keylist'")
            return
        fields = []
        for word, where in words[1:]:
            if not _FIELD.fullmatch(word):
                self._diagnostics.error(self._span(where, word), "syntax", f"'{word[:60]}' is not the name of a member")
                continue
            fields.append(self._identifiers(word, where))
        self._count_braces(tokens)
        word, where = words[0]
        name = Name(self._identifiers(word, where), word.startswith("::"), self._span(where, word))
        modules = tuple(module for module in self._braces if module)
        self.keylists.append(Keylist(modules, name, tuple(fields), self._source))

    def _identifiers(self, text: str, at: int) -> tuple[Ident, ...]:
        return tuple(Ident(match.group().removeprefix("_") or "_", self._span(at + match.start(), match.group()))
                     for match in _NAME.finditer(text))

    def _count_braces(self, tokens: Tokens) -> None:
        """Which modules are open behind these tokens. The grammar will know better, but comes later."""
        for index in range(self._counted, len(tokens.tokens)):
            token = tokens.tokens[index]
            if token.kind != "punct":
                continue
            if token.text == "{":
                of_module = index >= 2 and tokens.tokens[index - 2].text == "module"
                self._braces.append(tokens.tokens[index - 1].text.removeprefix("_") if of_module else "")
            elif token.text == "}" and self._braces:
                self._braces.pop()
        self._counted = len(tokens.tokens)
