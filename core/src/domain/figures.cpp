#include "baton/domain/figures.hpp"

#include <array>

namespace baton {
inline namespace v1 {
namespace domain {

LatencyCounters latency_of(const SubscriberFigures& figures) noexcept {
  std::array<std::uint64_t, kLatencyBuckets> counts{};  // a copy: the writer goes on
  LatencyCounters latency;
  for (std::size_t bucket = 0; bucket < kLatencyBuckets; ++bucket) {
    counts[bucket] = figures.latency[bucket].load(std::memory_order_relaxed);
    latency.samples += counts[bucket];
  }
  latency.max_ns = figures.latency_max_ns.load(std::memory_order_relaxed);
  const auto percentile = [&](std::uint64_t percent) {  // nearest rank
    const std::uint64_t rank = (latency.samples * percent + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kLatencyBuckets; ++bucket) {
      seen += counts[bucket];
      if (seen >= rank) return std::min(latency_bound(bucket), latency.max_ns);
    }
    return latency.max_ns;
  };
  if (latency.samples == 0) return latency;
  latency.p50_ns = percentile(50);
  latency.p99_ns = percentile(99);
  return latency;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
