#pragma once

// Checks a message against its IDL: `if (auto error = baton::validate(imu)) log("{}: {}", error->path, error->reason);`
// Whatever a peer has written, reading a message is safe; this says whether it also makes sense.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "baton/export.hpp"
#include "baton/message_format.hpp"
#include "baton/optional.hpp"
#include "baton/peer_memory.hpp"
#include "baton/sequence.hpp"
#include "baton/string.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

/// The first thing that is wrong with a message.
struct ValidationError {
  std::string path;    ///< the member: "poses[2].position.x"; empty for the value itself
  std::string reason;  ///< "7 is not from 0 to 5"
};

/// The numbers that @range, @min or @max allow.
template <class Number>
struct Range {
  Number low = std::numeric_limits<Number>::has_infinity ? -std::numeric_limits<Number>::infinity()
                                                         : std::numeric_limits<Number>::lowest();
  Number high = std::numeric_limits<Number>::has_infinity ? std::numeric_limits<Number>::infinity()
                                                          : std::numeric_limits<Number>::max();
};

namespace detail {

using Finding = std::optional<ValidationError>;

BATON_API Finding bad_byte(std::uint8_t byte, std::string_view what);
BATON_API Finding bad_length(std::uint32_t length, std::size_t bound);
/// Puts the name of a member in front of the path.
BATON_API Finding inside(std::string_view name, Finding finding);
BATON_API Finding inside(std::size_t index, Finding finding);

template <class T>
Finding validate_value(const T& value);

template <class Range>
Finding validate_elements(const Range& values) {
  using Element = std::remove_cvref_t<decltype(*values.begin())>;
  if constexpr (std::is_arithmetic_v<Element> && !std::is_same_v<Element, bool>) return std::nullopt;
  std::size_t index = 0;
  for (const auto& value : values) {
    if (Finding finding = validate_value(value)) return inside(index, std::move(finding));
    ++index;
  }
  return std::nullopt;
}

/// The length word, as it is: `size()` would cut it to the bound.
template <class T>
Finding validate_length(const T& value, std::size_t bound) {
  std::uint32_t length = 0;
  std::memcpy(&length, &value, sizeof(length));
  return length <= bound ? std::nullopt : bad_length(length, bound);
}

template <std::size_t N>
Finding validate_items(const String<N>& text) {
  return validate_length(text, N);
}
template <class T, std::size_t N>
Finding validate_items(const Sequence<T, N>& values) {
  if (Finding finding = validate_length(values, N)) return finding;
  return validate_elements(values);
}
template <class T, std::size_t N>
Finding validate_items(const std::array<T, N>& values) {
  return validate_elements(values);
}
template <class T>
Finding validate_items(const Optional<T>& value) {
  std::uint8_t byte = 0;
  std::memcpy(&byte, reinterpret_cast<const unsigned char*>(&value) + sizeof(T), 1);
  if (byte > 1) return bad_byte(byte, "absent (0) nor present (1)");
  return byte == 1 ? validate_value(*value) : std::nullopt;
}

template <class T, class Number>
Finding validate_range(const T& value, const Range<Number>& range) {
  if constexpr (std::is_same_v<T, Number>) {
    if (range.low <= value && value <= range.high) return std::nullopt;  // not so for a NaN
    return ValidationError{"", fmt::format("{} is not from {} to {}", value, range.low, range.high)};
  } else if constexpr (requires { value.has_value(); }) {
    return value.has_value() ? validate_range(*value, range) : std::nullopt;
  } else {
    std::size_t index = 0;
    for (const auto& element : value) {
      if (Finding finding = validate_range(element, range)) return inside(index, std::move(finding));
      ++index;
    }
    return std::nullopt;
  }
}

template <class T>
Finding validate_members(const T& value) {
  Finding finding;
  TypeTraits<T>::visit(value, [&](std::string_view name, const auto& member) {
    if (!finding) finding = inside(name, validate_value(member));
  });
  if constexpr (requires { TypeTraits<T>::visit_ranges(value, [](auto&&...) {}); }) {
    TypeTraits<T>::visit_ranges(value, [&](std::string_view name, const auto& member, const auto& range) {
      if (!finding) finding = inside(name, validate_range(member, range));
    });
  }
  return finding;
}

/// A union's tag has to select a member.
template <class T>
Finding validate_union(const T& value) {
  bool selected = false;
  TypeTraits<T>::visit(value, [&](std::string_view, const auto&) { selected = true; });
  if (selected) return validate_members(value);
  fmt::memory_buffer text;
  write_value(fmt::appender(text), value.tag());
  return ValidationError{"", fmt::format("the tag {} selects no member", fmt::to_string(text))};
}

template <class T>
Finding validate_value(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const std::uint8_t byte = load_byte(value);
    return byte <= 1 ? std::nullopt : bad_byte(byte, "false (0) nor true (1)");
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::nullopt;
  } else if constexpr (requires { TypeTraits<T>::kFlags; }) {
    const auto unknown = static_cast<std::uint64_t>(value) & ~std::uint64_t{TypeTraits<T>::kFlags};
    if (unknown == 0) return std::nullopt;
    return ValidationError{"", fmt::format("the bits {:#x} are no flags of {}", unknown, TypeTraits<T>::info().name)};
  } else if constexpr (std::is_enum_v<T>) {
    if (TypeTraits<T>::is_known(value)) return std::nullopt;
    return ValidationError{
        "", fmt::format("{} is no value of {}", static_cast<std::int64_t>(value), TypeTraits<T>::info().name)};
  } else if constexpr (requires { typename T::Tag; }) {
    return validate_union(value);
  } else if constexpr (requires { TypeTraits<T>::info(); }) {
    return validate_members(value);
  } else {
    return validate_items(value);
  }
}

}  // namespace detail

/// The first thing in which a value breaks its IDL, or nothing: ranges, values of enums and bitmasks, tags of unions,
/// lengths, booleans, in it and in all that it contains. A writer that is still at work can change the value after it
/// was looked at: check a copy of what comes from a process that is not trusted.
template <class T>
requires(!TableMessage<T>) && requires { TypeTraits<T>::info(); }
[[nodiscard]] std::optional<ValidationError> validate(const T& value) { return detail::validate_value(value); }

}  // namespace v1
}  // namespace baton
