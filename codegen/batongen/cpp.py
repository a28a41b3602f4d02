"""How things are spelt in C++: names, types, values, comments."""

from __future__ import annotations

import functools
import struct

from .model import (Array, Bitmask, Enum, Member, Optional, QualifiedName, Scalar, Sequence, String, Struct, Type, Union,
                    Value, direct_parts, flatten, strip_alias)
from .syntax import Doc

_KEYWORDS = frozenset("""
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
    concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do
    double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace
    new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires return
    short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef
    typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq""".split())
# Names that are macros in headers which a program is likely to include, or of the GNU dialects.
_MACROS = frozenset("""
    BUFSIZ EOF HUGE_VAL INFINITY NAN NULL assert errno i386 linux major makedev minor offsetof signals slots stderr stdin
    stdout unix""".split())

_SCALARS = {"boolean": "bool", "char": "char", "octet": "std::uint8_t", "float": "float", "double": "double",
            **{f"{u}int{bits}": f"std::{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 32, 64)}}

# Line separators end a line for some readers, and marks of direction reorder what a reader sees: neither gets out of here.
_ESCAPES = {0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}


def identifier(name: str) -> str:
    """The name, with '_' behind it if C++ has another use for it."""
    return name + "_" if name in _KEYWORDS or name in _MACROS else name


# What flatc, and its base class, give every table, or call a parameter of the functions that build it.
_TABLE_NAMES = frozenset("""
    Builder CheckField Finish FlatBuffersVTableOffset GetAddressOf GetField GetOptional GetOptionalFieldOffset GetPointer
    GetStruct GetVTable SetField SetPointer Table Verify VerifyField VerifyFieldRequired VerifyOffset VerifyOffsetRequired
    VerifyTableStart _fbb builder_ fbb_ int8_t int16_t int32_t int64_t start_ uint8_t uint16_t uint32_t uint64_t
    verifier""".split())


def member_identifier(struct: Struct, name: str) -> str:
    """A member may not be called like its struct: the name would hide the type from what follows in it."""
    name = identifier(name)
    taken = name == identifier(struct.name[-1]) or struct.is_table and (name in _TABLE_NAMES or name in _used_in(struct))
    return name + "_" if taken else name


@functools.cache
def _used_in(table: Struct) -> frozenset[str]:
    """The words that flatc's code of a table spells."""
    own = identifier(table.name[-1])
    types = (identifier(part.name[-1]) for part in direct_parts(table))
    return frozenset((f"{own}Builder", f"Create{own}", f"Create{own}Direct", *types))


UNION_NAMES = frozenset(("Members", "Tag", "dispatch", "member_of", "stored_bytes_", "stored_members_", "stored_tag_", "tag", "visit"))


def case_identifier(union: Union, name: str) -> str:
    """A member of a union is a function of its class, beside those that every such class has."""
    name = identifier(name)
    return name + "_" if name in UNION_NAMES or name == identifier(union.name[-1]) else name


def scoped_identifier(name: QualifiedName) -> str:
    return "::".join(identifier(part) for part in name)


class Scope:
    """Spells types as seen from a module, and, in a struct or union, beside members that may hide them."""

    def __init__(self, module: QualifiedName, inside: Struct | Union | None = None) -> None:
        self._module = module
        self._hidden: set[str] = set()
        if isinstance(inside, Struct):
            self._hidden = {member_identifier(inside, m.name) for m in inside.members}
        elif isinstance(inside, Union):
            names = [case_identifier(inside, m.name) for m in inside.members]
            self._hidden = {*names, *(f"set_{name}" for name in names), *UNION_NAMES}

    def name(self, name: QualifiedName) -> str:
        """The plain name inside its own module; from the global scope otherwise, which no other module can hide."""
        if name[:-1] == self._module and identifier(name[-1]) not in self._hidden:
            return identifier(name[-1])
        return "::" + scoped_identifier(name)

    def type(self, type_: Type) -> str:
        if isinstance(type_, Scalar):
            return _SCALARS[type_.name]
        if isinstance(type_, String):
            return f"baton::String<{type_.bound}>"
        if isinstance(type_, Sequence):
            return f"baton::Sequence<{self.type(type_.element)}, {type_.bound}>"
        if isinstance(type_, Optional):
            return f"baton::Optional<{self.type(type_.element)}>"
        if isinstance(type_, Array):
            text = self.type(type_.element)
            for extent in reversed(type_.extents):
                text = f"std::array<{text}, {extent}>"
            return text
        return self.name(type_.name)

    def initialiser(self, member: Member) -> str:
        """What stands behind the member's name: every member has a value, whoever makes the struct."""
        value = self.initial(member)
        return f" = {value}" if value else "{}"

    def initial(self, member: Member) -> str:
        """The value of a new member, or nothing if that is what {} makes."""
        element, extents = flatten(member.type)
        if isinstance(element, Enum):
            default = f"{self.name(element.name)}::{identifier(element.default.name)}"
            if not extents:
                return default
            return "" if element.default.number == 0 else f"baton::filled<{self.type(member.type)}>({default})"
        if isinstance(element, Scalar) and not extents:
            return self.value(member.default or Value("int", 0), element)
        return string_literal(member.default.data) if member.default is not None and member.default.data else ""

    def value(self, value: Value, type_: Type) -> str:
        type_ = strip_alias(type_)
        if isinstance(type_, Enum):
            return f"{self.name(type_.name)}::{identifier(value.data.name)}"
        if isinstance(type_, Bitmask):
            flags = [flag for flag in type_.flags if value.data.mask >> flag.position & 1]
            return " | ".join(f"{self.name(type_.name)}::{identifier(flag.name)}" for flag in flags) or (
                f"{self.name(type_.name)}{{}}")
        if isinstance(type_, String):
            return string_literal(value.data)
        if type_.kind == "bool":
            return "true" if value.data else "false"
        if type_.kind == "char":
            return char_literal(value.data)
        if type_.kind == "float":
            return float_literal(value.data, type_.size)
        return int_literal(value.data)


def underlying(type_: Enum | Bitmask) -> str:
    return f"std::{'u' if isinstance(type_, Bitmask) else ''}int{type_.bits}_t"


def int_literal(value: int) -> str:
    if value == -(1 << 63):
        return "-9223372036854775807 - 1"  # C++ has no negative literals
    return f"{value}U" if value >= 1 << 63 else str(value)


def float_literal(value: float, size: int) -> str:
    if value == 0 and str(value)[0] != "-":
        return "0"
    if size == 8:
        return repr(value)
    # The shortest digits that give this float again.
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if _as_float(float(text)) == value:
            break
    return (text if "." in text or "e" in text else text + ".0") + "F"


def _as_float(value: float) -> float | None:
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return None


def char_literal(value: int) -> str:
    if value == 0:
        return "'\\0'"
    if value == 0x27:
        return "'\\''"
    if value == 0x22:
        return "'\"'"
    return f"'{_escape_byte(value)}'"


def string_literal(data: bytes) -> str:
    """Text as it is; bytes that cannot be shown, as octal escapes (which end after three digits, unlike hexadecimal)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return '"' + "".join(_escape_byte(byte) for byte in data) + '"'
    out = []
    for character in text:
        if ord(character) < 128:
            out.append(_escape_byte(ord(character)))
        elif character.isprintable():
            out.append(character)
        else:
            out += [_escape_byte(byte) for byte in character.encode()]
    return '"' + "".join(out).replace("??", "?\\?") + '"'


def _escape_byte(byte: int) -> str:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def comment_lines(doc: Doc, unit: str = "") -> tuple[str, ...]:
    """The lines of a doc comment, safe behind `///`."""
    lines = [_comment_text(line) for line in doc.lines]
    if unit:
        mark = f"[{_comment_text(unit)}]"
        lines = [*lines[:-1], f"{lines[-1]} {mark}".strip()] if lines else [mark]
    return tuple(lines) if any(lines) else ()


def _comment_text(line: str) -> str:
    """A backslash at the end of a line would take the next line into the comment."""
    text = "".join(c for c in line if c.isprintable() or c == "\t").rstrip()
    while text.endswith(("\\", "??/")):  # the latter is one, too, for some compilers
        text = text.removesuffix("??/").removesuffix("\\").rstrip()
    return text
