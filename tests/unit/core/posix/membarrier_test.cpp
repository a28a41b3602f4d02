#include "baton/posix/membarrier.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace baton::posix {
namespace {

// The store buffer's litmus test: without the barrier, both sides may miss the other's store. The light side has a
// compiler barrier only, so what is tested is that the heavy side's barrier reaches it.
TEST(Membarrier, lets_one_of_two_threads_see_the_others_store) {
  if (!has_membarrier()) GTEST_SKIP() << "this kernel refuses membarrier";
  constexpr int kRounds = 20'000;
  std::atomic<int> round{0};
  std::atomic<int> light_done{0};
  alignas(64) std::atomic<int> a{0};
  alignas(64) std::atomic<int> b{0};
  int light_saw = 0;
  std::thread light([&] {
    for (int i = 1; i <= kRounds; ++i) {
      while (round.load(std::memory_order_acquire) != i) {
      }
      a.store(i, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      light_saw = b.load(std::memory_order_relaxed);
      light_done.store(i, std::memory_order_release);
    }
  });
  int both_missed = 0;
  for (int i = 1; i <= kRounds; ++i) {
    round.store(i, std::memory_order_release);
    b.store(i, std::memory_order_relaxed);
    membarrier();
    const int heavy_saw = a.load(std::memory_order_relaxed);
    while (light_done.load(std::memory_order_acquire) != i) {
    }
    both_missed += heavy_saw != i && light_saw != i;
  }
  light.join();
  EXPECT_EQ(both_missed, 0);
}

}  // namespace
}  // namespace baton::posix
