#pragma once

// Reads small values that another process may have written, and may be writing: once each, so that the value that is
// checked is the value that is used.

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace baton {
inline namespace v1 {
namespace detail {

/// A single load of an integer, character, or enum.
template <class T>
T load_once(const T& word) noexcept {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  T value{};
  __atomic_load(&word, &value, __ATOMIC_RELAXED);  // relaxed: orders nothing, only keeps it from being read twice
  return value;
}

/// The byte of a bool. It may be neither 0 nor 1, and then must not be read as a bool.
inline std::uint8_t load_byte(const bool& flag) noexcept {
  std::uint8_t byte = 0;
  std::memcpy(&byte, &flag, 1);
  return byte;
}

/// True for any byte but 0.
inline bool load_bool(const bool& flag) noexcept { return load_byte(flag) != 0; }

}  // namespace detail
}  // namespace v1
}  // namespace baton
