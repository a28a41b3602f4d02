// Reads and writes the small values of messages in memory. What a peer may be writing is read once: the value that is
// checked is the value that is used.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "baton/raw.hpp"
#include "description/model.hpp"

namespace baton {
inline namespace v1 {
namespace description {

template <class T>
T load_as(const std::byte* from) noexcept {
  T value{};
  std::memcpy(&value, from, sizeof(value));
  asm volatile("" : "+r"(value));  // the compiler must not read it again
  return value;
}

/// An integer, boolean, character, enum or bitmask: its bits, extended by its sign if it has one.
inline std::uint64_t load_bits(const Shape& shape, const std::byte* from) noexcept {
  const bool extend = is_signed(shape);
  const auto widen = [extend](auto value) {
    using Signed = std::make_signed_t<decltype(value)>;
    return extend ? static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<Signed>(value)))
                  : static_cast<std::uint64_t>(value);
  };
  switch (shape.size) {
    case 1: return widen(load_as<std::uint8_t>(from));
    case 2: return widen(load_as<std::uint16_t>(from));
    case 4: return widen(load_as<std::uint32_t>(from));
    default: return load_as<std::uint64_t>(from);
  }
}

inline double load_float(const Shape& shape, const std::byte* from) noexcept {
  if (shape.form == Form::float64) return std::bit_cast<double>(load_as<std::uint64_t>(from));
  return double{std::bit_cast<float>(load_as<std::uint32_t>(from))};
}

/// The reverse of both: `bits` as in a description's `Value`, so a float's are those of a double.
inline void store_bits(const Shape& shape, std::uint64_t bits, std::byte* to) noexcept {
  if (shape.form == Form::float32) {
    const auto value = static_cast<float>(std::bit_cast<double>(bits));
    std::memcpy(to, &value, sizeof(value));
  } else {
    std::memcpy(to, &bits, shape.size);  // little-endian
  }
}

/// How many characters or elements there are, whatever the word says.
inline std::uint32_t load_length(const Shape& shape, const std::byte* from) noexcept {
  return std::min(load_as<std::uint32_t>(from), shape.bound);
}

/// The number of elements that a raw message says it has, behind a head of so many bytes.
inline std::uint64_t load_count(const std::byte* message, std::uint64_t head_bytes) noexcept {
  return load_as<std::uint64_t>(message + raw_count_offset(head_bytes));
}

/// Where the elements of a bounded sequence begin.
inline std::uint64_t elements_begin(const Shape& shape) noexcept { return std::max(4U, shape.element->align); }

inline std::string_view text_at(const std::byte* from, std::size_t length) noexcept {
  return {reinterpret_cast<const char*>(from), length};
}

}  // namespace description
}  // namespace v1
}  // namespace baton
