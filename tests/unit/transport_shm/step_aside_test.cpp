#include "step_aside.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "baton/clock.hpp"

namespace baton::shm {
namespace {

bool yes() { return true; }
bool no() { return false; }

TEST(StepAside, goes_on_as_long_as_more_than_one_message_comes_meanwhile) {
  StepAside aside;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t begin = monotonic_ns();
    EXPECT_TRUE(aside.nothing_found()) << "time " << i;
    EXPECT_GE(monotonic_ns() - begin, kAsideNs);
    aside.found(yes);
    aside.found(no);  // what is taken without a look in vain says nothing
  }
}

TEST(StepAside, rests_longer_and_longer_where_it_does_not_pay) {
  StepAside aside;
  std::vector<int> tries;
  for (int message = 0; message < 20'000; ++message) {
    if (aside.nothing_found()) tries.push_back(message);
    EXPECT_FALSE(aside.nothing_found()) << "once for each message";
    EXPECT_FALSE(aside.is_polling());
    EXPECT_FALSE(aside.nothing_found());
    EXPECT_TRUE(aside.is_polling());
    aside.found(yes);  // but not at once
  }
  EXPECT_EQ(tries, (std::vector<int>{0, 17, 50, 115, 244, 501, 1'014, 2'039, 4'088, 8'185, 12'282, 16'379}));
}

TEST(StepAside, begins_again_with_a_short_rest_when_it_has_paid) {
  StepAside aside;
  for (int message = 0; message < 600; ++message) {
    aside.nothing_found();
    aside.found(no);
  }
  int until_it_tries = 0;
  while (!aside.nothing_found()) {
    ++until_it_tries;
    aside.found(no);
  }
  EXPECT_GT(until_it_tries, 16);
  aside.found(yes);
  ASSERT_TRUE(aside.nothing_found()) << "it paid";
  aside.found(no);
  for (int message = 0; message < 16; ++message) {
    EXPECT_FALSE(aside.nothing_found());
    aside.found(no);
  }
  EXPECT_TRUE(aside.nothing_found());
}

}  // namespace
}  // namespace baton::shm
