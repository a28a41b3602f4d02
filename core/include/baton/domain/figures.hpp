#pragma once

/// What ports and connections count in shared files, for whoever looks: each figure has one writer, and is stored
/// plainly. Readers get a number that was true at some moment; figures of different lines need not be of one moment.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "baton/domain/layout.hpp"
#include "baton/export.hpp"
#include "baton/port.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// Adds to a figure that only the caller writes. relaxed: nothing is ordered by it.
inline void add(std::atomic<std::uint64_t>& figure, std::uint64_t count = 1) noexcept {
  figure.store(figure.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

/// The bucket of a latency. The first four are of 1 ns each; from there on four share each power of two.
constexpr std::size_t latency_bucket(std::uint64_t ns) noexcept {
  if (ns < 4) return static_cast<std::size_t>(ns);
  const auto octave = static_cast<std::size_t>(std::bit_width(ns)) - 1;
  return std::min((octave - 1) * 4 + ((ns >> (octave - 2)) & 3U), kLatencyBuckets - 1);
}

/// The greatest latency of a bucket; the last one takes all beyond it as well.
constexpr std::uint64_t latency_bound(std::size_t bucket) noexcept {
  if (bucket < 4) return bucket;
  const std::size_t octave = bucket / 4 + 1;
  return ((std::uint64_t{4} + bucket % 4 + 1) << (octave - 2)) - 1;
}

/// Of how many messages the latency of one is noted, beside those that end a wait.
inline constexpr std::uint32_t kLatencySampledOneOf = 128;

/// W: the consumer.
inline void note_latency(SubscriberFigures& figures, std::uint64_t ns) noexcept {
  add(figures.latency[latency_bucket(ns)]);
  if (ns > figures.latency_max_ns.load(std::memory_order_relaxed)) {
    figures.latency_max_ns.store(ns, std::memory_order_relaxed);
  }
}

/// What the histogram says.
BATON_API LatencyCounters latency_of(const SubscriberFigures& figures) noexcept;

}  // namespace domain
}  // namespace v1
}  // namespace baton
