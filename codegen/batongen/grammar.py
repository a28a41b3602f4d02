"""The grammar: a recursive-descent parser of the declarations of one file.

An error is reported where something is missing, in words, and parsing goes on at the next declaration, so that one
slip is one error and the rest of the file is still checked.
"""

from __future__ import annotations

from .bodies import Bodies
from .cursor import Cursor, DECLARATION_WORDS, EndOfFile, SyntaxProblem, describe, doc
from .diagnostics import Note
from .expressions import parse_expression, parse_name
from .parts import Parts
from .source import Span
from .syntax import (Annotation, AnnotationDecl, BadDecl, BitmaskDecl, ConstDecl, Declaration, EnumDecl, ForwardDecl,
                     Ident, InterfaceDecl, Member, ModuleDecl, StructDecl, TypedefDecl, UnionDecl)

# What OMG IDL has and batongen has not, and what to write instead.
_UNSUPPORTED_DECLARATIONS = {
    "bitset": "a bitmask, or an unsigned integer with constants for masks and shifts",
    "valuetype": "a struct", "exception": "a struct", "eventtype": "a struct", "component": "a struct",
    "native": "a struct", "abstract": "a struct", "custom": "a struct", "local": "a struct for each message",
    "import": "#include", "typeid": "the module's name", "typeprefix": "a module",
}

