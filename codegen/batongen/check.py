"""Checks what can be told only of resolved and laid-out types: bounds, sizes, names in C++."""

from __future__ import annotations

from . import cpp, fbs
from .canonical import Descriptions
from .cli import Run
from .diagnostics import Note
from .layout import Extents
from .model import (Array, Bitmask, Constant, Enum, FileModel, Member, Model, NamedPart, Optional, QualifiedName, Scalar, Sequence,
                    String, Struct, Type, Union, direct_parts, is_fixed, named_part, scoped, strip_alias, type_text)
from .source import Span

MAX_TYPE_BYTES = 64 * 1024 * 1024
MAX_TYPE_NESTING = 64
MAX_DESCRIPTION_LINES = 500_000


def check(model: Model, extents: Extents, run: Run) -> None:
    _check_cpp_names(model, run)
    _check_topics(model, run)
    depths: dict[Struct | Union, int] = {}
    for type_ in model.composites():
        if isinstance(type_, Struct) and type_.is_table:
            _check_table(type_, extents, run)
        else:
            if not run.check_only:  # what has no size yet can be checked, but not be written
                _check_bounds(type_, run)
            if isinstance(type_, Struct) and type_.tail is not None:
                _check_tail(type_, run)
            _check_size(type_, extents, run)
        depths[type_] = 1 + max((_depth(member.type, depths) for member in type_.members), default=0)
        if depths[type_] == MAX_TYPE_NESTING + 1:
            run.diagnostics.error(type_.span, "nesting-too-deep", f"structs and unions are nested more than "
                                  f"{MAX_TYPE_NESTING} levels deep in {scoped(type_.name)}")
    _check_table_names(model, run)
    _check_table_members(model, run)
    _check_descriptions(model, extents, run)


def _check_descriptions(model: Model, extents: Extents, run: Run) -> None:
    """Every header carries the whole description of each of its types: what they repeat must stay within reason."""
    if run.diagnostics.error_count:
        return
    descriptions = Descriptions(extents)
    lines = 0
    for file in model.files:
        for item in file.items:
            if isinstance(item, NamedPart):
                lines += sum(len(block) for block in descriptions.blocks(item))
            if lines > MAX_DESCRIPTION_LINES:
                run.diagnostics.error(item.span, "descriptions-too-long", f"up to {scoped(item.name)}, the types of this run "
                                      f"take more than {MAX_DESCRIPTION_LINES} lines to describe, because each repeats what "
                                      "it is made of; run batongen for fewer files at a time")
                return


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
            if isinstance(item, Struct) and item.is_table:
                own = cpp.identifier(item.name[-1])
                for name in (f"Create{own}", f"Create{own}Direct", f"{own}Builder"):
                    add(item.name[:-1], f"what builds {item.name[-1]}", name, item.span)
                for part in fbs.parts(item):
                    for name in (part.name, *((f"Create{part.name}", f"Create{part.name}Direct", f"{part.name}Builder")
                                              if part.is_table else ())):
                        add(item.name[:-1], f"a part of {item.name[-1]}", name, item.span)
                for member in item.members:
                    name = cpp.member_identifier(item, member.name)
                    add((*item.name, "{}"), member.name, f"VT_{name.upper()}", member.span)
                    if not isinstance(strip_alias(member.type), (Scalar, Enum, Bitmask)):
                        add((*item.name, "{}"), f"a variable for {member.name}", f"{name}__", member.span)
            if isinstance(item, Union):
                own = cpp.identifier(item.name[-1])
                if own in cpp.UNION_NAMES or own in (f"set_{cpp.case_identifier(item, m.name)}" for m in item.members):
                    run.diagnostics.error(item.span, "cpp-name-collision", f"'{item.name[-1]}' cannot be the name of a union: "
                                          f"its class in C++ has a member '{own}'")
                for member in item.members:
                    name = cpp.case_identifier(item, member.name)
                    add((*item.name, "{}"), member.name, name, member.span)
                    add((*item.name, "{}"), f"the setter of {member.name}", f"set_{name}", member.span)
            if isinstance(item, (Enum, Bitmask)):
                for each in item.enumerators if isinstance(item, Enum) else item.flags:
                    add((*item.name, "{}"), each.name, cpp.identifier(each.name), each.span)
            if isinstance(item, Bitmask):
                add(item.name[:-1], f"has() of {item.name[-1]}" if item.name[-1] == "has" else "has()", "has", item.span)


def _check_topics(model: Model, run: Run) -> None:
    seen: dict[str, Struct] = {}
    for struct in model.structs():
        earlier = seen.setdefault(struct.topic, struct)
        if struct.topic and earlier is not struct:
            run.diagnostics.warning(struct.span, "duplicate-topic", f"'{scoped(struct.name)}' has the topic "
                                    f"'{struct.topic}' of '{scoped(earlier.name)}'; a topic carries one type",
                                    Note(earlier.span, "the earlier one is here"))


