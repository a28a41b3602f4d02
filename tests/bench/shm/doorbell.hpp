#pragma once

// The least that a sleeping reader costs: one word to look at after each message, and a futex.
//
// | reader                              | writer                                          |
// |-------------------------------------|-------------------------------------------------|
// | armed = 1                      (D1) | publishes                                  (D1) |
// | looks again for a message      (D1) | looks at armed; if set: armed = 0, wakes   (D1) |
// | sleeps while armed = 1              |                                                 |
//
// D1: all four are seq_cst, so of "armed, then looked" and "published, then looked at armed" one sees the other.

#include <atomic>
#include <chrono>
#include <cstdint>

#include "baton/posix/futex.hpp"

namespace bench {

class alignas(64) Doorbell {
 public:
  /// The writer, after it has published with a seq_cst store.
  void ring() noexcept {
    if (armed_.load(std::memory_order_seq_cst) == 0) return;  // D1
    armed_.store(0, std::memory_order_relaxed);               // the kernel's own lock orders it before the wake
    baton::posix::futex_wake(armed_, baton::posix::FutexScope::shared);
  }

  /// The reader. `ready` looks for a message with a seq_cst load.
  template <class Ready>
  void wait(Ready&& ready) noexcept {
    armed_.store(1, std::memory_order_seq_cst);  // D1
    if (!ready()) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
      baton::posix::futex_wait(armed_, 1, baton::posix::FutexScope::shared, deadline);
    }
    armed_.store(0, std::memory_order_relaxed);  // awake: a ring too many does no harm
  }

 private:
  std::atomic<std::uint32_t> armed_{0};
};

}  // namespace bench
