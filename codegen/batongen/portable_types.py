"""The rules of portability for what a file declares; see portability.py."""

from __future__ import annotations

import re

from .diagnostics import Diagnostics, Note
from .model import (Alias, Array, Enum, FileModel, Item, Member, Optional, Scalar, Sequence, Struct, Type, Union, named_part,
                    strip_alias)
from .portable_names import FOX, FOX_WORDS, IDLC, IDLC_ANNOTATIONS, IDLC_WORDS, Uses, names_of, references, report
from .source import Span
from .syntax import (Annotation, AnnotationDecl, BitmaskDecl, Case, ConstDecl, Declaration, Declarator, EnumDecl, Expr,
                     ForwardDecl, Ident, InterfaceDecl, Literal, ModuleDecl, Name, NameExpr, NamedType, SequenceType, StringType,
                     StructDecl, TypedefDecl, TypeExpr, Unary, UnionDecl)
from .syntax import Member as MemberDecl

LEAST_IN_ANNOTATION = -(1 << 31) + 1
LABELS = range(-(1 << 31), 1 << 31)
_LITERAL = r'(?:[+-]?[0-9.][0-9.eE+-]*|TRUE|FALSE|(?:"[^"\\]*"\s*)+)'
_ARGUMENTS = re.compile(rf"\(\s*(?:{_LITERAL}|\w+\s*=\s*{_LITERAL}(?:\s*,\s*\w+\s*=\s*{_LITERAL})*)\s*\)")
_TAKES_A_NAME = {"autoid": ("SEQUENTIAL", "HASH"), "extensibility": ("FINAL", "APPENDABLE", "MUTABLE"),
                 "data_representation": ("XML", "XCDR1", "XCDR2"), "try_construct": ("DISCARD", "USE_DEFAULT", "TRIM")}
_OF_MEMBERS = frozenset(("hashid", "try_construct"))


