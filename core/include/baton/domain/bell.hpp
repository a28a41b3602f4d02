#pragma once

/// Bells: how a process that sleeps is woken by another, without a system call while it is awake, and without losing a
/// wake-up whoever is killed or stopped in the middle.
///
/// Roles:      one sleeper arms the bell and sleeps; any number of ringers look at it after each thing they have done.
/// States:     silent (armed = 0); armed with a number of its own, fresh for each arming; rung (sequence changed).
/// Hand-over:
///   | sleeper                                   | ringer                                                   |
///   |-------------------------------------------|----------------------------------------------------------|
///   | s = sequence                              | does what the sleeper waits for (an entry, a release)    |
///   | armed = fresh number                 (W1) | looks at armed                                      (W1) |
///   | looks again at what it waits for     (W1) | if it holds a number that this ringer has not rung yet:  |
///   | sleeps while sequence = s                 |   ++sequence, wakes, sends; remembers the number         |
///   | awake: armed = 0                          |                                                          |
/// Invariant:  W1: all four are seq_cst, so of "armed, then looked" and "done, then looked at armed" one sees the
/// other.
///             Nobody but the sleeper writes `armed`: a ringer that is stopped before its wake silences no other one,
///             because each rings a number once for itself.
/// Crash windows: a ringer that dies after its deed and before the wake leaves the sleeper asleep: its death is noticed
///             by the sleeper's keeper, which rings; without a keeper, sleeps are capped (kLongestSleep). A sleeper
///             that dies leaves the bell armed: each ringer makes one system call in vain.

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

#include "baton/domain/layout.hpp"
#include "baton/posix/futex.hpp"
#include "baton/posix/semaphore.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

// What to ring, in `Bell::armed`. The futex is rung in any case.
inline constexpr std::uint64_t kRingFutex = 1;
inline constexpr std::uint64_t kRingSocket = 2;
inline constexpr std::uint64_t kRingSemaphore = 4;
inline constexpr unsigned kRingBits = 3;

/// The longest sleep of a node that has no keeper to notice that a ringer died.
inline constexpr std::chrono::milliseconds kLongestSleep{100};

/// The sleeper's end of a bell. For one thread at a time.
class Sleeper {
 public:
  explicit Sleeper(Bell& bell) noexcept : bell_(&bell) {}

  /// Before `arm`: what `sleep` compares with.
  std::uint32_t sequence() const noexcept {
    return bell_->sequence.load(std::memory_order_seq_cst);  // before arming: a ring from now on is seen
  }

  void arm(std::uint64_t mechanisms) noexcept {
    bell_->armed.store(next_number() << kRingBits | mechanisms,
                       std::memory_order_seq_cst);  // W1: then the caller looks again
  }

  void disarm() noexcept {
    bell_->armed.store(0,
                       std::memory_order_relaxed);  // an awake sleeper need not be rung; a ring too many does no harm
  }

  void sleep(std::uint32_t sequence, std::chrono::steady_clock::time_point deadline) const noexcept {
    posix::futex_wait(bell_->sequence, sequence, posix::FutexScope::shared, deadline);
  }

  /// Instead, when armed with `kRingSemaphore`. Before `arm` come `forget_posts`: of earlier armings.
  void sleep_on_semaphore(std::chrono::steady_clock::time_point deadline) const noexcept {
    posix::semaphore_wait(bell_->semaphore, deadline);
  }
  void forget_posts() const noexcept { posix::forget_posts(bell_->semaphore); }

 private:
  /// A number that no sleeper has armed with before, neither of this bell nor of another one that a ringer may know:
  /// counted for the whole process, from the time at which it began.
  static std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> next{
        static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())};
    return next.fetch_add(1, std::memory_order_relaxed);  // a count only
  }

  Bell* bell_;
};

/// Wakes whoever sleeps on the bell's futex, for reasons that are not in its protocol: a death, a re-pointed bell.
inline void ring_futex(Bell& bell) noexcept {
  bell.sequence.fetch_add(1, std::memory_order_seq_cst);  // first, so that nobody falls asleep on the old value
  posix::futex_wake(bell.sequence, posix::FutexScope::shared, INT_MAX);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
