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
    annotations: tuple[Annotation, ...]
    name: Ident
    doc: Doc


@dataclass(frozen=True, slots=True)
class StructDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    members: tuple[Member, ...]
    doc: Doc


@dataclass(frozen=True, slots=True)
class EnumDecl:
    annotations: tuple[Annotation, ...]
    name: Ident
    enumerators: tuple[Enumerator, ...]
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
class BadDecl:
    """A declaration that has been reported, kept so that uses of its name are not reported again."""

    name: Ident


Declaration = Union[StructDecl, EnumDecl, ConstDecl, TypedefDecl, ModuleDecl, BadDecl]


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
