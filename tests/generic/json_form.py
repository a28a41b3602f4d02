"""Messages as `to_json` writes them (docs/generic.md), and what is said of them. Parsed JSON, in which the values of enums and
flags are names where they have one, and floats are floats."""

import math
import struct

from batongen.model import (Array, Bitmask, Enum, Member, Optional, Scalar, Sequence, String, Struct, Type, Union, all_members,
                            flatten, strip_alias)


def as_float(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def shown(type_: Type, number):
    """How a scalar's value is written: numbers of enums and characters and the bits of flags are numbers here."""
    if isinstance(type_, Enum):
        return next((each.name for each in type_.enumerators if each.number == number), number)
    if isinstance(type_, Bitmask):
        names = [flag.name for flag in type_.flags if number >> flag.position & 1]
        return names + ([number & ~type_.all] if number & ~type_.all else [])
    if type_.kind == "char":
        return chr(number) if 0x20 <= number < 0x7F else number
    if type_.kind == "float":
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity") if math.isinf(number) else number
    return number


def shown_text(data: bytes):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return list(data)


def is_scalar(type_: Type) -> bool:
    return isinstance(type_, (Scalar, Enum, Bitmask))


def limits(type_: Type) -> tuple[int, int]:
    """Of an integer, enum or bitmask."""
    if isinstance(type_, Enum):
        return -(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1
    return (0, (1 << type_.bits) - 1) if isinstance(type_, Bitmask) else (type_.low, type_.high)


def tags(union: Union) -> list:
    """All that its labels say, and the tag of its default; numbers, as they lie in memory."""
    return [tag for case in union.cases for tag in [*map(number_of, case.labels), number_of(case.tag)]]


def number_of(value) -> int:
    return value.data.number if value.kind == "enum" else int(value.data)


def selected(union: Union, tag: int):
    for case in union.cases:
        if tag in map(number_of, case.labels):
            return case
    return next((case for case in union.cases if case.is_default), None)


def default_of(type_: Type, value=None):
    """What lies in memory where nothing was said: outside of tables, or inside of what has a fixed size."""
    element, extents = flatten(type_)
    if extents:
        inner = default_of(element)
        for extent in reversed(extents):
            inner = [inner] * extent
        return inner
    if isinstance(element, Enum):
        return shown(element, element.default.number)
    if isinstance(element, Bitmask):
        return []
    if isinstance(element, Scalar):
        zero = {"bool": False, "float": 0.0}.get(element.kind, 0)
        return shown(element, zero if value is None else value.data)
    if isinstance(element, String):
        return shown_text(b"" if value is None else value.data)
    if isinstance(element, Sequence):
        return []
    if isinstance(element, Optional):
        return None
    if isinstance(element, Union):
        initial = element.initial
        return of_union(element, number_of(element.initial_tag), initial, default_of(initial.member.type, initial.member.default))
    return {member.name: default_of(member.type, member.default) for member in element.members}


def absent_of(member: Member):
    """The same of a member of a table."""
    type_ = strip_alias(member.type)
    return default_of(type_, member.default) if is_scalar(type_) else None


def of_union(union: Union, tag: int, case, value) -> dict:
    shown_tag = bool(tag) if getattr(strip_alias(union.tag), "kind", "") == "bool" else shown(strip_alias(union.tag), tag)
    if case is None:
        return {"(tag)": shown_tag}
    return ({} if tag == number_of(case.tag) else {"(tag)": shown_tag}) | {case.member.name: value}


def in_range(about, number) -> bool:
    if about is None or about.range is None:
        return True
    low, high = about.range.low, about.range.high
    return not (isinstance(number, float) and math.isnan(number)) and (low is None or low.data <= number) and (
        high is None or number <= high.data)


# --- What is wrong with a message --------------------------------------------------------------------------------------

def wrong_in(type_: Type, about, value, only_ranges=False) -> str | None:
    """The path of the first thing that `validate` complains of, or nothing. `value` is as `to_json` writes it."""
    def inside(inner, each, member=about):
        return wrong_in(inner, member, each, only_ranges)

    element, extents = flatten(type_)
    if extents:
        inner = Array(element, extents[1:]) if extents[1:] else element
        return _first((f"[{index}]", inside(inner, each)) for index, each in enumerate(value))
    if isinstance(element, Enum):
        return "" if isinstance(value, int) and not only_ranges else None
    if isinstance(element, Bitmask):
        return "" if value and isinstance(value[-1], int) and not only_ranges else None
    if isinstance(element, Scalar):
        number = float(value) if element.kind == "float" else value
        return None if element.kind not in ("int", "float") or in_range(about, number) else ""
    if isinstance(element, Sequence):
        return _first((f"[{index}]", inside(element.element, each)) for index, each in enumerate(value))
    if isinstance(element, Optional):
        return None if value is None else inside(element.element, value)
    if isinstance(element, Union):
        if set(value) == {"(tag)"}:
            return None if only_ranges else ""
        return _first((case.member.name, inside(case.member.type, value[case.member.name], case.member))
                      for case in element.cases if case.member.name in value)
    if isinstance(element, Struct) and element.is_table:
        return _first((member.name, inside(member.type, value[member.name], member)) for member in element.members
                      if value[member.name] is not None)
    if isinstance(element, Struct):  # the ranges come last, but for the elements of a raw one
        looks = [*((member, None) for member in element.members), *((member, member) for member in element.members if member.range),
                 *([(element.tail, element.tail)] if element.tail else [])]
        return _first((member.name, inside(member.type, value[member.name], about)) for member, about in looks)
    return None


def _first(findings) -> str | None:
    return next((joined(name, path) for name, path in findings if path is not None), None)


def joined(name: str, path: str) -> str:
    return name + ("" if not path or path.startswith("[") else ".") + path


# --- Comparing -----------------------------------------------------------------------------------------------------------

def difference(expected, got) -> str | None:
    """Where two parsed JSON texts differ, or nothing. What is a float to one is one to the other, with the same bits, and the
    members of an object are in the same order."""
    if type(expected) is not type(got):
        return f": expected {expected!r}, got {got!r}"
    if isinstance(expected, dict):
        if list(expected) != list(got):
            return f": expected the members {list(expected)}, got {list(got)}"
        return next((f".{key}{found}" for key in expected if (found := difference(expected[key], got[key]))), None)
    if isinstance(expected, list):
        if len(expected) != len(got):
            return f": expected {expected!r}, got {got!r}"
        return next((f"[{index}]{found}" for index, pair in enumerate(zip(expected, got)) if (found := difference(*pair))), None)
    same = struct.pack("<d", expected) == struct.pack("<d", got) if isinstance(expected, float) else expected == got
    return None if same else f": expected {expected!r}, got {got!r}"


def rounded(type_: Type, value):
    """Parsed JSON with the floats that a `float` has: the shortest digits are those of no double."""
    element, extents = flatten(type_)
    if extents:
        inner = Array(element, extents[1:]) if extents[1:] else element
        return [rounded(inner, each) for each in value] if isinstance(value, list) else value
    if isinstance(element, Scalar):
        return as_float(value) if element.name == "float" and isinstance(value, float) else value
    if isinstance(element, Sequence) and isinstance(value, list):
        return [rounded(element.element, each) for each in value]
    if isinstance(element, Optional) and value is not None:
        return rounded(element.element, value)
    if isinstance(element, (Struct, Union)) and isinstance(value, dict):
        types = {member.name: member.type for member in all_members(element)} if isinstance(element, Struct) else {
            case.member.name: case.member.type for case in element.cases}
        return {key: rounded(types[key], each) if key in types else each for key, each in value.items()}
    return value
