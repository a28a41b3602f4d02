// Processes that come and go all the time, and are killed at random times: inside system calls as well, and while
// others do something, which a sweep does not reach.
//
// BATON_KILLS makes it longer, BATON_SEED repeats the times.

#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "process.hpp"
#include "survivors.hpp"

namespace crash {
namespace {

TEST(Churn, survivors_lose_nothing_when_a_process_that_comes_and_goes_is_killed_at_random_times) {
  const unsigned kills = number_from("BATON_KILLS", 60);
  const unsigned seed = number_from("BATON_SEED", 1);
  std::printf("%u kills, seed %u\n", kills, seed);
  std::mt19937 random(seed);
  std::optional<Survivors> survivors(std::in_place, Reaping::by_survivors);
  const std::string domain = survivors->domain();
  survivors->open_readers(4);  // so that there is room for nodes that are about to leave, later on
  EXPECT_EQ(Child({"churner", domain, "1000", "4"}).wait(), 0);
  survivors->close_extras();
  survivors->remember();
  for (unsigned kill = 0; kill < kills && !testing::Test::HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill) + " of seed " + std::to_string(seed));
    Child churner({"churner", domain, std::to_string(10'000 + kill * 1'000), "1000"});
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 30'000);
    while (std::chrono::steady_clock::now() < end) survivors->exchange();
    churner.kill();
    survivors->outlive();
  }
  survivors->end();
  survivors.reset();
  EXPECT_TRUE(eventually([&] { return is_gone(domain); })) << domain << " is left";
}

}  // namespace
}  // namespace crash
