"""The parts of declarations: types, declarators, annotations."""

from __future__ import annotations

from .cursor import Cursor, SyntaxProblem
from .expressions import parse_expression, parse_name
from .source import Span
from .syntax import (Annotation, Argument, BadType, Declarator, Expr, Ident, NamedType, ScalarType, SequenceType,
                     StringType, TypeExpr)

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

    def declarators(self, what: str) -> tuple[Declarator, ...]:
        cursor = self._cursor
        declarators = []
        while True:
            name = cursor.identifier(what)
            extents: list[Expr] = []
            while cursor.accept("["):
                extents.append(parse_expression(cursor))
                cursor.expect("]", "to close the array's extent")
                if len(extents) > 16:
                    cursor.diagnostics.error(cursor.previous(), "nesting-too-deep",
                                             "an array of more than 16 dimensions")
                    raise SyntaxProblem
            declarators.append(Declarator(name, tuple(extents)))
            if not cursor.accept(","):
                return tuple(declarators)
            what = "a name after ','"

    def type(self, of: str) -> TypeExpr:
        cursor = self._cursor
        token = cursor.token
        start = cursor.here()
        text = token.text if token.kind == "name" else ""
        if text in _SCALARS:
            cursor.advance()
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
            return BadType(cursor.since(start))
        if text or cursor.at("::"):
            name = parse_name(cursor, f"the type of {of}")
            return NamedType(name, name.span)
        raise cursor.missing(f"expected the type of {of}")

    def _integer(self, start: Span) -> TypeExpr:
        """short, long, long long, with or without unsigned."""
        cursor = self._cursor
        prefix = "uint" if cursor.accept("unsigned") else "int"
        if cursor.accept("short"):
            return ScalarType(prefix + "16", cursor.since(start))
        if not cursor.accept("long"):
            raise cursor.missing("expected 'short' or 'long' after 'unsigned'")
        if cursor.at("double"):
            cursor.advance()
            cursor.diagnostics.error(cursor.since(start), "unsupported", "'long double' is not supported; use double")
            return BadType(cursor.since(start))
        return ScalarType(prefix + ("64" if cursor.accept("long") else "32"), cursor.since(start))

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
        if cursor.accept("("):
            while not cursor.at(")"):
                arguments.append(self._argument(name))
                if not cursor.accept(","):
                    break
            cursor.expect(")", f"after the arguments of '@{name}'")
        return Annotation(name, tuple(arguments), cursor.since(start))

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
