#include "latency.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sysmon {
namespace {

TEST(LatencyHistogram, has_no_percentile_of_nothing) { EXPECT_FALSE(LatencyHistogram().percentile(50)); }

TEST(LatencyHistogram, takes_the_nearest_rank) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.percentile(0), 1u);
  EXPECT_EQ(histogram.percentile(1), 1u);
  EXPECT_EQ(histogram.percentile(50), 50u);
  EXPECT_EQ(histogram.percentile(50.1), 51u);
  EXPECT_EQ(histogram.percentile(99), 99u);
  EXPECT_EQ(histogram.percentile(100), 100u);
}

TEST(LatencyHistogram, gives_the_only_value_for_every_percentile) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{255}, std::uint64_t{256},
                                    std::uint64_t{123'456'789}, std::uint64_t{1} << 63, UINT64_MAX}) {
    LatencyHistogram histogram;
    histogram.record(value);
    EXPECT_EQ(histogram.percentile(50), value);
    EXPECT_EQ(histogram.percentile(99), value);
  }
}

TEST(LatencyHistogram, is_within_half_a_percent_of_the_exact_value) {
  std::mt19937_64 random(42);
  std::lognormal_distribution<double> latency(10.5, 1.5);
  std::vector<std::uint64_t> values;
  LatencyHistogram histogram;
  for (int count = 0; count < 10'001; ++count) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 10'001));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(*histogram.percentile(percent)), exact, exact * 0.005 + 1) << percent;
  }
}

}  // namespace
}  // namespace sysmon
