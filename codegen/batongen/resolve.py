"""Turns syntax trees into the model: looks up every name, computes every constant, reads every annotation."""

from __future__ import annotations

from . import annotations
from .cli import Run
from .composites import Composites
from .enumerations import resolve_bitmask, resolve_enum
from .keylists import Keylists
from .model import (BROKEN, Alias, Array, Bitmask, Broken, Constant, Enum, EnumValue, FileModel, FlagsValue, Item, Model,
                    Scalar, Sequence, String, Type, strip_alias)
from .names import Entity, Names
from .references import References
from .syntax import (AnnotationDecl, BitmaskDecl, ConstDecl, Declaration, EnumDecl, File, ForwardDecl, InterfaceDecl,
                     ModuleDecl, StructDecl, TypedefDecl, UnionDecl)

_MAX_TYPEDEF_NESTING = 64


def resolve(files: tuple[File, ...], run: Run) -> Model:
    resolver = _Resolver(files, run)
    return Model(tuple(resolver.file(file) for file in files))


def _has_header(file: File) -> bool:
    """A file that declares annotations alone has nothing to say in C++."""
    return not file.declarations or not all(isinstance(d, AnnotationDecl) for d in file.declarations)


class _Resolver:
    def __init__(self, files: tuple[File, ...], run: Run) -> None:
        self._diagnostics = run.diagnostics
        self._names = Names(files, run.diagnostics)
        self._references = References(self._names, run.diagnostics)
        self._composites = Composites(self._references, run.diagnostics)
        self._keylists = Keylists(files, self._names, run.diagnostics)
        self._alias_depth: dict[Alias, int] = {}
        self._items: list[Item] = []

    def file(self, file: File) -> FileModel:
        self._items = []
        for declaration in file.declarations:
            self._declaration(declaration)
        includes = tuple(dict.fromkeys(include.source for include in file.includes))
        return FileModel(file.source, includes, tuple(self._items), file.requested and _has_header(file))

    def _declaration(self, declaration: Declaration) -> None:
        entities = self._names.of_declaration[id(declaration)]
        if isinstance(declaration, ModuleDecl):
            annotations.read(declaration.annotations, "module", self._diagnostics)
            for inner in declaration.declarations:
                self._declaration(inner)
        elif isinstance(declaration, StructDecl):
            self._made(entities[0], self._composites.struct(self._keylists.applied(declaration), entities[0]))
        elif isinstance(declaration, UnionDecl):
            self._made(entities[0], self._composites.union(declaration, entities[0]))
        elif isinstance(declaration, InterfaceDecl):
            self._composites.interface(declaration, entities[0])
        elif isinstance(declaration, EnumDecl):
            enum = resolve_enum(declaration, entities[0].qualified, self._diagnostics)
            for entity, enumerator in zip(entities[1:], enum.enumerators):
                entity.result = EnumValue(enum, enumerator.name, enumerator.number)
            self._made(entities[0], enum)
        elif isinstance(declaration, BitmaskDecl):
            bitmask = resolve_bitmask(declaration, entities[0].qualified, self._diagnostics)
            for entity, flag in zip(entities[1:], bitmask.flags):
                entity.result = FlagsValue(bitmask, flag.name, 1 << flag.position)
            self._made(entities[0], bitmask)
        elif isinstance(declaration, ConstDecl):
            self._made(entities[0], self._const(declaration, entities[0]))
        elif isinstance(declaration, TypedefDecl):
            self._typedef(declaration, entities)
        elif isinstance(declaration, ForwardDecl):
            annotations.read(declaration.annotations, "forward", self._diagnostics)

    def _made(self, entity: Entity, item: Item | None) -> None:
        entity.result = item
        if item is not None:
            self._items.append(item)

    def _const(self, declaration: ConstDecl, entity: Entity) -> Constant:
        annotations.read(declaration.annotations, "const", self._diagnostics)
        type_ = self._references.type(declaration.type, entity)
        plain = strip_alias(type_)
        value = None
        if isinstance(plain, (Scalar, String, Enum, Bitmask)):
            evaluator = self._references.evaluator(entity)
            value = evaluator.value(declaration.value, plain)
            value = evaluator.fit(value, plain, declaration.value.span) if value is not None else None
        elif not isinstance(plain, Broken):
            self._diagnostics.error(declaration.type.span, "constant-type", "a constant is a scalar, a string, or of an enum "
                                    "or bitmask")
        return Constant(entity.qualified, type_, value, declaration.doc, declaration.name.span)

    def _typedef(self, declaration: TypedefDecl, entities: list[Entity]) -> None:
        annotations.read(declaration.annotations, "typedef", self._diagnostics)
        base = self._references.type(declaration.type, entities[0])
        for declarator, entity in zip(declaration.declarators, entities):
            target = self._references.with_extents(base, declarator, entities[0])
            depth = 1 + self._depth(target)
            if depth > _MAX_TYPEDEF_NESTING:
                self._diagnostics.error(declarator.name.span, "nesting-too-deep",
                                        f"typedefs are nested more than {_MAX_TYPEDEF_NESTING} levels deep")
                entity.result = BROKEN
                continue
            alias = Alias(entity.qualified, target, declaration.doc, declarator.name.span)
            self._alias_depth[alias] = depth
            self._made(entity, alias)

    def _depth(self, type_: Type) -> int:
        while isinstance(type_, (Array, Sequence)):
            type_ = type_.element
        return self._alias_depth.get(type_, 0) if isinstance(type_, Alias) else 0
