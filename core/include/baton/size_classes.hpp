#pragma once

#include <bit>
#include <cstdint>

namespace baton {
inline namespace v1 {

/// The sizes of the chunks of messages that have sizes of their own: 256 bytes, 384, 512, 768, 1024 … so that at most a
/// third of a chunk is wasted, and few classes cover everything.
namespace size_classes {

inline constexpr std::uint64_t kSmallest = 256;
inline constexpr std::uint64_t kLargest = std::uint64_t{1} << 40;

/// The class of the smallest chunk with so many bytes, up to kLargest.
constexpr std::uint32_t of(std::uint64_t bytes) noexcept {
  if (bytes <= kSmallest) return 0;
  const auto doublings = static_cast<std::uint32_t>(std::bit_width(bytes - 1) - std::bit_width(kSmallest));
  const std::uint64_t lower = kSmallest << doublings;  // lower < bytes <= 2 * lower
  return 2 * doublings + (bytes <= lower + lower / 2 ? 1 : 2);
}

constexpr std::uint64_t bytes(std::uint32_t size_class) noexcept {
  const std::uint64_t lower = kSmallest << size_class / 2;
  return size_class % 2 == 0 ? lower : lower + lower / 2;
}

inline constexpr std::uint32_t kCount = of(kLargest) + 1;

}  // namespace size_classes
}  // namespace v1
}  // namespace baton
