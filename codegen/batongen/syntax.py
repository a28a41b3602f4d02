"""The syntax tree: what the parser saw, before any name is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .source import Source, Span


@dataclass(frozen=True, slots=True)
class Ident:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """`Pose`, `geo::Pose`, or `::geo::Pose` (absolute)."""

    parts: tuple[Ident, ...]
    absolute: bool
    span: Span

    def __str__(self) -> str:
        return ("::" if self.absolute else "") + "::".join(part.text for part in self.parts)


# --- Expressions -----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Literal:
    """`kind` is int, float, string (bytes), char (a byte's value) or bool."""

    kind: str
    value: int | float | bytes | bool
    span: Span


@dataclass(frozen=True, slots=True)
class NameExpr:
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    op: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class BadExpr:
    """Something that has been reported already."""

    span: Span


Expr = Union[Literal, NameExpr, Unary, Binary, BadExpr]


# --- Types -----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class ScalarType:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class StringType:
    bound: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class SequenceType:
    element: TypeExpr
    bound: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class NamedType:
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class BadType:
    """Something that has been reported already."""

    span: Span


TypeExpr = Union[ScalarType, StringType, SequenceType, NamedType, BadType]


# --- Declarations ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Argument:
    """`name=value` of an annotation; the name is absent in `@unit("m")`."""

    name: Ident | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Annotation:
    name: str
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Doc:
    """The lines of a doc comment."""

    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(self.lines)


@dataclass(frozen=True, slots=True)
class Declarator:
    name: Ident
    extents: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Member:
    annotations: tuple[Annotation, ...]
    type: TypeExpr
    declarators: tuple[Declarator, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class Enumerator:
    """Of an enum, or a flag of a bitmask."""

    annotations: tuple[Annotation, ...]
    name: Ident
    doc: Doc


@dataclass(frozen=True, slots=True)
class Case:
    """A member of a union with its labels; `defaults` are the places of `default:`."""

    labels: tuple[Expr, ...]
    defaults: tuple[Span, ...]
    member: Member


@dataclass(frozen=True, slots=True)
class Parameter:
    """`direction` is in, out or inout."""

    annotations: tuple[Annotation, ...]
    direction: str
    type: TypeExpr
    name: Ident


@dataclass(frozen=True, slots=True)
class Operation:
    """Of an interface. `result` is None for void."""

    annotations: tuple[Annotation, ...]
    name: Ident
    result: TypeExpr | None
    parameters: tuple[Parameter, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class ForwardDecl:
    """`struct A;`: a name that is declared in full further down. `kind` is struct, union or interface."""

    kind: str
    annotations: tuple[Annotation, ...]
    name: Ident


@dataclass(frozen=True, slots=True)
class StructDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    base: Name | None
    members: tuple[Member, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class UnionDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    tag: TypeExpr
    cases: tuple[Case, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class InterfaceDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    operations: tuple[Operation, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class EnumDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    enumerators: tuple[Enumerator, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class BitmaskDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    flags: tuple[Enumerator, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class ConstDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    type: TypeExpr
    value: Expr
    doc: Doc


@dataclass(frozen=True, slots=True)
class TypedefDecl:
    annotations: tuple[Annotation, ...]
    type: TypeExpr
    declarators: tuple[Declarator, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class ModuleDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    declarations: tuple[Declaration, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class AnnotationDecl:
    """`@annotation baton { ... };`, which other IDL tools need and batongen knows."""

    name: Ident


@dataclass(frozen=True, slots=True)
class BadDecl:
    """A declaration that has been reported, kept so that uses of its name are not reported again."""

    name: Ident


Declaration = Union[StructDecl, UnionDecl, EnumDecl, BitmaskDecl, InterfaceDecl, ConstDecl, TypedefDecl, ModuleDecl,
                    ForwardDecl, AnnotationDecl, BadDecl]


@dataclass(frozen=True, slots=True)
class Include:
    source: Source
    span: Span


@dataclass(frozen=True, slots=True)
class Keylist:
    """`#pragma keylist Type a b.c`, in the modules that are open there: `fields` holds (a), (b, c)."""

    modules: tuple[str, ...]
    type: Name
    fields: tuple[tuple[Ident, ...], ...]
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One parsed file. `requested` ones were named on the command line: headers are written for them alone."""

    source: Source
    includes: tuple[Include, ...]
    declarations: tuple[Declaration, ...]
    requested: bool
    keylists: tuple[Keylist, ...] = ()
