"""`#pragma keylist Type a b.c`: how older IDL says what `@key` says at the members themselves."""

from __future__ import annotations

import dataclasses

from .diagnostics import Diagnostics, Note
from .names import Entity, Names
from .syntax import (Annotation, Declarator, File, Ident, Keylist, Member, NamedType, StructDecl, TypedefDecl, TypeExpr)

_LAST = 1 << 62  # in the order of declarations: a keylist may stand before its struct or behind it


class Keylists:
    """Knows which members are keys because a keylist says so."""

    def __init__(self, files: tuple[File, ...], names: Names, diagnostics: Diagnostics) -> None:
        self._names = names
        self._diagnostics = diagnostics
        self._keys: dict[int, dict[str, Ident]] = {}  # by the id() of a StructDecl, its members and where that is said
        for file in files:  # included files come first
            for keylist in file.keylists:
                self._read(keylist)

    def applied(self, struct: StructDecl) -> StructDecl:
        """The struct with a @key at each member that a keylist names."""
        keys = self._keys.get(id(struct))
        if not keys:
            return struct
        members: list[Member] = []
        for member in struct.members:
            if _is_key(member) or not any(declarator.name.text in keys for declarator in member.declarators):
                members.append(member)
                continue
            for declarator in member.declarators:  # of `long x, y;` one alone may be a key
                field = keys.get(declarator.name.text)
                annotation = (Annotation("key", (), field.span),) if field is not None else ()
                members.append(dataclasses.replace(member, annotations=(*member.annotations, *annotation),
                                                   declarators=(declarator,)))
        return dataclasses.replace(struct, members=tuple(members))

    def _read(self, keylist: Keylist) -> None:
        scope = self._names.root
        for module in keylist.modules:
            inner = scope.entities.get(module)
            if inner is None or inner.scope is None:
                return  # its braces do not match, which has been reported
            scope = inner.scope
        user = Entity("keylist", keylist.type.parts[-1], scope, _LAST)
        entity = self._names.lookup(keylist.type, user, "type")
        if entity is None or entity.kind == "broken":
            return
        struct = self._struct(NamedType(keylist.type, keylist.type.span), user)
        if struct is None:
            self._diagnostics.error(keylist.type.span, "not-a-type", f"'{keylist.type}' is {entity.what}, not a struct",
                                    Note(entity.name.span, "it is declared here"))
            return
        for path in keylist.fields:
            self._mark(struct, path, keylist)

    def _mark(self, struct: Entity, path: tuple[Ident, ...], keylist: Keylist) -> None:
        """`b.c` makes a key of `b`, of which `c` has to be the key. A path with an error makes none."""
        marks: list[tuple[Entity, Ident]] = []
        for index, field in enumerate(path):
            found = _member(struct.declaration, field.text)
            if found is None:
                names = (d.name.text for member in struct.declaration.members for d in member.declarators)
                self._diagnostics.error(field.span, "unknown-member", f"'{struct.name.text}' has no member '{field.text}'"
                                        f"{self._diagnostics.suggestion(field.text, names)}")
                return
            member, declarator = found
            if index == 0 or struct.source is keylist.source:
                marks.append((struct, field))
            elif field.text not in self._keys.get(id(struct.declaration), {}) and not _is_key(member):
                self._diagnostics.error(field.span, "foreign-key", f"'{field.text}' is no key of '{struct.name.text}', which "
                                        "another file declares; write @key there",
                                        Note(declarator.name.span, "the member is here"))
                return
            if index + 1 < len(path):
                inner = self._struct(member.type, struct) if not declarator.extents else None
                if inner is None:
                    self._diagnostics.error(path[index + 1].span, "unknown-member",
                                            f"'{field.text}' is not of a struct, so it has no members",
                                            Note(declarator.name.span, "it is declared here"))
                    return
                struct = inner
        for struct, field in marks:
            self._keys.setdefault(id(struct.declaration), {}).setdefault(field.text, field)

    def _struct(self, type_: TypeExpr, user: Entity) -> Entity | None:
        """The struct that a type is, through typedefs."""
        while isinstance(type_, NamedType):
            entity = self._names.lookup(type_.name, user, "type")
            if entity is None:
                return None
            if isinstance(entity.declaration, StructDecl) and entity.kind == "struct":
                return entity
            if not isinstance(entity.declaration, TypedefDecl) or entity.kind != "typedef":
                return None
            declarator = next(d for d in entity.declaration.declarators if d.name is entity.name)
            if declarator.extents:
                return None
            type_, user = entity.declaration.type, entity
        return None


def _is_key(member: Member) -> bool:
    return any(annotation.name == "key" for annotation in member.annotations)


def _member(struct: StructDecl, name: str) -> tuple[Member, Declarator] | None:
    for member in struct.members:
        for declarator in member.declarators:
            if declarator.name.text == name:
                return member, declarator
    return None
