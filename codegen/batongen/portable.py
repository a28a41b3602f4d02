"""Writes types as IDL for other tools: one text without includes, with every expression a number, and without what
Foxglove's omgidl-parser does not read. `batongen --idl sensors::Imu`.

Members are what they are in memory, with these exceptions: inherited members are members; a bitmask, and an enum with values
below 0, is the integer that it is stored in, and so is the tag of a union if it is a char, or an enum of another module; a
sequence or array that is itself an element is the only member, `value`, of a struct of its own. A name that either tool takes for a word of IDL, or
for another name, gets a '_' behind it. Hints that one of them does not read are left out.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from .canonical import Descriptions
from .cli import Run
from .cursor import RESERVED_WORDS
from .layout import Extents
from .model import (SCALARS, Array, Bitmask, Enum, Member, Model, NamedPart, Optional, QualifiedName, Scalar, Sequence, String,
                    Struct, Type, Union, Value, all_members, flatten, strip_alias)
from .wanted import NoSuchType, find_type

_INDENT = "  "
_ENDS = (-(1 << 63), (1 << 64) - 1)  # of the integers: they bound nothing, and idlc overflows at the first one
_WORDS = frozenset(word.lower() for word in RESERVED_WORDS) - {"interface", "valuetype", "void"}  # of idlc, in any case


def write(model: Model, extents: Extents, run: Run) -> None:
    """Leaves the answer, or why there is none, in the run."""
    if run.idl is None or run.diagnostics.error_count:
        return
    try:
        roots = _find(run.idl, model)
    except NoSuchType as problem:
        run.problem = str(problem)
        return
    descriptions = Descriptions(extents)
    types = list(dict.fromkeys(part for root in roots for part in descriptions.dependencies(root)))
    run.answer = _Writer().text(types)


def _find(wanted: str, model: Model) -> list[NamedPart]:
    """All types of a file of the command line, or one type by its name."""
    for file in model.files:
        if file.requested and Path(file.source.display) == Path(wanted):
            return [item for item in file.items if isinstance(item, NamedPart)]
    if wanted.endswith(".idl"):
        raise NoSuchType(f"'{wanted}' is none of the files of this command line")
    return [find_type(wanted, model)]


class _Writer:
    def __init__(self) -> None:
        self._wrappers: list[str] = []  # structs that the declaration under way needs before it
        self._modules: dict[QualifiedName, QualifiedName] = {}  # as they are written
        self._names: dict[NamedPart, QualifiedName] = {}        # the same

    def text(self, types: list[NamedPart]) -> str:
        self._name_all(types)
        lines = ["// Written by batongen --idl."]
        for module, group in itertools.groupby(types, key=lambda type_: type_.name[:-1]):
            lines += [f"{_INDENT * depth}module {word} {{" for depth, word in enumerate(self._modules[module])]
            for type_ in group:
                own = self._declaration(type_)
                lines += [_INDENT * len(module) + line if line else "" for line in (*self._wrappers, *own)]
                self._wrappers.clear()
            lines += [f"{_INDENT * depth}}};" for depth in range(len(module) - 1, -1, -1)]
        return "".join(line + "\n" for line in lines)

    def _name_all(self, types: list[NamedPart]) -> None:
        """Types whose name is their module's, but for case, are called otherwise."""
        for type_ in types:
            module = tuple(_name(word) for word in type_.name[:-1])
            self._modules[type_.name[:-1]] = module
            names = _MemberNames(module[-1] if module else "")
            self._names[type_] = (*module, names.add(type_.name[-1]))

    # --- Declarations ------------------------------------------------------------------------------------------------

    def _declaration(self, type_: NamedPart) -> list[str]:
        name = self._names[type_][-1]
        if isinstance(type_, Bitmask):
            return [f"typedef uint{type_.bits} {name};"]
        if isinstance(type_, Enum) and _is_integer(type_):
            return [f"typedef int{type_.bits} {name};"]
        if isinstance(type_, Enum):
            bits = "" if type_.bits == 32 else f"@bit_bound({type_.bits}) "
            return [f"{bits}enum {name} {{", *_joined([_INDENT + line for line in _enumerators(type_)]), "};"]
        if isinstance(type_, Union):
            tag = strip_alias(type_.tag)
            spelt = _tag_integer(tag, type_.name[:-1]) or self._type(tag, type_.name, "")
            lines = [f"@final union {name} switch ({spelt}) {{"]
            names = _MemberNames(name)
            for case in type_.cases:
                lines += [f"{_INDENT}case {_label(label, bool(_tag_integer(tag, type_.name[:-1])))}:" for label in case.labels]
                lines += [f"{_INDENT}default:"] if case.is_default else []
                lines.append(f"{_INDENT * 2}{self._member(case.member, type_.name, names)}")
            return [*lines, "};"]
        topic = f"@topic(name=\"{type_.topic}\") " if type_.topic else ""
        size = f", max_size={type_.max_size}" if type_.max_size else ""
        layout = f"@baton(layout=\"raw\"{size}) " if type_.tail is not None else ""
        names = _MemberNames(name)
        members = [_INDENT + self._member(member, type_.name, names) for member in all_members(type_)]
        return [f"{topic}{layout}@final struct {name} {{", *members, "};"]

    def _member(self, member: Member, owner: QualifiedName, names: _MemberNames) -> str:
        type_ = strip_alias(member.type)
        annotations = []
        if member.key:
            annotations.append("@key")
        if isinstance(type_, Optional):
            annotations.append("@optional")
            type_ = strip_alias(type_.element)
        if member.id is not None:
            annotations.append(f"@id({member.id})")
        if member.default is not None and member.default.kind != "char":
            annotations.append(f"@default({_literal(member.default)})")
        if member.range is not None and not isinstance(flatten(type_)[0], Sequence):
            for end, value in (("min", member.range.low), ("max", member.range.high)):
                annotations += [f"@{end}({_literal(value)})"] if value is not None and value.data not in _ENDS else []
        if member.unit:
            annotations.append(f"@unit({_quoted(member.unit.encode())})")
        element, extents = flatten(type_)
        suffix = "".join(f"[{extent}]" for extent in extents)
        spelt = self._type(element, owner, member.name, wrap=bool(extents) and isinstance(element, Sequence))
        return " ".join([*annotations, spelt, names.add(member.name) + suffix + ";"])

    # --- Types -------------------------------------------------------------------------------------------------------

    def _type(self, type_: Type, owner: QualifiedName, member: str, wrap: bool = False) -> str:
        """`wrap`: a sequence or array is needed where both tools want a name."""
        type_ = strip_alias(type_)
        if wrap:
            element, extents = flatten(type_)
            inner = self._type(element, owner, member, wrap=bool(extents) and isinstance(element, Sequence))
            name = f"{owner[-1]}_{member}_{len(self._wrappers) + 1}"  # those inside have come before
            suffix = "".join(f"[{extent}]" for extent in extents)
            self._wrappers.append(f"@nested @final struct {name} {{ {inner} value{suffix}; }};")
            return name
        if isinstance(type_, Scalar):
            return type_.name
        if isinstance(type_, String):
            return "string" if type_.bound is None else f"string<{type_.bound}>"
        if isinstance(type_, Sequence):
            element = strip_alias(type_.element)
            inner = self._type(element, owner, member, wrap=isinstance(element, (Sequence, Array)))
            return f"sequence<{inner}>" if type_.bound is None else f"sequence<{inner}, {type_.bound}>"
        assert isinstance(type_, NamedPart)
        return "::".join(self._names[type_])


