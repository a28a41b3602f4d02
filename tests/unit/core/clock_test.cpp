#include "baton/clock.hpp"

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace baton {
namespace {

constexpr std::uint64_t kTolerance = 20'000;  // ns; a preemption between two readings is repeated below

/// Whether the counter, converted, agrees with the clock at some of a few moments.
bool agrees_now() {
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::uint64_t before = monotonic_ns();
    const std::uint64_t converted = tsc_to_monotonic_ns(tsc_ticks());
    const std::uint64_t after = monotonic_ns();
    if (converted + kTolerance > before && converted < after + kTolerance) return true;
  }
  return false;
}

TEST(Clock, agrees_with_the_steady_clock_of_the_standard_library) {
  const auto standard = [] {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  };
  const std::uint64_t before = standard();
  const std::uint64_t now = monotonic_ns();
  EXPECT_LE(before, now);
  EXPECT_LE(now, standard());
}

TEST(Clock, converts_the_counter_to_the_monotonic_clock_on_every_thread_at_once_and_later) {
  if (!has_invariant_tsc()) GTEST_SKIP() << "this machine has no invariant time-stamp counter";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      EXPECT_TRUE(agrees_now());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      EXPECT_TRUE(agrees_now());
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Clock, converts_a_stamp_that_is_older_than_the_threads_first_conversion) {
  if (!has_invariant_tsc()) GTEST_SKIP() << "this machine has no invariant time-stamp counter";
  const std::uint64_t ns = monotonic_ns();
  const std::uint64_t ticks = tsc_ticks();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::thread([&] {
    const std::uint64_t converted = tsc_to_monotonic_ns(ticks);
    EXPECT_GT(converted + kTolerance, ns);
    EXPECT_LT(converted, ns + 1'000'000);
  }).join();
}

TEST(Clock, converts_any_stamp_to_a_time_that_a_clock_can_show) {
  for (const std::uint64_t ticks : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
    EXPECT_LE(tsc_to_monotonic_ns(ticks), static_cast<std::uint64_t>(INT64_MAX)) << ticks;
  }
}

TEST(Clock, says_how_old_a_stamp_is_to_within_a_thousandth) {
  for (const Stamp stamp : {Stamp::tsc, Stamp::monotonic}) {
    const StampClock clock(stamp);
    const std::uint64_t before = monotonic_ns();
    const std::uint64_t reading = clock.read();
    const std::uint64_t after = monotonic_ns();
    std::thread([&] {  // with a calibration of its own
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      const std::uint64_t least = monotonic_ns() - after;
      const std::uint64_t age = clock.age_ns(reading);
      const std::uint64_t most = monotonic_ns() - before;
      EXPECT_GE(age + least / 1000, least);
      EXPECT_LE(age, most + most / 1000);
    })
        .join();
    EXPECT_EQ(clock.age_ns(clock.read() + 1'000'000'000), 0U) << "a stamp of the future";
  }
}

TEST(Clock, says_how_long_a_span_is_the_better_the_longer_it_has_been_asked) {
  if (!has_invariant_tsc()) GTEST_SKIP() << "this machine has no invariant time-stamp counter";
  const std::uint64_t ticks_before = tsc_ticks();
  const std::uint64_t ns_before = monotonic_ns();
  static_cast<void>(tsc_span_ns(1));  // a window as short as the process is old
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  const std::uint64_t least = monotonic_ns() - ns_before;
  const std::uint64_t span = tsc_span_ns(tsc_ticks() - ticks_before);
  const std::uint64_t most = monotonic_ns() - ns_before + 100'000;  // and what lies between the first two readings
  EXPECT_GT(span + least / 50'000, least);
  EXPECT_LT(span, most + most / 50'000);
}

TEST(Clock, converts_an_old_stamp_well_though_fresh_ones_came_in_between) {
  if (!has_invariant_tsc()) GTEST_SKIP() << "this machine has no invariant time-stamp counter";
  const std::uint64_t ns = monotonic_ns();
  const std::uint64_t ticks = tsc_ticks();
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'200);  // the window slides on twice
  while (std::chrono::steady_clock::now() < until) {
    tsc_to_monotonic_ns(tsc_ticks());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::uint64_t converted = tsc_to_monotonic_ns(ticks);
  EXPECT_GT(converted + 2'000, ns);
  EXPECT_LT(converted, ns + 1'000'000);
}

TEST(Clock, stamps_with_the_source_that_was_asked_for) {
  EXPECT_EQ(StampClock(Stamp::off).read(), 0U);
  EXPECT_EQ(StampClock(Stamp::off).to_ns(0), 0U);
  const StampClock monotonic(Stamp::monotonic);
  const std::uint64_t before = monotonic_ns();
  const std::uint64_t reading = monotonic.read();
  EXPECT_LE(before, reading);
  EXPECT_EQ(monotonic.to_ns(reading), reading);
}

}  // namespace
}  // namespace baton
