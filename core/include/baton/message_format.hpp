#pragma once

// Prints messages with fmt: `fmt::print("{}", imu)` gives {stamp_ns: 12, accel: [0.1, 0.2, 0.3], frame: "base"}. What
// is the same for all types is here, so that a generated header needs one line per type.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "baton/export.hpp"
#include "baton/optional.hpp"
#include "baton/sequence.hpp"
#include "baton/string.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {
namespace detail {

BATON_API fmt::appender write_quoted(fmt::appender out, std::string_view text, char quote);
BATON_API fmt::appender write_enum(fmt::appender out, const TypeInfo& info, std::int64_t value);
BATON_API fmt::appender write_flags(fmt::appender out, const TypeInfo& info, std::uint64_t value);

template <class T>
fmt::appender write_value(fmt::appender out, const T& value);

template <class Range>
fmt::appender write_list(fmt::appender out, const Range& values) {
  *out++ = '[';
  bool first = true;
  for (const auto& value : values) {
    if (!first) out = fmt::format_to(out, ", ");
    first = false;
    out = write_value(out, value);
  }
  *out++ = ']';
  return out;
}

template <class T>
fmt::appender write_struct(fmt::appender out, const T& value) {
  *out++ = '{';
  bool first = true;
  TypeTraits<T>::visit(value, [&](std::string_view name, const auto& member) {
    out = fmt::format_to(out, "{}{}: ", first ? "" : ", ", name);
    first = false;
    out = write_value(out, member);
  });
  *out++ = '}';
  return out;
}

/// "{tag: circle, circle: {radius: 1}}"; without a member if the tag, which may come from anywhere, selects none.
template <class T>
fmt::appender write_union(fmt::appender out, const T& value) {
  out = write_value(fmt::format_to(out, "{{tag: "), value.tag());
  TypeTraits<T>::visit(value, [&](std::string_view name, const auto& member) {
    out = write_value(fmt::format_to(out, ", {}: ", name), member);
  });
  *out++ = '}';
  return out;
}

template <class T, std::size_t N>
fmt::appender write_items(fmt::appender out, const std::array<T, N>& values) {
  return write_list(out, values);
}
template <class T, std::size_t N>
fmt::appender write_items(fmt::appender out, const Sequence<T, N>& values) {
  return write_list(out, values);
}
template <std::size_t N>
fmt::appender write_items(fmt::appender out, const String<N>& text) {
  return write_quoted(out, text.view(), '"');
}
template <class T>
fmt::appender write_items(fmt::appender out, const Optional<T>& value) {
  return value.has_value() ? write_value(out, *value) : fmt::format_to(out, "none");
}

template <class T>
fmt::appender write_value(fmt::appender out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    // Another process may have written any byte, and a bool that is neither 0 nor 1 must not be read as one.
    std::uint8_t byte = 0;
    std::memcpy(&byte, &value, 1);
    if (byte > 1) return fmt::format_to(out, "bool({})", byte);
    return fmt::format_to(out, "{}", byte == 1);
  } else if constexpr (std::is_same_v<T, char>) {
    return write_quoted(out, std::string_view(&value, 1), '\'');
  } else if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format_to(out, "{}", value);
  } else if constexpr (requires { TypeTraits<T>::kFlags; }) {
    return write_flags(out, TypeTraits<T>::info(), static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_enum_v<T>) {
    return write_enum(out, TypeTraits<T>::info(), static_cast<std::int64_t>(value));
  } else if constexpr (requires { typename T::Tag; }) {
    return write_union(out, value);
  } else if constexpr (requires { TypeTraits<T>::info(); }) {
    return write_struct(out, value);
  } else {
    return write_items(out, value);
  }
}

}  // namespace detail

/// What generated code derives the fmt::formatter of a struct or union from. There are no format options: write "{}".
template <class T>
struct MessageFormatter {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(const T& value, fmt::format_context& context) const {
    return detail::write_value(context.out(), value);
  }
};

/// What generated code derives the fmt::formatter of an enum or bitmask from: the enumerator's name, or "Level(7)" if
/// there is none; "read | write" for flags, "Access(0)" for none, "read | Access(0x40)" with a bit that is no flag.
template <class T>
struct EnumFormatter {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(T value, fmt::format_context& context) const {
    return detail::write_value(context.out(), value);
  }
};

}  // namespace v1
}  // namespace baton

template <class T>
struct fmt::formatter<baton::Optional<T>> : baton::MessageFormatter<baton::Optional<T>> {};
