#include "latency.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sysmon {

LatencyHistogram::LatencyHistogram() : buckets_((64 - kExactBits + 2) * kBucketsPerOctave) {}

void LatencyHistogram::record(std::uint64_t value_ns) {
  ++buckets_[bucket_of(value_ns)];
  ++count_;
  smallest_ = std::min(smallest_, value_ns);
  largest_ = std::max(largest_, value_ns);
}

std::optional<std::uint64_t> LatencyHistogram::percentile(double percent) const {
  if (count_ == 0) return std::nullopt;
  const double wanted = std::ceil(percent / 100 * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp(static_cast<std::uint64_t>(std::max(wanted, 1.0)), std::uint64_t{1}, count_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::clamp(middle_of(bucket), smallest_, largest_);
  }
  return largest_;
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t value) noexcept {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  if (bits <= kExactBits) return static_cast<std::size_t>(value);
  // The highest kExactBits bits of the value, of which the first is always 1, choose the bucket.
  const unsigned shift = bits - kExactBits;
  return shift * kBucketsPerOctave + static_cast<std::size_t>(value >> shift);
}

std::uint64_t LatencyHistogram::middle_of(std::size_t bucket) noexcept {
  if (bucket < 2 * kBucketsPerOctave) return bucket;
  const std::size_t shift = bucket / kBucketsPerOctave - 1;
  const std::uint64_t lowest = (bucket - shift * kBucketsPerOctave) << shift;
  return lowest + ((std::uint64_t{1} << shift) - 1) / 2;
}

}  // namespace sysmon
