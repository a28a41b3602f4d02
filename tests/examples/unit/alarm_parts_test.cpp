#include <limits>

#include <gtest/gtest.h>

#include "threshold.hpp"
#include "units.hpp"

namespace sysmon {
namespace {

using Change = Threshold::Change;

TEST(Threshold, is_raised_once_and_cleared_once) {
  Threshold threshold(90, 80);
  EXPECT_EQ(threshold.update(89.9), Change::none);
  EXPECT_EQ(threshold.update(90), Change::raised);
  EXPECT_EQ(threshold.update(99), Change::none);
  EXPECT_EQ(threshold.update(85), Change::none);
  EXPECT_EQ(threshold.update(80), Change::none);
  EXPECT_TRUE(threshold.raised());
  EXPECT_EQ(threshold.update(79.9), Change::cleared);
  EXPECT_EQ(threshold.update(0), Change::none);
  EXPECT_EQ(threshold.update(90), Change::raised);
}

TEST(Threshold, says_a_value_that_trembles_around_it_once) {
  Threshold threshold(90, 81);
  int told = 0;
  for (int turn = 0; turn < 1'000; ++turn) {
    if (threshold.update(turn % 2 == 0 ? 90.1 : 89.9) != Change::none) ++told;
  }
  EXPECT_EQ(told, 1);
}

TEST(Threshold, works_without_hysteresis) {
  Threshold threshold(50, 50);
  EXPECT_EQ(threshold.update(50), Change::raised);
  EXPECT_EQ(threshold.update(50), Change::none);
  EXPECT_EQ(threshold.update(49), Change::cleared);
}

TEST(Threshold, is_not_changed_by_what_is_no_number) {
  Threshold threshold(50, 40);
  EXPECT_EQ(threshold.update(std::numeric_limits<double>::quiet_NaN()), Change::none);
  threshold.update(60);
  EXPECT_EQ(threshold.update(std::numeric_limits<double>::quiet_NaN()), Change::none);
  EXPECT_TRUE(threshold.raised());
}

TEST(Units, choose_the_largest_that_is_at_least_one) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1'023), "1023 B");
  EXPECT_EQ(human_bytes(1'024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1'024.0 * 1'024 - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(1.5 * (1 << 30)), "1.5 GiB");
  EXPECT_EQ(human_bytes(1e20), "88817.8 PiB");
  EXPECT_EQ(human_duration(999), "999 ns");
  EXPECT_EQ(human_duration(41'234), "41.2 µs");
  EXPECT_EQ(human_duration(999'960), "1.0 ms");
  EXPECT_EQ(human_duration(90'000'000'000), "90.0 s");
}

}  // namespace
}  // namespace sysmon
