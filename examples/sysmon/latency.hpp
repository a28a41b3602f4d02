#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sysmon {

/// Records durations in buckets that grow with them: any number of values in 58 KiB, each to within 0.4 %. Values
/// below 256 are kept exactly.
class LatencyHistogram {
 public:
  LatencyHistogram();

  void record(std::uint64_t value_ns);
  std::uint64_t count() const noexcept { return count_; }

  /// The value that `percent` of all do not exceed, by the nearest rank; nothing if there are none.
  std::optional<std::uint64_t> percentile(double percent) const;

 private:
  static constexpr unsigned kExactBits = 8;                                             // values below 2^8 are buckets
  static constexpr std::size_t kBucketsPerOctave = std::size_t{1} << (kExactBits - 1);  // above, 2^7 to each octave

  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static std::uint64_t middle_of(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t smallest_ = UINT64_MAX;
  std::uint64_t largest_ = 0;
};

}  // namespace sysmon
