#pragma once

// What String and Sequence share: the length word in front of their elements, and the way they refuse.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace baton {
inline namespace v1 {
namespace detail {

/// Reads a length that another process may have written: once, and never more than `capacity`. A single load, so that
/// the value that is checked is the value that is used.
constexpr std::size_t load_length(const std::uint32_t& word, std::size_t capacity) noexcept {
  std::size_t length = 0;
  if (std::is_constant_evaluated()) {
    length = word;
  } else {
    length = __atomic_load_n(&word, __ATOMIC_RELAXED);
  }
  return length < capacity ? length : capacity;
}

/// What a member that cannot refuse otherwise does when there is no room: throws std::length_error, or ends the program
/// where exceptions are off.
[[noreturn]] inline void refuse_length(const char* type, std::size_t wanted, std::size_t capacity) {
  const std::string text = std::string(type) + ": " + std::to_string(wanted) + " elements do not fit a capacity of " +
                           std::to_string(capacity);
#if defined(__cpp_exceptions)
  throw std::length_error(text);
#else
  std::fputs((text + "\n").c_str(), stderr);
  std::abort();
#endif
}

[[noreturn]] inline void refuse_index(const char* type, std::size_t index, std::size_t size) {
  const std::string text =
      std::string(type) + ": index " + std::to_string(index) + " is outside a size of " + std::to_string(size);
#if defined(__cpp_exceptions)
  throw std::out_of_range(text);
#else
  std::fputs((text + "\n").c_str(), stderr);
  std::abort();
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace baton
