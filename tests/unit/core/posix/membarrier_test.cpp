#include "baton/posix/membarrier.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <thread>

#include <gtest/gtest.h>

namespace baton::posix {
namespace {

/// The store buffer's litmus test: without the barrier, both sides may miss the other's store. The light side has a
/// compiler barrier only, so what is tested is that the heavy side's barrier reaches it.
struct Litmus {
  int rounds = 0;
  std::atomic<int> round{0};
  std::atomic<int> light_done{0};
  alignas(64) std::atomic<int> a{0};
  alignas(64) std::atomic<int> b{0};
  alignas(64) std::atomic<int> light_saw{0};

  void be_light() {
    for (int i = 1; i <= rounds; ++i) {
      while (round.load(std::memory_order_acquire) != i) {
      }
      a.store(i, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      light_saw.store(b.load(std::memory_order_relaxed), std::memory_order_relaxed);
      light_done.store(i, std::memory_order_release);
    }
  }

  /// In how many rounds both missed the other's store.
  int be_heavy(void (*barrier)() noexcept) {
    int both_missed = 0;
    for (int i = 1; i <= rounds; ++i) {
      round.store(i, std::memory_order_release);
      b.store(i, std::memory_order_relaxed);
      barrier();
      const int heavy_saw = a.load(std::memory_order_relaxed);
      while (light_done.load(std::memory_order_acquire) != i) {
      }
      both_missed += heavy_saw != i && light_saw.load(std::memory_order_relaxed) != i;
    }
    return both_missed;
  }
};

TEST(Membarrier, lets_one_of_two_threads_see_the_others_store) {
  if (!has_membarrier()) GTEST_SKIP() << "this kernel refuses membarrier";
  Litmus litmus{.rounds = 20'000};
  std::thread light([&] { litmus.be_light(); });
  EXPECT_EQ(litmus.be_heavy(membarrier), 0);
  light.join();
}

TEST(Membarrier, lets_one_of_two_processes_see_the_others_store) {
  if (!has_membarrier_everywhere()) GTEST_SKIP() << "this kernel refuses membarrier";
  void* const shared = ::mmap(nullptr, sizeof(Litmus), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& litmus = *::new (shared) Litmus{.rounds = 20'000};
  const pid_t light = ::fork();
  ASSERT_GE(light, 0);
  if (light == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    litmus.be_light();
    ::_exit(0);
  }
  EXPECT_EQ(litmus.be_heavy(membarrier_everywhere), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(light, &status, 0), light);
  EXPECT_EQ(status, 0);
  ::munmap(shared, sizeof(Litmus));
}

}  // namespace
}  // namespace baton::posix
