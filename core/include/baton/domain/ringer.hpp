#pragma once

#include <atomic>
#include <cstdint>

#include "baton/domain/bell.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// A ringer's end of a bell (see bell.hpp): rings each arming once. Releases on any thread may ring, so the remembered
/// number is atomic; two threads that ring one number do no harm.
class Ringer {
 public:
  /// After the deed: wakes who sleeps on the futex, and rings `signal` if the bell asks for that. True if it did.
  template <class Signal>
  bool ring(Bell& bell, const Signal* signal) noexcept {
    const std::uint64_t armed = bell.armed.load(std::memory_order_seq_cst);       // W1: after the deed
    if (armed == 0 || armed == rung_.load(std::memory_order_relaxed)) [[likely]]  // a private note
      return false;
    ring_armed(bell, armed, signal);
    return true;
  }

 private:
  template <class Signal>
  [[gnu::noinline]] void ring_armed(Bell& bell, std::uint64_t armed, const Signal* signal) noexcept {
    ring_futex(bell);
    if (signal != nullptr && (armed & kRingSocket) != 0) signal->ring();
    if ((armed & kRingSemaphore) != 0) static_cast<void>(::sem_post(&bell.semaphore));
    rung_.store(armed, std::memory_order_relaxed);  // when all is done, lest another thread takes it for done before
  }

  std::atomic<std::uint64_t> rung_{0};  // numbers are times, so those of two bells do not meet
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
