"""Turns syntax trees into the model: looks up every name, computes every constant, reads every annotation."""

from __future__ import annotations

from . import annotations
from .cli import Run
from .evaluate import Evaluator
from .keylists import Keylists
from .model import (BROKEN, SCALARS, Alias, Array, Broken, Constant, Enum, Enumerator, EnumValue, FileModel, Item, Member,
                    Model, Scalar, Sequence, String, Struct, Type, Value, strip_alias)
from .names import Entity, Names
from .diagnostics import Note
from .syntax import (ConstDecl, Declaration, Declarator, EnumDecl, Expr, File, Ident, ModuleDecl, NamedType, NameExpr,
                     ScalarType, SequenceType, StringType, StructDecl, TypedefDecl, TypeExpr)

_MAX_STRING_BOUND = 16 * 1024 * 1024
_MAX_COUNT = (1 << 32) - 1  # lengths are stored as uint32
_MAX_TYPEDEF_NESTING = 64


def resolve(files: tuple[File, ...], run: Run) -> Model:
    resolver = _Resolver(files, run)
    return Model(tuple(resolver.file(file) for file in files))


class _Resolver:
    def __init__(self, files: tuple[File, ...], run: Run) -> None:
        self._diagnostics = run.diagnostics
        self._names = Names(files, run.diagnostics)
        self._keylists = Keylists(files, self._names, run.diagnostics)
        self._alias_depth: dict[Alias, int] = {}
        self._items: list[Item] = []

    def file(self, file: File) -> FileModel:
        self._items = []
        for declaration in file.declarations:
            self._declaration(declaration)
        includes = tuple(dict.fromkeys(include.source for include in file.includes))
        return FileModel(file.source, includes, tuple(self._items), file.requested)

    def _declaration(self, declaration: Declaration) -> None:
        entities = self._names.of_declaration[id(declaration)]
        if isinstance(declaration, ModuleDecl):
            annotations.read(declaration.annotations, "module", self._diagnostics)
            for inner in declaration.declarations:
                self._declaration(inner)
        elif isinstance(declaration, StructDecl):
            self._struct(self._keylists.applied(declaration), entities[0])
        elif isinstance(declaration, EnumDecl):
            self._enum(declaration, entities[0], entities[1:])
        elif isinstance(declaration, ConstDecl):
            self._const(declaration, entities[0])
        elif isinstance(declaration, TypedefDecl):
            self._typedef(declaration, entities)

    # --- Declarations ------------------------------------------------------------------------------------------------

    def _struct(self, declaration: StructDecl, entity: Entity) -> None:
        settings = annotations.read(declaration.annotations, "struct", self._diagnostics)
        members: list[Member] = []
        seen: dict[str, Ident] = {}
        folded: dict[str, Ident] = {}
        for member in declaration.members:
            member_settings = annotations.read(member.annotations, "member", self._diagnostics)
            base = self._type(member.type, entity)
            for declarator in member.declarators:
                self._check_member_name(declarator.name, seen, folded)
                type_ = self._with_extents(base, declarator, entity)
                default = self._default(member_settings.get("default"), type_)
                unit = member_settings["unit"].value.data.decode(errors="replace") if "unit" in member_settings else ""
                key = "key" in member_settings and bool(member_settings["key"].value.data)
                members.append(Member(declarator.name.text, type_, default, key, unit, member.doc, declarator.name.span))
        topic = settings["topic"].value.data.decode(errors="replace") if "topic" in settings else ""
        struct = Struct(entity.qualified, tuple(members), topic, declaration.doc, declaration.name.span)
        entity.result = struct
        self._items.append(struct)

    def _check_member_name(self, name: Ident, seen: dict[str, Ident], folded: dict[str, Ident]) -> None:
        if name.text in seen:
            self._diagnostics.error(name.span, "duplicate-name", f"there is a member '{name.text}' already",
                                    Note(seen[name.text].span, "the earlier declaration is here"))
            return
        seen[name.text] = name
        similar = folded.setdefault(name.text.lower(), name)
        if similar is not name:
            self._diagnostics.warning(name.span, "name-differs-in-case", f"'{name.text}' differs from '{similar.text}' "
                                      "only in case; other IDL tools take them for one name",
                                      Note(similar.span, "the earlier declaration is here"))

    def _default(self, setting: annotations.Setting | None, type_: Type) -> Value | None:
        if setting is None:
            return None
        plain = strip_alias(type_)
        if setting.value is None and not isinstance(plain, Enum):
            self._diagnostics.error(setting.value_span, "annotation-argument",
                                    f"'@default' takes a literal, not an expression{setting.hint}")
        elif isinstance(plain, (Scalar, String)):
            return self._evaluator(None).fit(setting.value, plain, setting.value_span, "default-type")
        elif isinstance(plain, Enum):
            self._diagnostics.error(setting.value_span, "default-type", "the default of an enum is its first enumerator, "
                                    "or the one marked @default_literal")
        elif not isinstance(plain, Broken):
            self._diagnostics.error(setting.span, "default-type", "'@default' is for scalars and strings; what this member "
                                    "is made of has its own defaults")
        return None

    def _enum(self, declaration: EnumDecl, entity: Entity, enumerator_entities: list[Entity]) -> None:
        settings = annotations.read(declaration.annotations, "enum", self._diagnostics)
        bits = 32
        if "bit_bound" in settings:
            bits = settings["bit_bound"].value.data
            if bits not in (8, 16, 32):
                self._diagnostics.error(settings["bit_bound"].value_span, "annotation-argument",
                                        "the bit bound of an enum is 8, 16 or 32")
                bits = 32
        enumerators: list[Enumerator] = []
        default: Enumerator | None = None
        by_number: dict[int, Enumerator] = {}
        number = 0
        for enumerator in declaration.enumerators:
            own = annotations.read(enumerator.annotations, "enumerator", self._diagnostics)
            span = enumerator.name.span
            if "value" in own:
                number, span = own["value"].value.data, own["value"].value_span
            if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
                self._diagnostics.error(span, "constant-overflow", f"the value {number} of '{enumerator.name.text}' does not "
                                        f"fit {bits} bits")
            resolved = Enumerator(enumerator.name.text, number, enumerator.doc, enumerator.name.span)
            if number in by_number:
                self._diagnostics.error(span, "duplicate-value", f"'{resolved.name}' has the value {number}, as has "
                                        f"'{by_number[number].name}'", Note(by_number[number].span, "which is here"))
            by_number.setdefault(number, resolved)
            enumerators.append(resolved)
            if "default_literal" in own:
                if default is not None:
                    self._diagnostics.error(own["default_literal"].span, "duplicate-annotation", "an enum has one default",
                                            Note(default.span, "the other one is here"))
                default = resolved
            number += 1
        default = default or (enumerators[0] if enumerators else None)
        enum = Enum(entity.qualified, bits, tuple(enumerators), default, declaration.doc, declaration.name.span)
        entity.result = enum
        for own_entity, resolved in zip(enumerator_entities, enumerators):
            own_entity.result = EnumValue(enum, resolved.name, resolved.number)
        self._items.append(enum)

    def _const(self, declaration: ConstDecl, entity: Entity) -> None:
        annotations.read(declaration.annotations, "const", self._diagnostics)
        type_ = self._type(declaration.type, entity)
        plain = strip_alias(type_)
        value = None
        if isinstance(plain, (Scalar, String, Enum)):
            evaluator = self._evaluator(entity)
            value = evaluator.value(declaration.value, plain)
            value = evaluator.fit(value, plain, declaration.value.span) if value is not None else None
        elif not isinstance(plain, Broken):
            self._diagnostics.error(declaration.type.span, "constant-type", "a constant is a scalar, a string or of an enum")
        constant = Constant(entity.qualified, type_, value, declaration.doc, declaration.name.span)
        entity.result = constant
        self._items.append(constant)

    def _typedef(self, declaration: TypedefDecl, entities: list[Entity]) -> None:
        annotations.read(declaration.annotations, "typedef", self._diagnostics)
        base = self._type(declaration.type, entities[0])
        for declarator, entity in zip(declaration.declarators, entities):
            target = self._with_extents(base, declarator, entities[0])
            depth = 1 + self._depth(target)
            if depth > _MAX_TYPEDEF_NESTING:
                self._diagnostics.error(declarator.name.span, "nesting-too-deep",
                                        f"typedefs are nested more than {_MAX_TYPEDEF_NESTING} levels deep")
                entity.result = BROKEN
                continue
            alias = Alias(entity.qualified, target, declaration.doc, declarator.name.span)
            self._alias_depth[alias] = depth
            entity.result = alias
            self._items.append(alias)

    def _depth(self, type_: Type) -> int:
        while isinstance(type_, (Array, Sequence)):
            type_ = type_.element
        return self._alias_depth.get(type_, 0) if isinstance(type_, Alias) else 0

    # --- Types -------------------------------------------------------------------------------------------------------

    def _type(self, type_: TypeExpr, user: Entity) -> Type:
        if isinstance(type_, ScalarType):
            return SCALARS[type_.name]
        if isinstance(type_, StringType):
            if type_.bound is None:
                return String(None)
            bound = self._count(type_.bound, user, "the bound of a string", _MAX_STRING_BOUND)
            return BROKEN if bound is None else String(bound)
        if isinstance(type_, SequenceType):
            element = self._type(type_.element, user)
            bound = self._count(type_.bound, user, "the bound of a sequence", _MAX_COUNT) if type_.bound else None
            broken = isinstance(strip_alias(element), Broken) or (bound is None and type_.bound is not None)
            return BROKEN if broken else Sequence(element, bound)
        if not isinstance(type_, NamedType):
            return BROKEN
        entity = self._names.lookup(type_.name, user, "type")
        if entity is None or entity.kind == "broken":
            return BROKEN
        if entity.kind not in ("struct", "enum", "typedef"):
            self._diagnostics.error(type_.span, "not-a-type", f"'{type_.name}' is {entity.what}, not a type",
                                    Note(entity.name.span, "it is declared here"))
            return BROKEN
        return entity.result or BROKEN

    def _with_extents(self, type_: Type, declarator: Declarator, user: Entity) -> Type:
        if not declarator.extents:
            return type_
        extents = [self._count(extent, user, "the extent of an array", _MAX_COUNT) for extent in declarator.extents]
        if None in extents or isinstance(strip_alias(type_), Broken):
            return BROKEN
        return Array(type_, tuple(extents))

    def _count(self, expr: Expr, user: Entity, what: str, most: int) -> int | None:
        value = self._evaluator(user).value(expr)
        if value is None:
            return None
        if value.kind != "int":
            self._diagnostics.error(expr.span, "constant-type", f"{what} has to be an integer")
            return None
        if not 1 <= value.data <= most:
            self._diagnostics.error(expr.span, "bound-out-of-range", f"{what} is from 1 to {most}, not {value.data}")
            return None
        return value.data

    # --- Values ------------------------------------------------------------------------------------------------------

    def _evaluator(self, user: Entity | None) -> Evaluator:
        return Evaluator(lambda expr: self._constant(expr, user), self._diagnostics)

    def _constant(self, expr: NameExpr, user: Entity) -> Value | None:
        entity = self._names.lookup(expr.name, user, "constant")
        if entity is None or entity.kind == "broken":
            return None
        if isinstance(entity.result, EnumValue):
            return Value("enum", entity.result)
        if isinstance(entity.result, Constant):
            return entity.result.value
        if entity.kind not in ("const", "enumerator"):
            self._diagnostics.error(expr.span, "not-a-constant", f"'{expr.name}' is {entity.what}, not a constant",
                                    Note(entity.name.span, "it is declared here"))
        return None


