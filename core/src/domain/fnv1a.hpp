// FNV-1a, the 64-bit hash that names of topics and facts of a layout go through. Its results are part of the format.
#pragma once

#include <cstdint>

namespace baton {
inline namespace v1 {
namespace domain {

inline constexpr std::uint64_t kFnv1aStart = 0xcbf29ce484222325U;

/// One step: the algorithm's is a byte; facts of a layout are whole numbers.
constexpr std::uint64_t fnv1a(std::uint64_t hash, std::uint64_t value) noexcept {
  return (hash ^ value) * 0x100000001b3U;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
