#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

/// Tells the processor that this is a loop which waits.
inline void relax() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Looks for a while before somebody sleeps: to fall asleep and be woken costs both sides a system call and some 10 us,
/// so it is worth while where what is waited for comes sooner than that. For one thread at a time.
///
/// Adaptive, it looks only while the waits before were shorter than it may look: it keeps their mean, in which the last
/// one counts a quarter. So somebody who waits for a message a millisecond does not spin, and an idle one never does.
/// Nor does one whose processor others want: a yield that takes its time tells.
class Spin {
 public:
  using Clock = std::chrono::steady_clock;

  /// Whether anybody can do anything while a thread looks: not on a machine of one processor.
  static bool others_run_meanwhile() noexcept {
    static const bool several = std::thread::hardware_concurrency() != 1;
    return several;
  }

  /// How long it looks at most, adaptive.
  static constexpr std::chrono::nanoseconds kAdaptive = std::chrono::microseconds(50);

  /// A `Qos::spin`. On a machine of one processor nobody can do anything meanwhile, and it never looks.
  explicit Spin(std::chrono::nanoseconds spin) noexcept
      : longest_(!others_run_meanwhile()      ? std::chrono::nanoseconds::zero()
                 : spin == Qos::kAdaptiveSpin ? kAdaptive
                                              : spin),
        adaptive_(spin == Qos::kAdaptiveSpin) {}

  /// Whether it is worth while to look at all.
  bool is_on() const noexcept { return longest_.count() != 0 && (!adaptive_ || mean_ <= kAdaptive); }

  /// Looks until `look` is true, or the time is over: false then. In between others may run; adaptive, it gives up when
  /// they do.
  template <class Look>
  bool run(Clock::time_point begin, Clock::time_point deadline, Look look) noexcept {
    const Clock::time_point end = std::min(deadline, begin + longest_);
    while (true) {
      if (look_for_a_while(look)) return true;
      const Clock::time_point before = Clock::now();
      if (before >= end) return false;
      std::this_thread::yield();
      if (!adaptive_ || Clock::now() - before < kYieldAlone) continue;
      mean_ = kLongestMean;
      return false;
    }
  }

  /// The same for who never sleeps, until the deadline.
  template <class Look>
  static bool look(Clock::time_point deadline, Look look) noexcept {
    while (!look_for_a_while(look)) {
      if (Clock::now() >= deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  /// After a wait, whether it slept or not.
  void note(std::chrono::nanoseconds waited) noexcept {
    if (adaptive_) mean_ += (std::min(waited, kLongestMean) - mean_) / 4;
  }

 private:
  template <class Look>
  static bool look_for_a_while(Look& look) noexcept {
    for (int i = 0; i < kLooksPerYield; ++i) {
      if (look()) return true;
      for (int pause = 0; pause < kPausesPerLook; ++pause) relax();
    }
    return false;
  }
  /// From there some ten short waits bring it back.
  static constexpr std::chrono::nanoseconds kLongestMean = 16 * kAdaptive;
  /// A yield to nobody takes less.
  static constexpr std::chrono::nanoseconds kYieldAlone = std::chrono::microseconds(3);
  static constexpr int kLooksPerYield = 32;
  static constexpr int kPausesPerLook = 4;

  std::chrono::nanoseconds longest_;
  bool adaptive_;
  std::chrono::nanoseconds mean_ = kLongestMean;
};

}  // namespace v1
}  // namespace baton
