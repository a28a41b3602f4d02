#include "schedule.hpp"

#include <gtest/gtest.h>

namespace sysmon {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(Schedule, does_not_drift_however_late_each_tick_is) {
  Schedule schedule(1'000 * kMs, 50);
  for (std::uint64_t tick = 0; tick < 10'000; ++tick) {
    ASSERT_EQ(schedule.due_ns(), 1'000 * kMs + tick * 20 * kMs);
    schedule.advance(schedule.due_ns() + 3 * kMs);
  }
  EXPECT_EQ(schedule.skipped(), 0u);
}

TEST(Schedule, stays_exact_for_a_period_that_is_no_whole_number) {
  Schedule schedule(0, 60);
  for (int tick = 0; tick < 60 * 3'600; ++tick) schedule.advance(0);
  EXPECT_NEAR(static_cast<double>(schedule.due_ns()), 3'600e9, 1);
}

TEST(Schedule, makes_up_for_a_short_stall) {
  Schedule schedule(0, 50);
  schedule.advance(200 * kMs);
  EXPECT_EQ(schedule.due_ns(), 20 * kMs);
  EXPECT_EQ(schedule.skipped(), 0u);
}

TEST(Schedule, skips_what_a_long_stall_made_old_and_keeps_its_grid) {
  Schedule schedule(0, 50);
  schedule.advance(60'007 * kMs);
  EXPECT_EQ(schedule.due_ns(), 60'000 * kMs);
  EXPECT_EQ(schedule.skipped(), 2'999u);
  schedule.advance(60'007 * kMs);
  EXPECT_EQ(schedule.due_ns(), 60'020 * kMs);
}

}  // namespace
}  // namespace sysmon