def _check_bounds(struct: Struct | Union, run: Run) -> None:
    if isinstance(struct, Struct) and struct.appendable:
        run.diagnostics.error(struct.span, "extensibility", f"{scoped(struct.name)} is @appendable, and its layout is "
                              f"{struct.layout}, with a size that is settled; give it the layout table, "
                              '@baton(layout="table"), or make it @final')
    for member in struct.members:
        part = named_part(member.type)
        if isinstance(part, Struct) and part.tail is not None:
            _report_raw_part(member, part, run)
        if isinstance(part, Struct) and part.is_table:
            _report_table_part(struct, member, part, run)
        unbounded = _unbounded(member.type)
        if unbounded is not None:
            remedy = "string<N>" if isinstance(unbounded, String) else f"sequence<{type_text(unbounded.element)}, N>"
            if member is struct.members[-1] and strip_alias(member.type) is unbounded and isinstance(unbounded, Sequence):
                remedy += ", or the struct the layout raw, @baton(layout=\"raw\")"
            if isinstance(struct, Struct) and struct.layout == "fixed":
                remedy += ", or the struct the layout table, @baton(layout=\"table\")"
            run.diagnostics.error(member.span, "unbounded-member", f"member {scoped(struct.name)}.{member.name} is "
                                  f"unbounded: give it a bound, {remedy}")


def _check_tail(struct: Struct, run: Run) -> None:
    """The elements of a raw struct are of one size each."""
    tail = struct.tail
    element = strip_alias(tail.type).element if isinstance(strip_alias(tail.type), Sequence) else None
    if element is None:
        return  # a broken type
    if tail.key or tail.range is not None:
        run.diagnostics.error(tail.span, "raw-layout", f"the elements of {scoped(struct.name)}.{tail.name} are not looked at: "
                              "remove its annotations")
    part = named_part(element)
    if isinstance(part, Struct) and part.tail is not None:
        _report_raw_part(tail, part, run)
    elif isinstance(part, Struct) and part.is_table:
        _report_table_part(struct, tail, part, run)
    elif _unbounded(element) is not None:
        run.diagnostics.error(tail.span, "raw-layout", f"the elements of {scoped(struct.name)}.{tail.name} have sizes of their "
                              f"own; give '{type_text(element)}' a bound")


def _report_raw_part(member: Member, part: Struct, run: Run) -> None:
    run.diagnostics.error(member.span, "raw-layout", f"{scoped(part.name)} has the layout raw: it is a message of its own, and "
                          f"cannot be a part of '{member.name}'", Note(part.span, "it is declared here"))


def _report_table_part(struct: Struct | Union, member: Member, part: Struct, run: Run) -> None:
    remedy = "use a table with @optional members instead" if isinstance(struct, Union) else (
        f"give {scoped(struct.name)} the layout table too")
    run.diagnostics.error(member.span, "table-layout", f"{scoped(part.name)} has the layout table, which only a table can have "
                          f"as a part; {remedy}", Note(part.span, "it is declared here"))


def _check_table(table: Struct, extents: Extents, run: Run) -> None:
    inline = 4  # where FlatBuffers says how the table is laid out
    for member in table.members:
        type_ = strip_alias(member.type)
        part = named_part(type_)
        if isinstance(part, Struct) and part.tail is not None:
            _report_raw_part(member, part, run)
        if member.default is not None and member.default.kind == "string":
            run.diagnostics.error(member.span, "default-type", f"'{member.name}' cannot have a default: strings in a table have "
                                  "none in FlatBuffers; one that is not written is absent")
        size = fbs.inline_size(type_, extents)
        inline += size + min(size, 8)  # with the most padding before it
    if inline > fbs.MAX_INLINE_BYTES:
        largest = max(table.members, key=lambda member: fbs.inline_size(member.type, extents))
        run.diagnostics.error(largest.span, "table-too-large", f"the parts of {scoped(table.name)} that have a fixed size take "
                              f"{inline} bytes, more than the {fbs.MAX_INLINE_BYTES} of a table; the largest is "
                              f"'{largest.name}' with {fbs.inline_size(largest.type, extents)}: make it a sequence")
    for member in table.members:
        element, inside = strip_alias(member.type), False
        while isinstance(element, (Sequence, Optional)) or isinstance(element, Array) and not is_fixed(element):
            inside |= not isinstance(element, Optional)
            element = strip_alias(element.element)
        if inside and fbs.inline_size(element, extents) > fbs.MAX_INLINE_BYTES:
            run.diagnostics.error(member.span, "table-too-large", f"an element of {scoped(table.name)}.{member.name} has "
                                  f"{extents.of(element).size} bytes, more than the {fbs.MAX_INLINE_BYTES} of a struct in a "
                                  "table")


