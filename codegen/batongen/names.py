"""Scopes, and the lookup of names as OMG IDL does it: from the innermost scope outwards, among what is declared so far.

What is declared later, or in a file that is not included, is known here too, so that the error can say so.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Iterator

from . import habits
from .diagnostics import Diagnostics, Note
from .model import BROKEN, Constant, EnumValue, FlagsValue, Type
from .source import Source
from .syntax import (BadDecl, BitmaskDecl, ConstDecl, Declaration, EnumDecl, File, ForwardDecl, Ident, InterfaceDecl,
                     ModuleDecl, Name, NamedType, SequenceType, StructDecl, TypedefDecl, TypeExpr, UnionDecl)

_CYCLE_BUDGET = 100_000  # steps spent on looking for cycles in one run
_RESERVED = ("std", "baton")
_KINDS = {StructDecl: "struct", UnionDecl: "union", InterfaceDecl: "interface"}
_OUTER_NAMES = {"enumerator": "the enumerators of an enum", "flag": "the flags of a bitmask"}

TYPE_KINDS = ("struct", "union", "enum", "bitmask", "typedef")
_BUILTIN_TYPES = ("boolean", "char", "octet", "float", "double", "string", "sequence",
                  *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)))


@dataclass(eq=False, slots=True)
class Entity:
    """Something with a name; `order` counts them as they stand in the files. `result` is what it was resolved to: a type,
    a constant or an enumerator's value."""

    kind: str  # module, struct, union, enum, bitmask, interface, typedef, const, enumerator, flag, or broken
    name: Ident
    parent: Scope
    order: int
    declaration: Declaration | None = None
    scope: Scope | None = None             # of a module
    enum: Entity | None = None             # of an enumerator or flag
    result: Type | Constant | EnumValue | FlagsValue | None = None

    @property
    def source(self) -> Source:
        return self.name.span.source

    @property
    def what(self) -> str:
        article = "an" if self.kind[0] in "aei" else "a"  # a union
        return f"{article} {'constant' if self.kind == 'const' else self.kind}"

    @property
    def qualified(self) -> tuple[str, ...]:
        return (*self.parent.path, self.name.text)


