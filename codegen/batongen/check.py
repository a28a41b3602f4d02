"""Checks what can be told only of resolved and laid-out types: bounds, sizes, names in C++."""

from __future__ import annotations

from . import cpp
from .cli import Run
from .diagnostics import Note
from .layout import Extents
from .model import Array, Enum, Model, Sequence, String, Struct, Type, scoped, strip_alias, type_text
from .source import Span

MAX_TYPE_BYTES = 64 * 1024 * 1024
MAX_TYPE_NESTING = 64


def check(model: Model, extents: Extents, run: Run) -> None:
    _check_cpp_names(model, run)
    _check_topics(model, run)
    depths: dict[Struct, int] = {}
    for struct in model.structs():
        if not run.check_only:  # what has no size yet can be checked, but not be written
            _check_bounds(struct, run)
        _check_size(struct, extents, run)
        depths[struct] = 1 + max((_depth(member.type, depths) for member in struct.members), default=0)
        if depths[struct] == MAX_TYPE_NESTING + 1:
            run.diagnostics.error(struct.span, "nesting-too-deep", f"structs are nested more than {MAX_TYPE_NESTING} "
                                  f"levels deep in {scoped(struct.name)}")


def _check_cpp_names(model: Model, run: Run) -> None:
    """`class` is called `class_` in C++, and there may be a `class_` already."""
    scopes: dict[tuple[str, ...], dict[str, tuple[str, Span]]] = {}

    def add(scope: tuple[str, ...], name: str, identifier: str, span: Span) -> None:
        earlier = scopes.setdefault(scope, {}).setdefault(identifier, (name, span))
        if earlier[0] != name:
            run.diagnostics.error(span, "cpp-name-collision", f"'{name}' and '{earlier[0]}' are both called "
                                  f"'{identifier}' in C++", Note(earlier[1], "the earlier declaration is here"))

    for file in model.files:
        for item in file.items:
            for depth in range(1, len(item.name) + 1):
                add(item.name[:depth - 1], item.name[depth - 1], cpp.identifier(item.name[depth - 1]), item.span)
            if isinstance(item, Struct):
                for member in item.members:
                    add((*item.name, "{}"), member.name, cpp.member_identifier(item, member.name), member.span)
            if isinstance(item, Enum):
                for enumerator in item.enumerators:
                    add((*item.name, "{}"), enumerator.name, cpp.identifier(enumerator.name), enumerator.span)


def _check_topics(model: Model, run: Run) -> None:
    seen: dict[str, Struct] = {}
    for struct in model.structs():
        earlier = seen.setdefault(struct.topic, struct)
        if struct.topic and earlier is not struct:
            run.diagnostics.warning(struct.span, "duplicate-topic", f"'{scoped(struct.name)}' has the topic "
                                    f"'{struct.topic}' of '{scoped(earlier.name)}'; a topic carries one type",
                                    Note(earlier.span, "the earlier one is here"))


def _check_bounds(struct: Struct, run: Run) -> None:
    for member in struct.members:
        unbounded = _unbounded(member.type)
        if unbounded is not None:
            remedy = "string<N>" if isinstance(unbounded, String) else f"sequence<{type_text(unbounded.element)}, N>"
            run.diagnostics.error(member.span, "unbounded-member", f"member {scoped(struct.name)}.{member.name} is "
                                  f"unbounded: give it a bound, {remedy}")


def _unbounded(type_: Type) -> String | Sequence | None:
    """The string or sequence without a bound in a type, outermost first; members of structs have their own turn."""
    type_ = strip_alias(type_)
    if isinstance(type_, (String, Sequence)) and type_.bound is None:
        return type_
    if isinstance(type_, (Array, Sequence)):
        return _unbounded(type_.element)
    return None


def _check_size(struct: Struct, extents: Extents, run: Run) -> None:
    size = extents.of(struct).size
    if size > MAX_TYPE_BYTES and all(extents.of(m.type).size <= MAX_TYPE_BYTES or not _is_struct(m.type)
                                     for m in struct.members):
        largest = max(struct.members, key=lambda member: extents.of(member.type).size)
        run.diagnostics.error(struct.span, "type-too-large", f"{scoped(struct.name)} has {size} bytes, more than "
                              f"{MAX_TYPE_BYTES} (64 MiB); its largest member is '{largest.name}' with "
                              f"{extents.of(largest.type).size}")


def _is_struct(type_: Type) -> bool:
    return isinstance(strip_alias(type_), Struct)


def _depth(type_: Type, depths: dict[Struct, int]) -> int:
    type_ = strip_alias(type_)
    while isinstance(type_, (Array, Sequence)):
        type_ = strip_alias(type_.element)
    return depths.get(type_, 0) if isinstance(type_, Struct) else 0
