"""A program with generated code of the types, to compare with: it makes the messages that it was given when it was compiled, and
says what `validate` says of the bytes that it reads."""

import struct

from batongen import cpp
from batongen.model import Bitmask, Enum, Optional, Scalar, Sequence, String, Struct, Union, flatten, strip_alias

_HEAD = """#include <bit>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <limits>
#include <new>
#include <string>
#include <baton/validate.hpp>
#include "types.hpp"

template <class T, class U>
void set(T& to, U value) { to = static_cast<T>(value); }

template <class T>
void make(void (*fill)(T&)) {
  alignas(64) static std::byte bytes[sizeof(T)];
  std::memset(bytes, 0, sizeof(bytes));
  fill(*new (bytes) T{});
  for (const std::byte byte : bytes) std::printf("%02x", static_cast<unsigned>(byte));
  std::puts("");
}

template <class T>
void look(const std::string& digits) {
  alignas(64) static std::byte bytes[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = std::byte(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  const auto finding = baton::validate(*reinterpret_cast<const T*>(bytes));
  std::puts(finding ? (finding->path + ": " + finding->reason).c_str() : "valid");
}

template <class T>
void open(const std::string& digits) {
  alignas(64) static std::byte bytes[1 << 20];
  const std::size_t size = digits.size() / 2, capacity = (size + 63) / 64 * 64;
  for (std::size_t i = 0; i < size; ++i) {
    bytes[capacity - size + i] = std::byte(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  }
  std::puts(baton::TypeTraits<T>::open(bytes, capacity, size) ? "opened" : "refused");
}
"""


class Source:
    def __init__(self):
        self.functions = []
        self.calls = []
        self.looks = []
        self._number = 0

    def type(self, type_: Struct):
        """The number by which `look` knows it."""
        function = "open" if type_.is_table else "look"
        self.looks.append(f"{function}<::{cpp.scoped_identifier(type_.name)}>")
        return len(self.looks) - 1

    def message(self, type_: Struct, value):
        """Of a raw struct the head."""
        name = "::" + cpp.scoped_identifier(type_.name)
        self.functions.append(f"void fill{len(self.functions)}([[maybe_unused]] {name}& value) {{")
        self.calls.append(f"  make<{name}>(fill{len(self.functions) - 1});")
        lines = []
        self._members(type_, value, "value", lines)
        self.functions[-1] += "\n" + "\n".join(lines) + "\n}"

    def text(self):
        return "\n".join([_HEAD, *self.functions, "int main() {", *self.calls,
                          f"  void (*const looks[])(const std::string&) = {{{', '.join(self.looks)}}};",
                          "  std::size_t type;", "  for (std::string digits; std::cin >> type >> digits;) looks[type](digits);", "}", ""])

    def _new(self, lines, what):
        self._number += 1
        lines.append(f"  auto& v{self._number} = {what};")
        return f"v{self._number}"

    def _members(self, struct_, value, place, lines):
        for member in struct_.members:
            self._value(member.type, value[member.name], f"{place}.{cpp.member_identifier(struct_, member.name)}", lines)

    def _value(self, type_, value, place, lines):
        element, extents = flatten(type_)
        if extents:
            return self._array(element, extents, value, place, lines)
        if isinstance(element, (Scalar, Enum, Bitmask)):
            return lines.append(f"  set({place}, {literal(element, value)});")
        if isinstance(element, String):
            data = value.encode() if isinstance(value, str) else bytes(value)
            return lines.append(f"  {place} = std::string_view(\"{octal(data)}\", {len(data)});")
        if isinstance(element, Sequence):
            name = self._new(lines, place)
            lines.append(f"  {name}.resize({len(value)});")
            for index, each in enumerate(value):
                self._value(element.element, each, f"{name}[{index}]", lines)
            return None
        if isinstance(element, Optional):
            if value is None:
                return lines.append(f"  {place}.reset();")
            lines.append(f"  {place}.emplace();")
            return self._value(element.element, value, self._new(lines, f"*{place}"), lines)
        if isinstance(element, Struct):
            return self._members(element, value, self._new(lines, place), lines)
        return self._union(element, value, self._new(lines, place), lines)

    def _array(self, element, extents, value, place, lines):
        name = self._new(lines, place)
        for index, each in enumerate(value):
            if len(extents) > 1:
                self._array(element, extents[1:], each, f"{name}[{index}]", lines)
            else:
                self._value(element, each, f"{name}[{index}]", lines)

    def _union(self, union: Union, value, place, lines):
        case = next(case for case in union.cases if case.member.name in value)
        setter = f"{place}.set_{cpp.case_identifier(union, case.member.name)}"
        made = self._new(lines, f"{setter}()")
        if "(tag)" in value:  # the setter for other tags takes a value too
            lines.append(f"  using T{self._number} = std::remove_reference_t<decltype({place})>::Tag;")
            tag = literal(strip_alias(union.tag), value["(tag)"])
            lines.append(f"  {setter}(std::remove_reference_t<decltype({made})>{{}}, static_cast<T{self._number}>({tag}));")
        self._value(case.member.type, value[case.member.name], made, lines)