@dataclass(eq=False, slots=True)
class Scope:
    path: tuple[str, ...]
    parent: Scope | None
    entities: dict[str, Entity] = field(default_factory=dict)
    folded: dict[str, Entity] = field(default_factory=dict)
    forwards: dict[str, Entity] = field(default_factory=dict)  # the first forward declaration of each name

    def outwards(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


class Names:
    def __init__(self, files: tuple[File, ...], diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._cycle_budget = _CYCLE_BUDGET
        self.root = Scope((), None)
        self.of_declaration: dict[int, list[Entity]] = {}  # by id(): the entities that a declaration makes
        self._next_order = 0
        self._forwards: list[Entity] = []
        self._visible: dict[Source, set[Source]] = {}
        self._nameless: set[Source] = set()  # files that declare something whose name is missing, which was reported
        for file in files:  # included files come first
            visible = {file.source}
            for include in file.includes:
                visible |= self._visible.get(include.source, set())
            self._visible[file.source] = visible
            for declaration in file.declarations:
                self._collect(declaration, self.root)
        self._check_forwards()

    # --- Declaring ---------------------------------------------------------------------------------------------------

    def _collect(self, declaration: Declaration, scope: Scope) -> None:
        made: list[Entity] = []
        self.of_declaration[id(declaration)] = made
        if isinstance(declaration, ModuleDecl):
            module = self._module(declaration, scope)
            made.append(module)
            for inner in declaration.declarations:
                self._collect(inner, module.scope)
        elif isinstance(declaration, (StructDecl, UnionDecl, InterfaceDecl)):
            made.append(self._declare(_KINDS[type(declaration)], declaration.name, scope, declaration))
        elif isinstance(declaration, ForwardDecl):
            self._forward(declaration, scope)
        elif isinstance(declaration, EnumDecl):
            enum = self._declare("enum", declaration.name, scope, declaration)
            made.append(enum)
            for enumerator in declaration.enumerators:
                made.append(self._declare("enumerator", enumerator.name, scope, declaration))
                made[-1].enum = enum
        elif isinstance(declaration, BitmaskDecl):
            bitmask = self._declare("bitmask", declaration.name, scope, declaration)
            made.append(bitmask)
            for flag in declaration.flags:
                made.append(self._declare("flag", flag.name, scope, declaration))
                made[-1].enum = bitmask
        elif isinstance(declaration, ConstDecl):
            made.append(self._declare("const", declaration.name, scope, declaration))
        elif isinstance(declaration, TypedefDecl):
            made += [self._declare("typedef", d.name, scope, declaration) for d in declaration.declarators]
        elif isinstance(declaration, BadDecl) and declaration.name.text:
            made.append(self._declare("broken", declaration.name, scope, declaration))
        else:
            self._nameless.add(declaration.name.span.source)

    def _forward(self, declaration: ForwardDecl, scope: Scope) -> None:
        self._next_order += 1
        forward = Entity(declaration.kind, declaration.name, scope, self._next_order, declaration)
        earlier = scope.forwards.setdefault(declaration.name.text, forward)
        if earlier is forward:
            self._forwards.append(forward)
        elif earlier.kind != forward.kind:
            self._diagnostics.error(declaration.name.span, "duplicate-name", f"'{forward.name.text}' is declared already, as "
                                    f"{earlier.what}", Note(earlier.name.span, "the earlier declaration is here"))

    def _check_forwards(self) -> None:
        for forward in self._forwards:
            entity = forward.parent.entities.get(forward.name.text)
            if entity is None:
                self._diagnostics.error(forward.name.span, "incomplete-type", f"'{forward.name.text}' is announced here and "
                                        f"declared nowhere; write '{forward.kind} {forward.name.text} {{ ... }};'")
                forward.kind, forward.result = "broken", BROKEN
                forward.parent.entities[forward.name.text] = forward  # what uses it is not to blame
            elif entity.kind not in (forward.kind, "broken"):
                self._diagnostics.error(forward.name.span, "duplicate-name", f"'{forward.name.text}' is announced as "
                                        f"{forward.what}, and is {entity.what}",
                                        Note(entity.name.span, "it is declared here"))

    def _module(self, declaration: ModuleDecl, scope: Scope) -> Entity:
        existing = scope.entities.get(declaration.name.text)
        if existing is not None and existing.kind == "module":
            return existing
        module = self._declare("module", declaration.name, scope, declaration)
        module.scope = Scope((*scope.path, declaration.name.text), scope)
        return module

    def _declare(self, kind: str, name: Ident, scope: Scope, declaration: Declaration) -> Entity:
        self._next_order += 1
        entity = Entity(kind, name, scope, self._next_order, declaration)
        if kind == "broken":
            entity.result = BROKEN
        if name.text in _RESERVED and kind != "broken":
            self._diagnostics.error(name.span, "reserved-name", f"the name '{name.text}' belongs to "
                                    f"{'C++' if name.text == 'std' else 'the baton library'}; use another one")
        earlier = scope.entities.get(name.text)
        if earlier is not None:
            if "broken" not in (kind, earlier.kind):
                hint = f" ({_OUTER_NAMES[kind]} are names of the scope around it)" if kind in _OUTER_NAMES else ""
                self._diagnostics.error(name.span, "duplicate-name", f"'{name.text}' is declared already{hint}",
                                        Note(earlier.name.span, "the earlier declaration is here"))
            return entity
        scope.entities[name.text] = entity
        similar = scope.folded.setdefault(name.text.lower(), entity)
        if similar is not entity and "broken" not in (kind, similar.kind):
            self._diagnostics.warning(name.span, "name-differs-in-case",
                                      f"'{name.text}' differs from '{similar.name.text}' only in case; other IDL tools "
                                      "take them for one name", Note(similar.name.span, "the earlier declaration is here"))
        return entity

    # --- Looking up --------------------------------------------------------------------------------------------------

    def lookup(self, name: Name, user: Entity, want: str) -> Entity | None:
        """What `name` means inside `user`; `want` is type or constant. None after reporting why there is nothing."""
        entity, hidden, where = self._find(name, user)
        if entity is not None:
            return entity
        if hidden is not None:
            self._report_hidden(name, hidden, user)
            return None
        if not self._nameless.isdisjoint(self._visible[user.source]):
            return None
        last = name.parts[-1].text
        hint = ""
        if len(name.parts) == 1:
            hint = habits.type_hint(last) if want == "type" else habits.constant_hint(last)
        if not hint:
            kinds = TYPE_KINDS if want == "type" else ("const", "enumerator", "flag")
            scopes = [where] if where is not None else list(user.parent.outwards())
            builtin = _BUILTIN_TYPES if want == "type" and where is None else ()
            declared = (e.name.text for s in scopes for e in s.entities.values() if e.kind in kinds)
            hint = self._diagnostics.suggestion(last, itertools.chain(builtin, declared))
        inside = f" in the module '{'::'.join(where.path)}'" if where is not None and where.path else ""
        self._diagnostics.error(name.span, "unknown-name", f"there is no {want} '{name}'{inside}{hint}"
                                if not inside else f"there is no {want} '{last}'{inside}{hint}")
        return None

    def is_declared(self, name: Name, user: Entity) -> bool:
        """Whether there is such a name, even if it cannot be used here."""
        entity, hidden, _ = self._find(name, user)
        return entity is not None or hidden is not None

    def _find(self, name: Name, user: Entity) -> tuple[Entity | None, Entity | None, Scope | None]:
        """The entity; or else one that cannot be used here; or else the scope that it should be in."""
        hidden: Entity | None = None
        found: Entity | None = None
        first = name.parts[0].text
        for scope in (self.root,) if name.absolute else user.parent.outwards():
            candidate = scope.entities.get(first)
            if candidate is None:
                continue
            if candidate.kind == "module" or self._usable(candidate, user):
                found = candidate
                break
            hidden = hidden or candidate
        if found is None:
            return None, hidden, None
        for part in name.parts[1:]:
            if found.kind == "module":
                where = found.scope
                candidate = where.entities.get(part.text)
            elif found.kind in ("enum", "bitmask"):  # C++ spells enumerators so, and IDL tools accept it
                where = found.parent
                candidate = where.entities.get(part.text)
                candidate = candidate if candidate is not None and candidate.enum is found else None
            elif found.kind == "broken":
                return found, None, None
            else:
                return None, None, found.parent
            if candidate is None:
                return None, None, where
            if candidate.kind != "module" and not self._usable(candidate, user):
                return None, candidate, None
            found = candidate
        return found, None, None

    def _usable(self, entity: Entity, user: Entity) -> bool:
        return entity.order < user.order and entity.source in self._visible[user.source]

    def _report_hidden(self, name: Name, hidden: Entity, user: Entity) -> None:
        note = Note(hidden.name.span, "the declaration is here")
        if hidden.source not in self._visible[user.source]:
            self._diagnostics.error(name.span, "not-included", f"'{name}' is declared in '{hidden.source.relative}', which "
                                    f"is not included here; write #include \"{hidden.source.relative}\"", note)
            return
        path = self._cycle(user, hidden)
        if path is not None:
            chain = " -> ".join("::".join(entity.qualified) for entity in path)
            self._diagnostics.error(name.span, "recursive-type", f"'{user.name.text}' contains itself: {chain}; let it refer to "
                                    "others by a number, such as their index in a sequence")
            return
        forward = hidden.parent.forwards.get(hidden.name.text)
        if forward is not None and self._usable(forward, user):
            self._diagnostics.error(name.span, "incomplete-type", f"'{user.name.text}' needs the size of "
                                    f"'{hidden.name.text}', which is only announced so far: {'::'.join(user.qualified)} -> "
                                    f"{'::'.join(hidden.qualified)}; move its declaration up", note)
            return
        self._diagnostics.error(name.span, "used-before-declaration",
                                f"'{name}' is declared further down; move its declaration up", note)

    def _cycle(self, user: Entity, start: Entity) -> list[Entity] | None:
        """The way from `user` through `start` back to `user` along the types of members, if there is one."""
        if start is user:
            return [user, user]
        came_from: dict[Entity, Entity] = {start: user}
        open_ = [start]
        while open_ and self._cycle_budget > 0:
            entity = open_.pop()
            for used in self._names_used_by(entity):
                self._cycle_budget -= 1
                target, hidden, _ = self._find(used, entity)
                target = target or hidden
                if target is user:
                    path = [user, entity]
                    while path[-1] is not user:
                        path.append(came_from[path[-1]])
                    return path[::-1]
                if target is not None and target not in came_from:
                    came_from[target] = entity
                    open_.append(target)
        return None

    def _names_used_by(self, entity: Entity) -> Iterator[Name]:
        types: list[TypeExpr] = []
        if isinstance(entity.declaration, StructDecl):
            types = [member.type for member in entity.declaration.members]
            if entity.declaration.base is not None:
                yield entity.declaration.base
        elif isinstance(entity.declaration, UnionDecl):
            types = [case.member.type for case in entity.declaration.cases]
        elif isinstance(entity.declaration, TypedefDecl):
            types = [entity.declaration.type]
        for type_ in types:
            while isinstance(type_, SequenceType):
                type_ = type_.element
            if isinstance(type_, NamedType):
                yield type_.name


