#include "baton/spin.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace baton {
namespace {

using namespace std::chrono_literals;

const bool kSeveralProcessors = std::thread::hardware_concurrency() != 1;

TEST(Spin, adaptive_is_on_only_while_waits_are_short) {
  if (!kSeveralProcessors) GTEST_SKIP() << "on one processor it is never on";
  Spin spin(Qos::kAdaptiveSpin);
  EXPECT_FALSE(spin.is_on()) << "it does not know yet";
  int short_waits = 0;
  for (; !spin.is_on() && short_waits < 100; ++short_waits) spin.note(1us);
  EXPECT_LT(short_waits, 15);
  spin.note(1ms);
  EXPECT_FALSE(spin.is_on());
  for (int i = 0; i < 100; ++i) spin.note(1ms);
  EXPECT_FALSE(spin.is_on()) << "a message a millisecond";
}

TEST(Spin, off_and_of_a_time_do_as_they_say_whatever_they_see) {
  Spin off(0ns);
  Spin fixed(20us);
  for (int i = 0; i < 20; ++i) {
    off.note(1us);
    fixed.note(1h);
  }
  EXPECT_FALSE(off.is_on());
  EXPECT_EQ(fixed.is_on(), kSeveralProcessors);
}

TEST(Spin, looks_until_it_finds_something_or_the_time_is_over) {
  if (!kSeveralProcessors) GTEST_SKIP() << "on one processor it does not look";
  Spin spin(5ms);
  int looks = 0;
  const auto begin = Spin::Clock::now();
  EXPECT_TRUE(spin.run(begin, begin + 1h, [&] { return ++looks == 1'000; }));
  EXPECT_EQ(looks, 1'000);
  const auto again = Spin::Clock::now();
  EXPECT_FALSE(spin.run(again, again + 1h, [] { return false; }));
  EXPECT_GE(Spin::Clock::now() - again, 5ms);
  const auto last = Spin::Clock::now();
  EXPECT_FALSE(spin.run(last, last + 100us, [] { return false; })) << "the deadline of the wait is sooner";
}

}  // namespace
}  // namespace baton
