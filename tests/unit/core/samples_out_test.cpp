#include "baton/samples_out.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(SamplesOut, rings_once_when_one_is_released_at_the_limit) {
  SamplesOut out(2);
  int rung = 0;
  const auto ring = [&] { ++rung; };
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(out.is_at_limit());
    out.add();
  }
  EXPECT_TRUE(out.is_at_limit());
  EXPECT_EQ(out.size(), 2U);
  EXPECT_FALSE(out.release(ring));
  EXPECT_FALSE(out.release(ring));
  EXPECT_EQ(rung, 1);
  EXPECT_FALSE(out.is_at_limit());
  EXPECT_EQ(out.size(), 0U);
}

TEST(SamplesOut, tells_one_who_is_to_free_the_port) {
  const auto ring = [] {};
  SamplesOut none(1);
  EXPECT_TRUE(none.abandon());
  SamplesOut back(1);
  back.add();
  EXPECT_TRUE(back.is_at_limit());
  EXPECT_FALSE(back.release(ring));
  EXPECT_TRUE(back.abandon());
  SamplesOut out(2);
  out.add();
  out.add();
  EXPECT_TRUE(out.is_at_limit());
  EXPECT_FALSE(out.abandon());
  EXPECT_FALSE(out.release(ring));
  EXPECT_TRUE(out.release(ring));
}

TEST(SamplesOut, loses_no_ring_and_no_release_of_several_threads) {
  constexpr int kSamples = 200'000;
  SamplesOut out(1);
  std::atomic<int> lent{0};
  std::atomic<int> rung{0};
  std::atomic<int> freed{0};
  const auto ring = [&] {
    rung.fetch_add(1);
    rung.notify_one();
  };
  std::vector<std::jthread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&, i] {
      for (int sample = i; sample < kSamples; sample += 2) {
        for (int now = lent.load(); now <= sample; now = lent.load()) lent.wait(now);
        if (out.release(ring)) freed.fetch_add(1);
      }
    });
  }
  for (int sample = 0; sample < kSamples; ++sample) {
    for (int seen = rung.load(); out.is_at_limit(); seen = rung.load()) rung.wait(seen);  // for ever, if one is lost
    out.add();
    lent.store(sample + 1);
    lent.notify_all();
  }
  if (out.abandon()) freed.fetch_add(1);
  others.clear();
  EXPECT_EQ(freed.load(), 1);
}

}  // namespace
}  // namespace baton
