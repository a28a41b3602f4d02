"""Writes types as IDL for other tools: one text without includes, with every expression a number, and without what
Foxglove's omgidl-parser does not read. `batongen --idl sensors::Imu`. What it writes passes --portable.

Members are what they are in memory, with these exceptions: inherited members are members; a bitmask, and an enum that is
narrow or has values below 0, is the integer that it is stored in, and so is the tag of a union if it is a char, or an enum of
another module; a sequence or array that is itself an element is the only member, `value`, of a struct of its own. A name that
either tool takes for a word of IDL, or for another name, gets a '_' behind it. Hints that one of them does not read are left
out. A label of more than 32 bits has no other form: idlc fails there.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from .annotations import WITH_ARGUMENTS
from .canonical import Descriptions
from .cli import Run
from .layout import Extents
from .model import (SCALARS, Array, Bitmask, Enum, Member, Model, NamedPart, Optional, QualifiedName, Scalar, Sequence, String,
                    Struct, Type, Union, Value, all_members, flatten, is_fixed, named_part,
                    strip_alias)
from .portable_names import FOX_WORDS, IDLC_WORDS
from .portable_types import LEAST_IN_ANNOTATION
from .wanted import NoSuchType, find_type

_INDENT = "  "
_FIRST_WORD = re.compile(r"(?<![\w:])[A-Za-z_]\w*")  # of each scoped name


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


@dataclass(frozen=True)
class _Member:
    """As it is written, but for its name; `labels` stand before it in a union."""

    member: Member
    hints: str
    labels: str
    type: str
    suffix: str

    @property
    def uses(self) -> str:
        """The text with the names that it needs."""
        return f"{self.labels} {self.type}"

    def text(self, names: _MemberNames) -> str:
        return f"{self.hints}{self.type} {names.add(self.member.name)}{self.suffix};"


class _Writer:
    def __init__(self) -> None:
        self._wrappers: list[str] = []  # structs that the declaration under way needs before it
        self._scopes: dict[QualifiedName, _Names] = {(): _Names()}     # of the modules, as they are written
        self._modules: dict[QualifiedName, QualifiedName] = {(): ()}  # as they are written
        self._names: dict[NamedPart, QualifiedName] = {}              # the same
        self._enumerators: dict[Enum, dict[str, str]] = {}            # the same

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
        for type_ in types:
            module = self._module(type_.name[:-1])
            self._names[type_] = (*module, self._scopes[module].add(type_.name[-1]))
            if isinstance(type_, Enum) and not _is_integer(type_):
                self._enumerators[type_] = {e.name: self._scopes[module].add(e.name) for e in type_.enumerators}

    def _module(self, name: QualifiedName) -> QualifiedName:
        if name not in self._modules:
            outer = self._module(name[:-1])
            self._modules[name] = (*outer, self._scopes[outer].add(name[-1]))
            self._scopes[self._modules[name]] = _Names(self._modules[name][-1])
        return self._modules[name]

    # --- Declarations ------------------------------------------------------------------------------------------------

    def _declaration(self, type_: NamedPart) -> list[str]:
        name = self._names[type_][-1]
        if isinstance(type_, Bitmask):
            return [f"typedef uint{type_.bits} {name};"]
        if isinstance(type_, Enum) and _is_integer(type_):
            return [f"typedef int{type_.bits} {name};"]
        if isinstance(type_, Enum):
            appendable = "@appendable " if type_.appendable else ""
            return [f"{appendable}enum {name} {{", *_joined([_INDENT + line for line in self._enum_lines(type_)]), "};"]
        if isinstance(type_, Union):
            return self._union(type_, name)
        topic = f"@topic(name=\"{type_.topic}\") " if type_.topic else ""
        final = "@appendable" if type_.appendable else "@final"
        members = [self._member(member, type_) for member in all_members(type_)]
        names = _MemberNames(name, members)
        lines = [_INDENT + member.text(names) for member in members]
        return [f"{topic}{_baton(type_)}{final} struct {name} {{", *lines, "};"]

    def _union(self, union: Union, name: str) -> list[str]:
        tag = strip_alias(union.tag)
        integer = _tag_integer(tag, union.name[:-1])
        labels = [[f"case {self._label(label, bool(integer))}:" for label in case.labels] for case in union.cases]
        members = [self._member(case.member, union, " ".join(own)) for case, own in zip(union.cases, labels)]
        names = _MemberNames(name, members)
        lines = [f"@final union {name} switch ({integer or self._type(tag, union, '')}) {{"]
        for case, own, member in zip(union.cases, labels, members):
            lines += [_INDENT + label for label in own]
            lines += [f"{_INDENT}default:"] if case.is_default else []
            lines.append(_INDENT * 2 + member.text(names))
        return [*lines, "};"]

    def _enum_lines(self, enum: Enum) -> list[str]:
        """A value is written where it is not the next one."""
        lines, following = [], 0
        for enumerator in enum.enumerators:
            value = "" if enumerator.number == following else f"@value({enumerator.number}) "
            default = "@default_literal " if enumerator is enum.default and enumerator is not enum.enumerators[0] else ""
            lines.append(f"{default}{value}{self._enumerators[enum][enumerator.name]}")
            following = enumerator.number + 1
        return lines

    def _label(self, label: Value, as_number: bool) -> str:
        if label.kind == "enum":
            return str(label.data.number) if as_number else self._enumerators[label.data.enum][label.data.name]
        return str(label.data) if as_number else _literal(label)

    def _member(self, member: Member, owner: Struct | Union, labels: str = "") -> _Member:
        type_ = strip_alias(member.type)
        annotations = []
        if member.key:
            annotations.append("@key")
        if isinstance(type_, Optional):
            annotations.append("@optional")
            type_ = strip_alias(type_.element)
        if member.id is not None:
            annotations.append(f"@id({member.id})")
        if member.default is not None:
            annotations += _hint("default", member.default)
        if member.range is not None and not isinstance(flatten(type_)[0], Sequence):
            for end, value in (("min", member.range.low), ("max", member.range.high)):
                annotations += _hint(end, value) if value is not None else []
        if member.unit:
            annotations += _hint("unit", Value("string", member.unit.encode()))
        element, extents = flatten(type_)
        suffix = "".join(f"[{extent}]" for extent in extents)
        spelt = self._type(element, owner, member.name, wrap=bool(extents) and isinstance(element, Sequence))
        return _Member(member, "".join(f"{annotation} " for annotation in annotations), labels, spelt, suffix)

    # --- Types -------------------------------------------------------------------------------------------------------

    def _type(self, type_: Type, owner: Struct | Union, member: str, wrap: bool = False) -> str:
        """`wrap`: a sequence or array is needed where both tools want a name."""
        type_ = strip_alias(type_)
        if wrap:
            element, extents = flatten(type_)
            inner = self._type(element, owner, member, wrap=bool(extents) and isinstance(element, Sequence))
            module = self._names[owner][:-1]
            name = self._scopes[module].add(f"{owner.name[-1]}_{member}_{len(self._wrappers) + 1}")  # those inside came before
            suffix = "".join(f"[{extent}]" for extent in extents)
            layout = "" if is_fixed(type_) else '@baton(layout="table") '
            self._wrappers.append(f"{layout}@nested @final struct {name} {{ {inner} {_Names(name).add('value')}{suffix}; }};")
            return "::".join((*module, name))
        if isinstance(type_, Scalar):
            return type_.name
        if isinstance(type_, String):
            return "string" if type_.bound is None else f"string<{type_.bound}>"
        if isinstance(type_, Sequence):
            element = strip_alias(type_.element)
            inner = self._type(element, owner, member, wrap=isinstance(element, (Sequence, Array)))
            end = " >" if inner.endswith(">") else ">"  # idlc takes '>>' for an operator
            return f"sequence<{inner}{end}" if type_.bound is None else f"sequence<{inner}, {type_.bound}>"
        assert isinstance(type_, NamedPart)
        return "::".join(self._names[type_])


def _baton(struct: Struct) -> str:
    said = [f'layout="{struct.layout}"'] if struct.layout != "fixed" else []
    said += [f"max_size={struct.max_size}"] if struct.max_size else []
    hints = struct.hints
    said += [f"{key}={value}" for key, value in (("depth", hints.depth), ("history", hints.history)) if value is not None]
    said += [f'overflow="{hints.overflow}"'] if hints.overflow is not None else []
    return f"@baton({', '.join(said)}) " if said else ""


def _joined(lines: list[str]) -> list[str]:
    return [line + "," for line in lines[:-1]] + lines[-1:]


class _Names:
    """The names of one scope, in which idlc does not tell `x` from `X`, nor from the name of the scope itself. It takes an
    annotation for what else is called so."""

    def __init__(self, owner: str = "") -> None:
        self._taken = {owner.lower()}

    def add(self, word: str) -> str:
        name = word.lstrip("_") or "x"
        if name.lower() in IDLC_WORDS or name in FOX_WORDS or self._is_annotation(name):
            name += "_"
        while name.lower() in self._taken:
            name += "_"
        self._taken.add(name.lower())
        return name

    def _is_annotation(self, name: str) -> bool:
        return name in WITH_ARGUMENTS


class _MemberNames(_Names):
    """Of a struct or union; `members` as they will be written, in their order. A member that is called like the first word of
    what a later one needs is taken for that by idlc, unless a struct or union of that word was used before; by omgidl-parser, if
    the word is all of the name."""

    def __init__(self, owner: str, members: list[_Member]) -> None:
        super().__init__(owner)
        self._whole = {word for member in members for word in re.findall(r"[\w:]+", member.uses)}
        self._known: set[str] = set()
        self._left = list(members)

    def add(self, word: str) -> str:
        member = self._left.pop(0)
        if isinstance(named_part(member.member.type), (Struct, Union)):
            self._known |= _first_words(member.type)
        later = {first for other in self._left for first in _first_words(other.uses)}
        hiding = word.lower() in later - self._known or word in self._whole
        return super().add(word + "_" if hiding else word)

    def _is_annotation(self, name: str) -> bool:
        return any(re.search(rf"@{name}\b", other.hints) for other in self._left)


def _first_words(text: str) -> set[str]:
    """Of all scoped names in it."""
    return {word.lower() for word in _FIRST_WORD.findall(text)}


def _is_integer(enum: Enum) -> bool:
    return enum.bits != 32 or any(enumerator.number < 0 for enumerator in enum.enumerators)


def _tag_integer(tag: Type, module: QualifiedName) -> str:
    """What a tag is written as where no label could be written otherwise: there is no name for an enumerator of another module
    that both tools find."""
    if isinstance(tag, Enum) and (tag.name[:-1] != module or _is_integer(tag)):
        return f"int{tag.bits}"
    return "octet" if tag is SCALARS["char"] else ""


def _hint(name: str, value: Value) -> list[str]:
    """An annotation with this value, if both tools read it."""
    if value.kind == "char" or value.kind == "int" and value.data < LEAST_IN_ANNOTATION:
        return []
    if value.kind == "string" and not _is_plain(value.data):
        return []
    return [f"@{name}({_literal(value)})"]


def _is_plain(data: bytes) -> bool:
    """Whether the text can stand in a literal as it is: no escape means the same to both tools."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable() and '"' not in text and "\\" not in text


def _literal(value: Value) -> str:
    if value.kind == "bool":
        return "TRUE" if value.data else "FALSE"
    return f'"{value.data.decode()}"' if value.kind == "string" else repr(value.data)