def _enumerators(enum: Enum) -> list[str]:
    """A value is written where it is not the next one."""
    lines, following = [], 0
    for enumerator in enum.enumerators:
        value = "" if enumerator.number == following else f"@value({enumerator.number}) "
        default = "@default_literal " if enumerator is enum.default and enumerator is not enum.enumerators[0] else ""
        lines.append(f"{default}{value}{_name(enumerator.name)}")
        following = enumerator.number + 1
    return lines


def _joined(lines: list[str]) -> list[str]:
    return [line + "," for line in lines[:-1]] + lines[-1:]


def _name(word: str) -> str:
    return f"{word}_" if word in RESERVED_WORDS or word.lower() in _WORDS else word


class _MemberNames:
    """The names of the members of one type. idlc does not tell `x` from `X`, nor from the type's own name."""

    def __init__(self, owner: str) -> None:
        self._taken = {owner.lower()}

    def add(self, word: str) -> str:
        name = _name(word)
        while name.lower() in self._taken:
            name += "_"
        self._taken.add(name.lower())
        return name


def _is_integer(enum: Enum) -> bool:
    return any(enumerator.number < 0 for enumerator in enum.enumerators)


def _tag_integer(tag: Type, module: QualifiedName) -> str:
    """What a tag is written as where no label could be written otherwise: there is no name for an enumerator of another module
    that both tools find."""
    if isinstance(tag, Enum) and (tag.name[:-1] != module or _is_integer(tag)):
        return f"int{tag.bits}"
    return "octet" if tag is SCALARS["char"] else ""


def _label(label: Value, as_number: bool) -> str:
    if label.kind == "enum":
        return str(label.data.number) if as_number else _name(label.data.name)
    return str(label.data) if as_number else _literal(label)


def _literal(value: Value) -> str:
    if value.kind == "bool":
        return "TRUE" if value.data else "FALSE"
    if value.kind == "string":
        return _quoted(value.data)
    if value.kind == "char":
        return "'" + _escaped(bytes([value.data]), "'") + "'"
    return repr(value.data)


def _quoted(data: bytes) -> str:
    return '"' + _escaped(data, '"') + '"'


def _escaped(data: bytes, quote: str) -> str:
    out = []
    for byte in data:
        char = chr(byte)
        out.append("\\" + char if char in (quote, "\\") else char if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
    return "".join(out)