class Declarations:
    """The types are those of the model where there are such: what has errors is not in it."""

    def __init__(self, file: FileModel, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._items: dict[int, Item] = {item.span.start: item for item in file.items}
        self._scopes: list[dict[str, Ident]] = []  # what is declared so far, from the outermost module inwards

    def check(self, declarations: tuple[Declaration, ...], module: Ident | None = None) -> None:
        self._scopes.append({})
        for declaration in declarations:
            self._annotations(getattr(declaration, "annotations", ()), declaration)
            if isinstance(declaration, (BitmaskDecl, InterfaceDecl, ForwardDecl, AnnotationDecl)):
                self._not_known(declaration)
                continue
            for name in names_of(declaration):
                self._scopes[-1].setdefault(name.text, name)
                self._name(name)
                if module is not None and name.text.lower() == module.text.lower():
                    self._report(name.span, IDLC, f"takes '{name.text}' for its module '{module.text}'; use another name")
            if isinstance(declaration, ModuleDecl):
                self.check(declaration.declarations, declaration.name)
            elif isinstance(declaration, StructDecl):
                self._struct(declaration)
            elif isinstance(declaration, UnionDecl):
                self._union(declaration)
            elif isinstance(declaration, EnumDecl):
                self._enum(declaration)
            elif isinstance(declaration, ConstDecl):
                self._const(declaration)
            elif isinstance(declaration, TypedefDecl):
                self._typedef(declaration)
        self._scopes.pop()

    def _report(self, span: Span, tool: str, problem: str, *notes: Note) -> None:
        report(span, tool, problem, self._diagnostics, *notes)

    def _not_known(self, declaration: BitmaskDecl | InterfaceDecl | ForwardDecl | AnnotationDecl) -> None:
        span = declaration.name.span
        if isinstance(declaration, BitmaskDecl):
            item = self._items.get(span.start)
            self._report(span, FOX, f"knows no bitmasks; use uint{item.bits if item else 32} and constants")
        elif isinstance(declaration, InterfaceDecl):
            self._report(span, f"{IDLC} and {FOX}", "know no interfaces; write a struct for each request and each reply")
        elif isinstance(declaration, ForwardDecl):
            self._report(span, FOX, "knows no declaration of a name alone; remove it, and declare each type before its use")
        else:
            self._report(span, FOX, "knows no declared annotations; #include \"baton/annotations.idl\"")

    def _name(self, name: Ident) -> None:
        if name.span.text.startswith("_"):
            return  # reported as a token
        if name.text.lower() in IDLC_WORDS or name.text in FOX_WORDS:
            tool = FOX if name.text in FOX_WORDS else IDLC
            self._report(name.span, tool, f"takes '{name.text}' for a word of IDL; use another name")

    # --- Structs and unions ------------------------------------------------------------------------------------------

    def _struct(self, declaration: StructDecl) -> None:
        if declaration.base is not None:
            self._report(declaration.base.span, FOX, f"knows no inheritance; make '{declaration.base}' a member")
        struct = self._items.get(declaration.name.span.start)
        uses = Uses(declaration.name, self._diagnostics)
        own = {declarator.name.text for member in declaration.members for declarator in member.declarators}
        members = {m.span.start: m for m in (*struct.members, struct.tail) if m} if isinstance(struct, Struct) else {}
        self._scopes.append({})
        for member in declaration.members:
            self._annotations(member.annotations, member)
            for name in references(member):
                if not name.absolute and len(name.parts) == 1 and name.parts[0].text in own:
                    self._report(name.span, FOX, f"takes '{name}' for the member of that name; rename the member")
            self._member(member, members, uses)
        self._scopes.pop()

    def _union(self, declaration: UnionDecl) -> None:
        union = self._items.get(declaration.name.span.start)
        self._type(declaration.tag)
        members = {m.span.start: m for m in union.members} if isinstance(union, Union) else {}
        if isinstance(union, Union):
            self._tag(declaration, union)
        uses = Uses(declaration.name, self._diagnostics)
        self._scopes.append({})
        for case in declaration.cases:
            self._labels(case, union, uses)
            self._annotations(case.member.annotations, case.member)
            self._member(case.member, members, uses)
        self._scopes.pop()

    def _tag(self, declaration: UnionDecl, union: Union) -> None:
        tag = strip_alias(union.tag)
        if isinstance(tag, Scalar) and tag.kind == "char":
            self._report(declaration.tag.span, FOX, "takes no char for a tag; use octet")
        if not isinstance(tag, Enum) or not any(case.labels for case in union.cases):
            return
        if isinstance(union.tag, Alias):
            self._report(declaration.tag.span, FOX, f"does not find the enumerators of a typedef; write '{'::'.join(tag.name)}'")
        elif tag.name[:-1] != union.name[:len(tag.name) - 1]:
            self._report(declaration.tag.span, IDLC, "does not find the enumerators of another module; declare the union in "
                         "the module of the enum, or use an integer as its tag")

    def _labels(self, case: Case, union: Item | None, uses: Uses) -> None:
        for label in case.labels:
            self._value(label)
            tag = strip_alias(union.tag) if isinstance(union, Union) else None
            if not isinstance(label, NameExpr):
                continue
            uses.add(label.name)
            if isinstance(tag, Enum) and len(label.name.parts) > 1:
                tool = IDLC if label.name.parts[-2].text == tag.name[-1] else FOX
                self._report(label.span, tool, f"knows an enumerator of the tag by its own name alone; write "
                             f"'{label.name.parts[-1].text}'")
        resolved = next((c for c in union.cases if c.member.span == case.member.declarators[0].name.span), None) if (
            isinstance(union, Union)) else None
        for label, value in zip(case.labels, resolved.labels if resolved else ()):
            if value.kind == "int" and value.data not in LABELS:
                self._report(label.span, IDLC, f"fails at labels below {LABELS[0]} and above {LABELS[-1]}; use smaller ones")

    def _member(self, declaration: MemberDecl, members: dict[int, Member], uses: Uses) -> None:
        declarators = declaration.declarators
        resolved = members.get(declarators[0].name.span.start)
        part = named_part(resolved.type) if resolved is not None else None
        for name in references(declaration):
            uses.add(name, isinstance(part, (Struct, Union)) and name.parts[-1].text == part.name[-1])
        for declarator in declarators:
            self._name(declarator.name)
            self._scopes[-1].setdefault(declarator.name.text, declarator.name)
            uses.declare(declarator.name)
        with_extents = next((d for d in declarators if d.extents), None)
        if len(declarators) > 1 and with_extents is not None:
            self._report(with_extents.name.span, FOX, f"gives the extents of '{with_extents.name.text}' to all members of this "
                         "declaration, or refuses them; declare it on its own")
        self._type(declaration.type)
        for declarator in declarators:
            resolved = members.get(declarator.name.span.start)
            self._shape(declaration.type, declarator, resolved.type if resolved is not None else None)

    # --- The others --------------------------------------------------------------------------------------------------

    def _enum(self, declaration: EnumDecl) -> None:
        enum = self._items.get(declaration.name.span.start)
        bound = next((a for a in declaration.annotations if a.name == "bit_bound"), None)
        if bound is not None and isinstance(enum, Enum) and enum.bits != 32:
            self._report(bound.span, FOX, f"reads every enum as one of 32 bits; remove this, or use int{enum.bits} and constants")
        for enumerator in declaration.enumerators:
            self._annotations(enumerator.annotations, enumerator)
            for annotation in enumerator.annotations:
                if annotation.name == "value" and annotation.arguments:
                    argument = annotation.arguments[0]
                    if argument.name is not None:
                        self._report(argument.span, FOX, f"does not read a @value with a name; write @value("
                                     f"{argument.value.span.text})")
                    elif isinstance(argument.value, Unary) and argument.value.op == "-":
                        self._report(argument.span, IDLC, "refuses enumerators below 0; use an integer and constants")

    def _const(self, declaration: ConstDecl) -> None:
        self._type(declaration.type)
        if isinstance(declaration.type, NamedType):
            item = self._items.get(declaration.name.span.start)
            of_enum = item is not None and isinstance(strip_alias(item.type), Enum)
            self._report(declaration.type.span, FOX, "does not find the value of a constant of an enum; use uint32 and the number"
                         if of_enum else "takes the constants of a typedef for those of an enum; write the type itself")
        if isinstance(declaration.value, NameExpr):
            if not isinstance(declaration.type, NamedType):
                self._report(declaration.value.span, FOX, "knows no constants as values of constants; write the value")
        else:
            self._value(declaration.value)

    def _typedef(self, declaration: TypedefDecl) -> None:
        self._type(declaration.type)
        for extra in declaration.declarators[1:2]:
            self._report(extra.name.span, FOX, f"knows one name to a typedef; write a typedef of its own for '{extra.name.text}'")
        for declarator in declaration.declarators:
            alias = self._items.get(declarator.name.span.start)
            self._shape(declaration.type, declarator, alias.target if isinstance(alias, Alias) else None)

    # --- Types and values --------------------------------------------------------------------------------------------

    def _type(self, type_: TypeExpr) -> None:
        """The names and bounds in a type."""
        if isinstance(type_, NamedType):
            self._scoped(type_.name)
        elif isinstance(type_, (StringType, SequenceType)):
            if type_.bound is not None:
                self._count(type_.bound)
            if isinstance(type_, SequenceType):
                self._type(type_.element)

    def _shape(self, written: TypeExpr, declarator: Declarator, resolved: Type | None) -> None:
        """What has sequences or arrays as elements."""
        for extent in declarator.extents:
            self._count(extent)
        if isinstance(resolved, Optional):
            resolved = resolved.element
        if declarator.extents:
            resolved = resolved.element if isinstance(resolved, Array) else None
            if isinstance(strip_alias(resolved), Sequence) or isinstance(written, SequenceType):
                self._report(declarator.name.span, FOX, "knows no arrays of sequences; put the sequence into a struct")
        while isinstance(written, SequenceType):
            resolved = resolved.element if isinstance(resolved, Sequence) else None
            written = written.element
            if isinstance(written, SequenceType) or isinstance(strip_alias(resolved), (Sequence, Array)):
                what = "arrays" if isinstance(strip_alias(resolved), Array) else "sequences"
                self._report(written.span, FOX, f"knows no sequences of {what}; put the element into a struct")
                return

    def _count(self, expr: Expr) -> None:
        if isinstance(expr, NameExpr) and not expr.span.text.startswith("("):
            self._scoped(expr.name)
        elif not isinstance(expr, Literal) or expr.span.text.startswith("("):
            self._report(expr.span, FOX, "knows no expressions; write the number, or the name of a constant")

    def _value(self, expr: Expr) -> None:
        """A literal, with a sign maybe, or the name of a constant."""
        if isinstance(expr, NameExpr) and not expr.span.text.startswith("("):
            self._scoped(expr.name)
            return
        operand = expr.operand if isinstance(expr, Unary) and expr.op in "+-" else expr
        if not isinstance(operand, Literal) or "(" in (expr.span.text[0], operand.span.text[0]):
            self._report(expr.span, FOX, "knows no expressions; write the value")

    def _scoped(self, name: Name) -> None:
        if name.absolute:
            self._report(name.span, FOX, "knows no leading '::'; write the name without it, from the outermost module on")
        elif re.search(r"[^\w:]", name.span.text):
            self._report(name.span, FOX, f"refuses blanks around '::'; write '{name}'")

    # --- Annotations -------------------------------------------------------------------------------------------------

    def _annotations(self, annotations: tuple[Annotation, ...], at: object) -> None:
        for annotation in annotations:
            name = annotation.name
            text = annotation.span.text
            arguments = text[text.index("("):] if "(" in text else ""
            scopes = self._scopes[1:] if name in IDLC_ANNOTATIONS else self._scopes
            hiding = next((scope[name] for scope in reversed(scopes) if name in scope), None)
            if hiding is not None:
                self._report(annotation.span, IDLC, f"takes '@{name}' for what is called '{name}' before it; rename that",
                             Note(hiding.span, "it is here"))
            if name == "must_understand" or name in _OF_MEMBERS and not isinstance(at, MemberDecl):
                self._report(annotation.span, IDLC, f"refuses @{name} here; remove it")
            elif not annotation.arguments and arguments.strip("() \t\n") and not _ARGUMENTS.fullmatch(arguments) and (
                    arguments[1:-1].strip() not in _TAKES_A_NAME.get(name, ())):
                self._report(annotation.span, IDLC, "reads one literal, or name=literal, as the arguments of annotations; write "
                             "them so, or remove this")
            if name in ("range", "min", "max") and isinstance(at, MemberDecl) and isinstance(at.type, (NamedType, SequenceType)):
                what = "a sequence" if isinstance(at.type, SequenceType) else f"'{at.type.name}', a typedef"
                self._report(annotation.span, IDLC, f"refuses @{name} at {what}; write it at a number, or an array of them")
            for argument in annotation.arguments:
                value = argument.value
                if (isinstance(value, Unary) and value.op == "-" and isinstance(value.operand, Literal)
                        and value.operand.kind == "int" and -value.operand.value < LEAST_IN_ANNOTATION):
                    self._report(value.span, IDLC, f"reads no integers below {LEAST_IN_ANNOTATION} in annotations; leave it out, or "
                                 "write '.0' behind it for a float or double")
