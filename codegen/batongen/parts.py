"""The parts of declarations: types, declarators, annotations."""

from __future__ import annotations

from . import habits
from .annotations import WITH_ARGUMENTS
from .cursor import Cursor, SyntaxProblem, shorten
from .expressions import parse_expression, parse_name
from .source import Span
from .syntax import (Annotation, Argument, BadExpr, BadType, Declarator, Expr, Ident, Literal, NamedType, ScalarType,
                     SequenceType, StringType, TypeExpr, Unary)

_SCALARS = {"boolean": "boolean", "char": "char", "octet": "octet", "float": "float", "double": "double",
            "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64", "uint8": "uint8",
            "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "short": "int16"}

# What OMG IDL has and batongen has not, and what to write instead.
_UNSUPPORTED_TYPES = {
    "any": "a struct", "Object": "a struct", "map": "a sequence of structs with a key and a value",
    "fixed": "int64 with a scale, or double", "wchar": "char, or uint32 for a code point",
    "wstring": "string<N>, which holds UTF-8", "void": "a struct without members",
    "byte": "octet", "union": "a struct", "bitset": "an unsigned integer", "struct": "the name of a struct declared before",
    "enum": "the name of an enum declared before",
}


class Parts:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def declarators(self, type_: TypeExpr, what: str) -> tuple[Declarator, ...]:
        cursor = self._cursor
        declarators = []
        if cursor.at("["):
            self._extents_before_name(type_)
        while True:
            name = cursor.identifier(what)
            extents: list[Expr] = []
            while cursor.at("["):
                opening = cursor.span(cursor.advance())
                if cursor.accept("]"):
                    extents.append(BadExpr(cursor.since(opening)))
                    cursor.diagnostics.error(cursor.since(opening), "syntax", f"an array has a fixed extent: "
                                             f"{name.text}[N]; for up to N elements use sequence<T, N>")
                    continue
                extents.append(parse_expression(cursor))
                cursor.expect("]", "to close the array's extent")
                if len(extents) > 16:
                    cursor.diagnostics.error(cursor.previous(), "nesting-too-deep",
                                             "an array of more than 16 dimensions")
                    raise SyntaxProblem
            if cursor.at("=") or cursor.at("{"):
                self._initialiser()
            declarators.append(Declarator(name, tuple(extents)))
            if not cursor.accept(","):
                return tuple(declarators)
            what = "a name after ','"

    def _extents_before_name(self, type_: TypeExpr) -> None:
        """`int32[3] x`, as other languages have it. The member is read as if the extent were not there."""
        cursor = self._cursor
        start = cursor.here()
        while cursor.at("["):
            while not (cursor.at("]") or cursor.at(";") or cursor.at("}") or cursor.token.kind == "end"):
                cursor.advance()
            cursor.expect("]", "to close the array's extent")
        name = cursor.token.text if cursor.token.kind == "name" else "name"
        extents = shorten(cursor.since(start).text).replace("[]", "[N]")
        if not isinstance(type_, BadType):
            cursor.diagnostics.error(cursor.since(start), "syntax", "the extent of an array stands behind the name; write "
                                     f"'{shorten(type_.span.text)} {name}{extents}'")

    def _initialiser(self) -> None:
        """`= 3`, `{3}` or `= {3}` behind a member."""
        cursor = self._cursor
        start = cursor.here()
        cursor.accept("=")
        remedy = "@default(literal)"
        if cursor.at("{"):
            while not (cursor.at("}") or cursor.at(";") or cursor.token.kind == "end"):
                cursor.advance()
            cursor.accept("}")
        else:
            value = parse_expression(cursor)
            if isinstance(value, BadExpr):
                return
            literal = value.operand if isinstance(value, Unary) else value
            if isinstance(literal, Literal):
                remedy = f"@default({shorten(value.span.text)})"
        cursor.diagnostics.error(cursor.since(start), "unsupported",
                                 f"an initialiser is not IDL; write {remedy} before the member")

    def type(self, of: str) -> TypeExpr:
        cursor = self._cursor
        token = cursor.token
        start = cursor.here()
        text = token.text if token.kind == "name" else ""
        if text in _SCALARS:
            cursor.advance()
            if text == "short":
                self._drop_int(start)
            return ScalarType(_SCALARS[text], start)
        if text in ("long", "unsigned"):
            return self._integer(start)
        if text == "string":
            cursor.advance()
            bound = self._bound("string") if cursor.accept("<") else None
            return StringType(bound, cursor.since(start))
        if text == "sequence":
            return self._sequence(start)
        if text in _UNSUPPORTED_TYPES:
            cursor.advance()
            cursor.diagnostics.error(start, "unsupported",
                                     f"'{text}' is not supported (yet); use {_UNSUPPORTED_TYPES[text]}")
            self._skip_angles()
            if cursor.at(";"):  # `case 1: void;`: there is no name either
                raise SyntaxProblem
            return BadType(cursor.since(start))
        ahead = 1 if cursor.at("::") else 0
        if [cursor.peek(ahead).text, cursor.peek(ahead + 1).text, cursor.peek(ahead + 2).kind] == ["std", "::", "name"]:
            for _ in range(ahead + 2):
                cursor.advance()
            return self._no_such_type(start)
        if text or cursor.at("::"):
            name = parse_name(cursor, f"the type of {of}")
            return NamedType(name, name.span) if not cursor.at("<") else self._no_such_type(start)
        raise cursor.missing(f"expected the type of {of}")

    def _no_such_type(self, start: Span) -> TypeExpr:
        """`std::string`, `vector<int32>`: what is read of it so far begins at `start`."""
        cursor = self._cursor
        if cursor.previous().text == "::":
            cursor.advance()
        last = cursor.previous().text
        open_ = cursor.at("<")
        self._skip_angles()
        span = cursor.since(start)
        hint = habits.type_hint(last) or cursor.diagnostics.suggestion(last, ("string", "sequence"))
        cursor.diagnostics.error(span, "unknown-name", f"there is no type '{shorten(span.text)}'{hint}")
        if open_ and cursor.previous().text != ">":
            raise SyntaxProblem
        return BadType(span)

    def _drop_int(self, start: Span) -> None:
        cursor = self._cursor
        if cursor.at("int") and cursor.peek().kind == "name":
            written = cursor.since(start).text
            cursor.advance()
            cursor.diagnostics.error(cursor.since(start), "syntax", f"drop 'int': IDL calls this type '{written}'")

    def _integer(self, start: Span) -> TypeExpr:
        """short, long, long long, with or without unsigned."""
        cursor = self._cursor
        prefix = "uint" if cursor.accept("unsigned") else "int"
        if cursor.accept("short"):
            self._drop_int(start)
            return ScalarType(prefix + "16", cursor.since(start))
        if not cursor.at("long") and cursor.token.kind == "name":
            use = "octet or uint8" if cursor.at("char") else "'unsigned long' or uint32"
            if cursor.peek().kind == "name":  # `unsigned int x`; the name alone is left in `unsigned x`
                cursor.advance()
            cursor.diagnostics.error(cursor.since(start), "syntax",
                                     f"there is no type '{cursor.since(start).text}'; use {use}")
            return BadType(cursor.since(start))
        if not cursor.accept("long"):
            raise cursor.missing("expected 'short' or 'long' after 'unsigned'")
        if cursor.at("double"):
            cursor.advance()
            cursor.diagnostics.error(cursor.since(start), "unsupported", "'long double' is not supported; use double")
            return BadType(cursor.since(start))
        bits = "64" if cursor.accept("long") else "32"
        self._drop_int(start)
        return ScalarType(prefix + bits, cursor.since(start))

    def _sequence(self, start: Span) -> TypeExpr:
        cursor = self._cursor
        cursor.advance()
        cursor.expect("<", "after 'sequence'")
        cursor.enter("types")
        element = self.type("a sequence's elements")
        bound = None
        if cursor.accept(","):
            bound = self._bound("sequence")
        else:
            cursor.expect(">", "or ',' after the type of the sequence's elements")
        cursor.leave()
        return SequenceType(element, bound, cursor.since(start))

    def _bound(self, what: str) -> Expr:
        bound = parse_expression(self._cursor, in_angles=True)
        self._cursor.expect(">", f"after the bound of the {what}")
        return bound

    def _skip_angles(self) -> None:
        depth = 0
        cursor = self._cursor
        while cursor.token.kind != "end" and (depth > 0 or cursor.at("<")):
            depth += cursor.at("<") - cursor.at(">")
            if cursor.at(";") or cursor.at("}"):
                return
            cursor.advance()

    def skip_parentheses(self) -> None:
        """`(...)`, whatever stands inside, up to the end of the declaration if it is not closed."""
        depth = 0
        cursor = self._cursor
        while cursor.token.kind != "end" and (depth > 0 or cursor.at("(")):
            depth += cursor.at("(") - cursor.at(")")
            if cursor.at(";"):
                return
            cursor.advance()

    def annotations(self) -> tuple[Annotation, ...]:
        annotations = []
        while self._cursor.at("@"):
            annotations.append(self._annotation())
        return tuple(annotations)

    def _annotation(self) -> Annotation:
        cursor = self._cursor
        start = cursor.here()
        cursor.advance()
        if cursor.token.kind != "name":
            raise cursor.missing("expected the name of an annotation after '@'")
        if cursor.token.text == "annotation":
            raise cursor.unexpected("declaring annotations is not supported; remove this declaration")
        # `default` and the like are words of IDL elsewhere.
        name = cursor.advance().text
        if cursor.at("::"):
            raise cursor.unexpected("the name of an annotation is a single word")
        arguments: list[Argument] = []
        if name not in WITH_ARGUMENTS:
            self.skip_parentheses()
        elif cursor.accept("("):
            try:
                while not cursor.at(")"):
                    arguments.append(self._argument(name))
                    if not cursor.accept(","):
                        break
                cursor.expect(")", f"after the arguments of '@{name}'")
            except SyntaxProblem:
                if not self._skip_arguments():
                    raise
                arguments = [Argument(None, BadExpr(start), start)]
        return Annotation(name, tuple(arguments), cursor.since(start))

    def _skip_arguments(self) -> bool:
        """Behind the ')' that closes the arguments, if that comes before the declaration ends."""
        cursor = self._cursor
        depth, ahead = 1, 0
        while (token := cursor.peek(ahead)).kind != "end" and token.text not in (";", "@"):
            depth += (token.text in ("(", "{")) - (token.text in (")", "}"))
            ahead += 1
            if depth == 0:
                for _ in range(ahead):
                    cursor.advance()
                return True
        return False

    def _argument(self, annotation: str) -> Argument:
        cursor = self._cursor
        start = cursor.here()
        name = None
        if cursor.token.kind == "name" and cursor.peek().text == "=":
            token = cursor.advance()
            name = Ident(token.text, cursor.span(token))
            cursor.advance()
        value = parse_expression(cursor)
        return Argument(name, value, cursor.since(start))