class Grammar:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._parts = Parts(cursor)
        self._bodies = Bodies(cursor, self._parts)
        self._declarations = {
            "module": self._module, "struct": self._struct, "union": self._union, "enum": self._enum,
            "bitmask": self._bitmask, "const": self._const, "typedef": self._typedef, "interface": self._interface,
        }
        self._lookahead = 100_000  # tokens that guessing may look at in one file
        self._hoisted: list[Declaration] = []  # constants inside a struct: reported, their names known to its members
        self.declarations: list[Declaration] = []

    def parse(self) -> None:
        """Reads up to the end of the file into `declarations`."""
        cursor = self._cursor
        try:
            while cursor.token.kind != "end":
                if cursor.at("}"):
                    cursor.diagnostics.error(cursor.here(), "syntax", "'}' without a '{' that it closes")
                    cursor.advance()
                    cursor.accept(";")
                else:
                    self._declaration_or_recover(self.declarations)
        except EndOfFile:
            pass

    def _declaration_or_recover(self, out: list[Declaration]) -> None:
        before = self._cursor.index
        nesting = self._cursor.nesting
        try:
            declaration = self._declaration()
            out += [*self._hoisted, declaration]
        except SyntaxProblem as problem:
            self._cursor.nesting = nesting
            self._cursor.skip_rest(before)
            out += [BadDecl(name) for name in self._cursor.names_since(before)]
            if problem.nameless:
                out.append(BadDecl(Ident("", self._cursor.previous())))
        self._hoisted.clear()

    def _declaration(self) -> Declaration:
        cursor = self._cursor
        if cursor.at("@") and cursor.peek().text == "annotation" and cursor.peek(2).text == "baton":
            return self._annotation_declaration()
        docs = cursor.doc_before()
        annotations = self._parts.annotations()
        docs = docs + (cursor.doc_before() if annotations else [])
        word = cursor.token.text if cursor.token.kind == "name" else ""
        if word in self._declarations:
            return self._declarations[word](annotations, docs)
        if word in _UNSUPPORTED_DECLARATIONS:
            return self._unsupported_declaration(word)
        if cursor.token.kind == "end":
            raise cursor.missing("expected a declaration after the annotation")
        if cursor.at(";"):
            raise cursor.unexpected("';' without a declaration before it")
        hint = cursor.diagnostics.suggestion(word, self._declarations) if word else ""
        raise cursor.unexpected(
            f"expected a declaration (module, struct, union, enum, bitmask, const, typedef or interface), not "
            f"{describe(cursor.token)}{hint}")

    def _annotation_declaration(self) -> AnnotationDecl:
        """`@annotation baton { string layout default "fixed"; ... };`: what it declares is known here."""
        cursor = self._cursor
        cursor.advance()
        cursor.advance()
        name = cursor.identifier("a name for the annotation")
        opening = cursor.open(f"the annotation '{name.text}'")
        while not cursor.at("}"):
            if cursor.token.kind == "end":
                raise cursor.unclosed(opening, f"the annotation '{name.text}'")
            self._parts.type("an argument")
            argument = cursor.identifier("a name for the argument")
            if cursor.accept("default"):
                parse_expression(cursor)
            cursor.semicolon(f"the argument '{argument.text}'")
        cursor.advance()
        cursor.semicolon(f"the annotation '{name.text}'")
        return AnnotationDecl(name)

    def _unsupported_declaration(self, word: str) -> BadDecl:
        cursor = self._cursor
        start = cursor.here()
        cursor.advance()
        cursor.diagnostics.error(start, "unsupported",
                                 f"'{word}' is not supported (yet); use {_UNSUPPORTED_DECLARATIONS[word]}")
        name = Ident("", start)
        while cursor.token.kind == "name" and (
                cursor.token.text in _UNSUPPORTED_DECLARATIONS or cursor.token.text in self._declarations):
            cursor.advance()  # "abstract interface"
        if cursor.token.kind == "name":
            name = Ident(cursor.token.text, cursor.here())
        cursor.skip_declaration()
        return BadDecl(name)

    # --- Declarations ------------------------------------------------------------------------------------------------

    def _module(self, annotations: tuple[Annotation, ...], docs: list[str]) -> ModuleDecl:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the module")
        if cursor.at("::") or cursor.at("."):
            raise cursor.unexpected(f"a module has one name; write 'module {name.text} {{ module ... {{ ... }}; }};'")
        opening = cursor.open(f"the module '{name.text}'")
        cursor.enter("modules")
        declarations: list[Declaration] = []
        errors = cursor.diagnostics.error_count
        try:
            while not cursor.at("}"):
                if cursor.token.kind == "end":
                    raise cursor.unclosed(opening, f"the module '{name.text}'")
                self._declaration_or_recover(declarations)
        except EndOfFile:
            # What was read so far is kept: its names are declared, and its errors are worth telling.
            self.declarations.append(ModuleDecl(annotations, name, tuple(declarations), doc(docs)))
            raise
        cursor.advance()
        cursor.leave()
        if not declarations and cursor.diagnostics.error_count == errors:
            cursor.diagnostics.error(name.span, "empty-module", f"the module '{name.text}' is empty")
        cursor.semicolon(f"the module '{name.text}'")
        return ModuleDecl(annotations, name, tuple(declarations), doc(docs, cursor.doc_after()))

    def _struct(self, annotations: tuple[Annotation, ...], docs: list[str]) -> Declaration:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the struct")
        if cursor.accept(";"):
            return ForwardDecl("struct", annotations, name)
        base = None
        if cursor.at("extends") and cursor.peek().kind == "name":
            cursor.diagnostics.error(cursor.here(), "syntax", f"write 'struct {name.text} : {cursor.peek().text}'")
            cursor.advance()
            base = parse_name(cursor, "the struct that this one extends")
        elif cursor.accept(":"):
            base = parse_name(cursor, "the struct that this one extends")
            if cursor.at(","):
                start = cursor.here()
                while cursor.accept(","):
                    parse_name(cursor, "a struct")
                cursor.diagnostics.error(cursor.since(start), "unsupported", "a struct extends one struct; make the others "
                                         "members")
        what = f"the struct '{name.text}'"
        opening = cursor.open(what)
        members: list[Member] = []
        closed = True
        while not cursor.at("}"):
            if cursor.token.kind == "end":
                raise cursor.unclosed(opening, what)
            if (cursor.at(";") or cursor.at("@")) and self._begins_declaration(1 if cursor.at(";") else 0):
                cursor.diagnostics.error(cursor.previous().after(), "unclosed-brace",
                                         f"expected '}}' to close {what}", Note(opening, "the '{' is here"))
                cursor.accept(";")
                closed = False
                break
            if cursor.token.text in ("struct", "union", "enum") and cursor.peek(2).kind == "name" and (
                    cursor.peek(2).text != "switch"):
                cursor.diagnostics.error(cursor.here(), "syntax", f"drop '{cursor.token.text}': the name of a type is "
                                         f"'{cursor.peek().text}' alone")
                cursor.advance()
            if cursor.token.kind == "name" and cursor.token.text in DECLARATION_WORDS and not self._at_const_member():
                closed = self._declaration_inside(opening, what)
                if not closed:
                    break
                continue
            self._member_or_recover(members)
        if closed:
            cursor.advance()
            cursor.semicolon(what)
        return StructDecl(annotations, name, base, tuple(members), doc(docs, cursor.doc_after()))

    def _begins_declaration(self, ahead: int) -> bool:
        """Whether a declaration begins there, maybe with annotations."""
        depth = 0
        while self._lookahead > 0:
            self._lookahead -= 1
            token = self._cursor.peek(ahead)
            if depth == 0 and token.text == "@" and self._cursor.peek(ahead + 1).kind == "name":
                ahead += 1
            elif token.text in ("(", ")"):
                depth += 1 if token.text == "(" else -1
            elif depth == 0:
                return (token.text in DECLARATION_WORDS and token.text != "const"  # which a member may have, wrongly
                        and self._cursor.peek(ahead + 1).kind == "name")
            if token.kind == "end" or depth < 0:
                return False
            ahead += 1
        return False

    def _at_const_member(self) -> bool:
        """`const int32 x;`: without a value it can be no constant, whose place would be before or after the struct."""
        ahead = 1
        while self._cursor.at("const") and (token := self._cursor.peek(ahead)).kind != "end" and self._lookahead > 0:
            self._lookahead -= 1
            if token.text == ";":
                return True
            if token.text in ("=", "{", "}") or token.text in DECLARATION_WORDS:
                return False
            ahead += 1
        return False

    def _closes_file(self, ahead: int) -> bool:
        """Whether the '}' from there on to the end of the file are no more than those of the modules that are open."""
        closed = 0
        while (token := self._cursor.peek(ahead)).text in ("}", ";"):
            closed += token.text == "}"
            ahead += 1
        return token.kind == "end" and closed <= self._cursor.nesting

    def _declaration_inside(self, opening: Span, what: str) -> bool:
        """A declaration among members: either a '}' was forgotten, or the declaration is in the wrong place. What
        stands behind its body tells which. Returns whether the struct is still open."""
        cursor = self._cursor
        depth, ahead = 0, 0
        while (token := cursor.peek(ahead)).kind != "end" and self._lookahead > 0:
            self._lookahead -= 1
            if token.text == "{":
                depth += 1
            elif token.text == "}":
                depth -= 1
                if depth <= 0:
                    break
            elif token.text == ";" and depth == 0:
                break
            ahead += 1
        follower = cursor.peek(ahead + 1)
        if token.text == ";":
            inside = follower.text not in DECLARATION_WORDS and not self._closes_file(ahead + 1)
        else:
            inside = (token.text == "}" and follower.text not in DECLARATION_WORDS
                      and (follower.kind == "name" or cursor.unclosed_braces() == 0))
        if inside and (cursor.at("const") or cursor.at("typedef")):
            kind = "constant" if cursor.at("const") else "typedef"
            cursor.diagnostics.error(cursor.here(), "unsupported", f"a {kind} inside a struct is not supported; declare "
                                     f"it before {what}")
            try:
                declared = self._const((), []) if cursor.at("const") else self._typedef((), [])
                names = [d.name for d in declared.declarators] if isinstance(declared, TypedefDecl) else [declared.name]
                self._hoisted += [BadDecl(name) for name in names]
            except SyntaxProblem:
                cursor.skip_declaration()
            return True
        if inside:
            cursor.diagnostics.error(cursor.here(), "unsupported", f"a {cursor.token.text} inside a struct is not "
                                     f"supported; declare it before {what}")
            self._hoisted.append(BadDecl(Ident(cursor.peek().text, cursor.span(cursor.peek()))))
            cursor.skip_to_semicolon()
            cursor.accept(";")
            return True
        cursor.diagnostics.error(
            cursor.previous().after(), "unclosed-brace",
            f"expected '}};' to close {what} before '{cursor.token.text}'", Note(opening, "the '{' is here"))
        return False

    def _member_or_recover(self, members: list[Member]) -> None:
        cursor = self._cursor
        before = cursor.index
        nesting = cursor.nesting
        try:
            docs = cursor.doc_before()
            annotations = self._parts.annotations()
            docs = docs + (cursor.doc_before() if annotations else [])
            if cursor.at("const"):
                cursor.diagnostics.error(cursor.here(), "syntax", "a member is not const: drop the word")
                cursor.advance()
            type_ = self._parts.type("a member")
            declarators = self._parts.declarators(type_, f"a name for the member after its type '{type_.span.text}'")
            cursor.semicolon(f"the member '{declarators[-1].name.text}'")
            members.append(Member(annotations, type_, declarators, doc(docs, cursor.doc_after())))
        except SyntaxProblem:
            cursor.nesting = nesting
            cursor.skip_declaration()
            if cursor.index == before and not cursor.at("}"):
                cursor.advance()

    def _enum(self, annotations: tuple[Annotation, ...], docs: list[str]) -> EnumDecl:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the enum")
        what = f"the enum '{name.text}'"
        enumerators = self._bodies.enumerators(what, "an enumerator", "value")
        if not enumerators:
            cursor.diagnostics.error(name.span, "empty-enum", f"{what} has no enumerators")
        cursor.semicolon(what)
        return EnumDecl(annotations, name, enumerators, doc(docs, cursor.doc_after()))

    def _bitmask(self, annotations: tuple[Annotation, ...], docs: list[str]) -> BitmaskDecl:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the bitmask")
        what = f"the bitmask '{name.text}'"
        flags = self._bodies.enumerators(what, "a flag", "position")
        if not flags:
            cursor.diagnostics.error(name.span, "empty-enum", f"{what} has no flags")
        cursor.semicolon(what)
        return BitmaskDecl(annotations, name, flags, doc(docs, cursor.doc_after()))

    def _union(self, annotations: tuple[Annotation, ...], docs: list[str]) -> Declaration:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the union")
        if cursor.accept(";"):
            return ForwardDecl("union", annotations, name)
        what = f"the union '{name.text}'"
        tag = self._bodies.tag(what)
        errors = cursor.diagnostics.error_count
        cases = self._bodies.cases(what)
        if not cases and cursor.diagnostics.error_count == errors:
            cursor.diagnostics.error(name.span, "empty-union", f"{what} has no members")
        cursor.semicolon(what)
        return UnionDecl(annotations, name, tag, cases, doc(docs, cursor.doc_after()))

    def _interface(self, annotations: tuple[Annotation, ...], docs: list[str]) -> Declaration:
        cursor = self._cursor
        cursor.advance()
        name = cursor.identifier("a name for the interface")
        if cursor.accept(";"):
            return ForwardDecl("interface", annotations, name)
        what = f"the interface '{name.text}'"
        if cursor.at(":"):
            start = cursor.here()
            while cursor.token.kind != "end" and not cursor.at("{") and not cursor.at(";"):
                cursor.advance()
            cursor.diagnostics.error(cursor.since(start), "unsupported", "inheritance of interfaces is not supported; repeat "
                                     "the operations")
        operations = self._bodies.operations(what)
        cursor.semicolon(what)
        return InterfaceDecl(annotations, name, operations, doc(docs, cursor.doc_after()))

    def _const(self, annotations: tuple[Annotation, ...], docs: list[str]) -> Declaration:
        cursor = self._cursor
        cursor.advance()
        type_ = self._parts.type("a constant")
        name = cursor.identifier(f"a name for the constant after its type '{type_.span.text}'")
        try:
            cursor.expect("=", f"after the name of the constant '{name.text}'")
            value = parse_expression(cursor)
        except SyntaxProblem:
            cursor.skip_declaration()
            return BadDecl(name)
        errors = cursor.diagnostics.error_count
        cursor.semicolon(f"the constant '{name.text}'")
        if cursor.diagnostics.error_count > errors:  # the expression may go on in a way that is not understood
            return BadDecl(name)
        return ConstDecl(annotations, name, type_, value, doc(docs, cursor.doc_after()))

    def _typedef(self, annotations: tuple[Annotation, ...], docs: list[str]) -> Declaration:
        cursor = self._cursor
        cursor.advance()
        if cursor.token.text in ("struct", "union", "enum", "bitmask"):
            return self._typedef_of_declaration()
        type_ = self._parts.type("a typedef")
        declarators = self._parts.declarators(type_, "a name for the typedef")
        cursor.semicolon(f"the typedef '{declarators[-1].name.text}'")
        return TypedefDecl(annotations, type_, declarators, doc(docs, cursor.doc_after()))

    def _typedef_of_declaration(self) -> BadDecl:
        """`typedef struct A { ... } B;`, as in C."""
        cursor = self._cursor
        start, word = cursor.here(), cursor.advance().text
        name = cursor.identifier(f"a name for the {word}")
        cursor.skip_to_semicolon()
        self._hoisted.append(BadDecl(Ident(cursor.previous().text, cursor.previous())))
        braces = "{" in cursor.since(start).text
        cursor.diagnostics.error(start, "syntax", f"a typedef takes the name of a type: declare the {word} before it, "
                                 f"'{word} {name.text} {{ ... }};'" if braces else
                                 f"drop '{word}': the name of a type is '{name.text}' alone")
        cursor.accept(";")
        return BadDecl(name)
