"""The grammar of what stands between the braces of enums, bitmasks, unions and interfaces."""

from __future__ import annotations

from .cursor import Cursor, DECLARATION_WORDS, SyntaxProblem, doc, shorten
from .diagnostics import Note
from .expressions import parse_expression
from .parts import Parts
from .source import Span
from .syntax import Case, Enumerator, Expr, Literal, Member, Operation, Parameter, TypeExpr

_DIRECTIONS = ("in", "out", "inout")


class Bodies:
    def __init__(self, cursor: Cursor, parts: Parts) -> None:
        self._cursor = cursor
        self._parts = parts

    # --- Enums and bitmasks ------------------------------------------------------------------------------------------

    def enumerators(self, what: str, each: str, number: str) -> tuple[Enumerator, ...]:
        """Of an enum or bitmask. `number` is the annotation that gives one its number."""
        cursor = self._cursor
        opening = cursor.open(what)
        enumerators: list[Enumerator] = []
        while not cursor.at("}"):
            if cursor.token.kind == "end":
                raise cursor.unclosed(opening, what)
            before = cursor.doc_before()
            annotations = self._parts.annotations()
            before = before + (cursor.doc_before() if annotations else [])
            name = cursor.identifier(each)
            after = cursor.doc_after()
            if cursor.at("="):
                start = cursor.here()
                cursor.advance()
                value = parse_expression(cursor)
                text = shorten(value.span.text) if isinstance(value, Literal) else "n"
                cursor.diagnostics.error(cursor.since(start), "unsupported", f"'= {number}' is not IDL; write "
                                         f"@{number}({text}) before '{name.text}'")
            if not cursor.accept(",") and not cursor.at("}"):
                problem = cursor.missing(f"expected ',' or '}}' after '{name.text}'")
                if cursor.token.kind != "name":
                    raise problem
            after = after or cursor.doc_after()
            enumerators.append(Enumerator(annotations, name, doc(before, after)))
        cursor.advance()
        return tuple(enumerators)

    # --- Unions ------------------------------------------------------------------------------------------------------

    def tag(self, what: str) -> TypeExpr:
        """`switch (type)`, behind the name of a union."""
        cursor = self._cursor
        cursor.expect("switch", f"after the name of {what}, as in 'union U switch (int32) {{'")
        cursor.expect("(", "after 'switch'")
        start = cursor.here()
        if self._parts.annotations():
            cursor.diagnostics.error(cursor.since(start), "misplaced-annotation", "the tag of a union takes no annotations")
        type_ = self._parts.type("the tag")
        cursor.expect(")", "after the type of the tag")
        return type_

    def cases(self, what: str) -> tuple[Case, ...]:
        cursor = self._cursor
        opening = cursor.open(what)
        cases: list[Case] = []
        while not cursor.at("}"):
            if cursor.token.kind == "end":
                raise cursor.unclosed(opening, what)
            if cursor.token.text in DECLARATION_WORDS:
                raise cursor.missing(f"expected '}};' to close {what}", Note(opening, "the '{' is here"),
                                     name="unclosed-brace")
            self._recovering(self._case, cases, what)
        cursor.advance()
        return tuple(cases)

    def _case(self, what: str) -> Case:
        cursor = self._cursor
        docs = cursor.doc_before()
        start = cursor.here()
        if self._parts.annotations():
            cursor.diagnostics.error(cursor.since(start), "misplaced-annotation", "annotations stand behind the label, "
                                     "before the type: 'case 1: @unit(\"m\") double x;'")
        labels: list[Expr] = []
        defaults: list[Span] = []
        while cursor.at("case") or cursor.at("default"):
            word = cursor.advance()
            if word.text == "case":
                labels.append(parse_expression(cursor))
            else:
                defaults.append(cursor.previous())
            cursor.expect(":", "after the label")
        if not labels and not defaults:
            raise cursor.unexpected(f"expected 'case' or 'default' in {what}")
        docs = docs + cursor.doc_before()
        annotations = self._parts.annotations()
        docs = docs + (cursor.doc_before() if annotations else [])
        if cursor.token.text in DECLARATION_WORDS:
            cursor.diagnostics.error(cursor.here(), "unsupported", f"a {cursor.token.text} inside a union is not supported; "
                                     f"declare it before {what}")
            cursor.skip_to_semicolon()
            raise SyntaxProblem
        type_ = self._parts.type("a member")
        declarators = self._parts.declarators(type_, f"a name for the member after its type '{type_.span.text}'")
        for extra in declarators[1:]:
            cursor.diagnostics.error(extra.name.span, "syntax", f"a case has one member; give '{extra.name.text}' a case of "
                                     "its own")
        cursor.semicolon(f"the member '{declarators[-1].name.text}'")
        member = Member(annotations, type_, declarators[:1], doc(docs, cursor.doc_after()))
        return Case(tuple(labels), tuple(defaults), member)

    # --- Interfaces --------------------------------------------------------------------------------------------------

    def operations(self, what: str) -> tuple[Operation, ...]:
        cursor = self._cursor
        opening = cursor.open(what)
        operations: list[Operation] = []
        while not cursor.at("}"):
            if cursor.token.kind == "end":
                raise cursor.unclosed(opening, what)
            if cursor.token.text in DECLARATION_WORDS:
                cursor.diagnostics.error(cursor.here(), "unsupported", f"a {cursor.token.text} inside an interface is not "
                                         f"supported; declare it before {what}")
                cursor.skip_declaration()
                continue
            self._recovering(self._operation, operations, what)
        cursor.advance()
        return tuple(operations)

    def _operation(self, what: str) -> Operation | None:
        cursor = self._cursor
        docs = cursor.doc_before()
        annotations = self._parts.annotations()
        if cursor.token.text in ("attribute", "readonly"):
            cursor.diagnostics.error(cursor.here(), "unsupported", "attributes are not supported; declare operations that "
                                     "get and set it")
            cursor.skip_declaration()
            return None
        cursor.accept("oneway")
        result = None if cursor.accept("void") else self._parts.type("what the operation returns")
        name = cursor.identifier("a name for the operation")
        operation = f"the operation '{name.text}'"
        cursor.expect("(", f"after {operation}")
        parameters: list[Parameter] = []
        while not cursor.at(")"):
            parameters.append(self._parameter(operation))
            if not cursor.accept(","):
                break
        cursor.expect(")", f"after the parameters of {operation}")
        if cursor.at("raises"):
            cursor.diagnostics.error(cursor.here(), "unsupported", "'raises' is not supported; return what can go wrong, in "
                                     "a union or an enum")
            cursor.advance()
            self._parts.skip_parentheses()
        cursor.semicolon(operation)
        return Operation(annotations, name, result, tuple(parameters), doc(docs, cursor.doc_after()))

    def _parameter(self, operation: str) -> Parameter:
        cursor = self._cursor
        annotations = self._parts.annotations()
        direction = cursor.token.text
        if direction not in _DIRECTIONS:
            raise cursor.missing(f"expected 'in', 'out' or 'inout' before each parameter of {operation}")
        cursor.advance()
        type_ = self._parts.type("a parameter")
        name = cursor.identifier(f"a name for the parameter after its type '{type_.span.text}'")
        return Parameter(annotations, direction, type_, name)

    # --- Help --------------------------------------------------------------------------------------------------------

    def _recovering(self, parse, out: list, what: str) -> None:
        """Appends what `parse` reads; after a slip, goes on at the next one."""
        cursor = self._cursor
        before, nesting = cursor.index, cursor.nesting
        try:
            made = parse(what)
            if made is not None:
                out.append(made)
        except SyntaxProblem:
            cursor.nesting = nesting
            cursor.skip_declaration()
            if cursor.index == before and not cursor.at("}"):
                cursor.advance()
