#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

/// A message of the layout `raw`: a head of fixed size, and any number of elements. `TypeTraits<T>::Element` is their
/// type.
template <class T>
concept RawMessage = Message<T> && !TableMessage<T> && requires {
  typename TypeTraits<T>::Element;
};

/// A message of the layout `fixed`: all of it is the struct.
template <class T>
concept FixedMessage = Message<T> && !TableMessage<T> && !RawMessage<T>;

/// Where the number of a raw message's elements stands, behind a head of so many bytes; and, from the next multiple of
/// 64 on, its elements.
constexpr std::size_t raw_count_offset(std::size_t head_bytes) noexcept { return (head_bytes + 7) / 8 * 8; }
constexpr std::size_t raw_elements_offset(std::size_t head_bytes) noexcept {
  return (raw_count_offset(head_bytes) + sizeof(std::uint64_t) + 63) / 64 * 64;
}

/// Where the parts of a raw message lie in its chunk: the head, the number of elements, and from the next multiple of
/// 64 on the elements themselves.
template <RawMessage T>
struct RawParts {
  using Element = typename TypeTraits<T>::Element;

  static constexpr std::size_t kCountOffset = raw_count_offset(sizeof(T));
  static constexpr std::size_t kElementsOffset = raw_elements_offset(sizeof(T));
  static_assert(TypeTraits<T>::info().elements_offset == kElementsOffset,
                "the generator lays it out as the library does");

  /// What a message with so many elements takes; the largest number there is if that is more than a number holds.
  static constexpr std::size_t bytes(std::size_t count) noexcept {
    constexpr std::size_t kMost = (std::numeric_limits<std::size_t>::max() - kElementsOffset) / sizeof(Element);
    return count > kMost ? std::numeric_limits<std::size_t>::max() : kElementsOffset + count * sizeof(Element);
  }

  /// How many elements a chunk of such a capacity has room for.
  static constexpr std::size_t room(std::size_t capacity) noexcept {
    return capacity < kElementsOffset ? 0 : (capacity - kElementsOffset) / sizeof(Element);
  }

  static void set_count(std::byte* payload, std::size_t count) noexcept {
    const std::uint64_t value = count;
    std::memcpy(payload + kCountOffset, &value, sizeof(value));
  }

  static std::span<Element> elements(std::byte* payload, std::size_t count) noexcept {
    return {reinterpret_cast<Element*>(payload + kElementsOffset), count};
  }

  /// The elements of a message that somebody else wrote: no more than its chunk has room for, whatever it says.
  static std::span<const Element> elements_of_peer(const std::byte* payload, std::size_t capacity) noexcept {
    std::uint64_t count = 0;
    std::memcpy(&count, payload + kCountOffset, sizeof(count));  // once: it may change under our eyes
    return {reinterpret_cast<const Element*>(payload + kElementsOffset),
            std::min<std::uint64_t>(count, room(capacity))};
  }
};

}  // namespace v1
}  // namespace baton