def _check_table_names(model: Model, run: Run) -> None:
    """FlatBuffers, and the C++ that flatc writes, look for a name from the innermost module outwards: they may find another one."""
    scopes = {item.name[:depth]: item for file in model.files for item in file.items if not isinstance(item, Constant)
              for depth in range(1, len(item.name) + 1)}

    def hidden(word: str, module: QualifiedName) -> QualifiedName | None:
        return next((module[:depth] + (word,) for depth in range(len(module), 0, -1) if module[:depth] + (word,) in scopes), None)

    seen: set[NamedPart] = set()

    def look(type_: NamedPart, at: Span) -> None:
        """At what a table is made of, the table itself included."""
        if type_ in seen:
            return
        seen.add(type_)
        for part in (type_, *direct_parts(type_)):
            other = hidden(part.name[0], type_.name[:-1])
            if len(part.name) == 1 and part.name[0] in fbs.WORDS:
                run.diagnostics.error(at, "table-layout", f"FlatBuffers takes '{part.name[0]}' for a type of its own; declare "
                                      "yours in a module", Note(part.span, "it is declared here"))
            elif other is not None and other != part.name:
                run.diagnostics.error(at, "table-layout", f"FlatBuffers looks for {scoped(part.name)} in {scoped(other)}; rename "
                                      "one of them", Note(scopes[other].span, "this is declared in it, or is it"))
                return
            elif part is not type_:
                look(part, at)

    for struct in model.structs():
        if not struct.is_table:
            continue
        if struct.name[-1] in ("Builder", "Table"):
            run.diagnostics.error(struct.span, "reserved-name", f"no table can be called '{struct.name[-1]}': flatc has other uses for "
                                  "that name")
        elif any(module + ("flatbuffers",) in scopes for module in ((), *(struct.name[:d] for d in range(1, len(struct.name))))):
            run.diagnostics.error(struct.span, "reserved-name", "beside tables nothing can be called 'flatbuffers': what flatc writes "
                                  "needs that name")
        look(struct, struct.span)


def _check_table_members(model: Model, run: Run) -> None:
    """In C++ nothing is wrong with them."""
    files = {file.source: file for file in model.files}
    structs: dict[FileModel, dict[QualifiedName, Struct | Union]] = {}  # that FlatBuffers sees
    for file in model.files:  # included ones come first
        seen = structs[file] = {}
        for source in file.includes:
            seen.update(structs.get(files.get(source), {}))
        seen.update(fbs.struct_names(file))
        for table in (item for item in file.items if isinstance(item, Struct) and item.is_table):
            for member in table.members:
                name = fbs.hidden_by(cpp.member_identifier(table, member.name), table.name[:-1], seen)
                if name is not None:
                    run.diagnostics.error(member.span, "table-layout", f"FlatBuffers lets no member of a table have the name of a "
                                          f"struct, table or union; rename '{member.name}'",
                                          Note(seen[name].span, "this one is called so"))


def _unbounded(type_: Type) -> String | Sequence | None:
    """The string or sequence without a bound in a type, outermost first; members of structs have their own turn."""
    type_ = strip_alias(type_)
    if isinstance(type_, (String, Sequence)) and type_.bound is None:
        return type_
    if isinstance(type_, (Array, Sequence, Optional)):
        return _unbounded(type_.element)
    return None


def _check_size(struct: Struct | Union, extents: Extents, run: Run) -> None:
    size = extents.of(struct).size
    if size > MAX_TYPE_BYTES and all(extents.of(m.type).size <= MAX_TYPE_BYTES or not _is_composite(m.type)
                                     for m in struct.members):
        largest = max(struct.members, key=lambda member: extents.of(member.type).size)
        run.diagnostics.error(struct.span, "type-too-large", f"{scoped(struct.name)} has {size} bytes, more than "
                              f"{MAX_TYPE_BYTES} (64 MiB); its largest member is '{largest.name}' with "
                              f"{extents.of(largest.type).size}")


def _is_composite(type_: Type) -> bool:
    return isinstance(strip_alias(type_), (Struct, Union))


def _depth(type_: Type, depths: dict[Struct | Union, int]) -> int:
    type_ = strip_alias(type_)
    while isinstance(type_, (Array, Sequence, Optional)):
        type_ = strip_alias(type_.element)
    return depths.get(type_, 0) if isinstance(type_, (Struct, Union)) else 0
