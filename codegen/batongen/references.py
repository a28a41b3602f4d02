"""Resolves what declarations refer to: the types of members, the bounds of sequences, the names in expressions."""

from __future__ import annotations

from .diagnostics import Diagnostics, Note
from .evaluate import Evaluator
from .model import (BROKEN, SCALARS, Array, Broken, Constant, EnumValue, FlagsValue, Sequence, String, Type, Value,
                    strip_alias)
from .names import TYPE_KINDS, Entity, Names
from .syntax import Declarator, Expr, Name, NamedType, NameExpr, ScalarType, SequenceType, StringType, TypeExpr

_MAX_STRING_BOUND = 16 * 1024 * 1024
_MAX_COUNT = (1 << 32) - 1  # lengths are stored as uint32


class References:
    """`user` is the entity in whose declaration a reference stands: names are looked up from there."""

    def __init__(self, names: Names, diagnostics: Diagnostics) -> None:
        self._names = names
        self._diagnostics = diagnostics

    # --- Types -------------------------------------------------------------------------------------------------------

    def type(self, type_: TypeExpr, user: Entity) -> Type:
        if isinstance(type_, ScalarType):
            return SCALARS[type_.name]
        if isinstance(type_, StringType):
            if type_.bound is None:
                return String(None)
            bound = self.count(type_.bound, user, "the bound of a string", _MAX_STRING_BOUND)
            return BROKEN if bound is None else String(bound)
        if isinstance(type_, SequenceType):
            element = self.type(type_.element, user)
            bound = self.count(type_.bound, user, "the bound of a sequence", _MAX_COUNT) if type_.bound else None
            broken = isinstance(strip_alias(element), Broken) or (bound is None and type_.bound is not None)
            return BROKEN if broken else Sequence(element, bound)
        if not isinstance(type_, NamedType):
            return BROKEN
        return self.named_type(type_.name, user)

    def named_type(self, name: Name, user: Entity) -> Type:
        entity = self._names.lookup(name, user, "type")
        if entity is None or entity.kind == "broken":
            return BROKEN
        if entity.kind not in TYPE_KINDS:
            self._diagnostics.error(name.span, "not-a-type", f"'{name}' is {entity.what}, not a type",
                                    Note(entity.name.span, "it is declared here"))
            return BROKEN
        return entity.result or BROKEN

    def with_extents(self, type_: Type, declarator: Declarator, user: Entity) -> Type:
        if not declarator.extents:
            return type_
        extents = [self.count(extent, user, "the extent of an array", _MAX_COUNT) for extent in declarator.extents]
        if None in extents or isinstance(strip_alias(type_), Broken):
            return BROKEN
        return Array(type_, tuple(extents))

    def count(self, expr: Expr, user: Entity, what: str, most: int) -> int | None:
        value = self.evaluator(user).value(expr)
        if value is None:
            return None
        if value.kind != "int":
            self._diagnostics.error(expr.span, "constant-type", f"{what} has to be an integer")
            return None
        if not 1 <= value.data <= most:
            self._diagnostics.error(expr.span, "bound-out-of-range", f"{what} is from 1 to {most}, not {value.data}")
            return None
        return value.data

    def is_declared(self, name: Name, user: Entity) -> bool:
        return self._names.is_declared(name, user)

    # --- Values ------------------------------------------------------------------------------------------------------

    def evaluator(self, user: Entity | None) -> Evaluator:
        return Evaluator(lambda expr: self._constant(expr, user), self._diagnostics)

    def _constant(self, expr: NameExpr, user: Entity) -> Value | None:
        entity = self._names.lookup(expr.name, user, "constant")
        if entity is None or entity.kind == "broken":
            return None
        if isinstance(entity.result, EnumValue):
            return Value("enum", entity.result)
        if isinstance(entity.result, FlagsValue):
            return Value("flags", entity.result)
        if isinstance(entity.result, Constant):
            return entity.result.value
        if entity.kind not in ("const", "enumerator", "flag"):
            self._diagnostics.error(expr.span, "not-a-constant", f"'{expr.name}' is {entity.what}, not a constant",
                                    Note(entity.name.span, "it is declared here"))
        return None