def octal(data):
    return "".join(f"\\{byte:03o}" for byte in data)


def number(type_, value):
    """What lies in memory: the number of an enum or character, the bits of flags and floats."""
    if isinstance(type_, Enum):
        return next((each.number for each in type_.enumerators if each.name == value), value)
    if isinstance(type_, Bitmask):
        positions = {flag.name: flag.position for flag in type_.flags}
        return sum(1 << positions[each] if isinstance(each, str) else each for each in value)
    if type_.kind == "char":
        return ord(value) if isinstance(value, str) else value
    if type_.kind == "float":
        return struct.unpack("<I" if type_.size == 4 else "<Q", struct.pack("<f" if type_.size == 4 else "<d", float(value)))[0]
    return int(value)


def literal(type_, value):
    bits = number(type_, value)
    if isinstance(type_, Scalar) and type_.kind == "float":
        if value == "NaN":
            return f"std::numeric_limits<{type_.name}>::quiet_NaN()"
        return f"std::bit_cast<{type_.name}>(std::uint{type_.size * 8}_t{{{bits}U}})"
    if isinstance(type_, Scalar) and type_.kind == "bool":
        return "true" if bits else "false"
    return f"{bits}U" if bits >= 1 << 31 else f"({bits} - 0)" if bits > -(1 << 63) else "(-9223372036854775807 - 1)"


def live(type_, value, extents, begin=0):
    """The ranges of bytes that say something: not padding, nor what is behind the end of a string, nor a member that does not
    count."""
    element, dimensions = flatten(type_)
    if dimensions:
        value = flat(value, len(dimensions) - 1)
        size = extents.of(element).size
        return [found for index, each in enumerate(value) for found in live(element, each, extents, begin + index * size)]
    extent = extents.of(element)
    if isinstance(element, (Scalar, Enum, Bitmask)):
        return [(begin, begin + extent.size)]
    if isinstance(element, String):
        return [(begin, begin + 4 + len(value.encode() if isinstance(value, str) else value))]
    if isinstance(element, Sequence):
        inner = extents.of(element.element)
        first = begin + max(4, inner.align)
        return [(begin, begin + 4), *(found for index, each in enumerate(value)
                                      for found in live(element.element, each, extents, first + index * inner.size))]
    if isinstance(element, Optional):
        flag = begin + extents.of(element.element).size
        return [(flag, flag + 1), *([] if value is None else live(element.element, value, extents, begin))]
    members = zip(element.members, extent.offsets)
    found = [part for member, offset in members if member.name in value
             for part in live(member.type, value[member.name], extents, begin + offset)]
    return found + ([(begin, begin + extents.of(element.tag).size)] if isinstance(element, Union) else [])


def flat(value, ranks):
    return [each for row in value for each in flat(row, ranks - 1)] if ranks else value
