#include "baton/clock.hpp"

#include <algorithm>
#include <ctime>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace baton {
inline namespace v1 {
namespace {

/// The counter and the clock, read at (nearly) the same moment.
struct ClockPair {
  std::uint64_t ticks;
  std::uint64_t ns;

  /// The closest of a few tries: a thread may be preempted between the readings, but hardly in each of them.
  static ClockPair now() noexcept {
    ClockPair closest{};
    std::uint64_t closest_by = UINT64_MAX;
    for (int tries = 0; tries < 3; ++tries) {
      const std::uint64_t before = tsc_ticks();
      const std::uint64_t ns = monotonic_ns();
      const std::uint64_t apart = tsc_ticks() - before;
      if (apart >= closest_by) continue;
      closest_by = apart;
      closest = {before + apart / 2, ns};
    }
    return closest;
  }
};

/// The earliest moment of the process that we know: every thread's first window begins here.
const ClockPair process_start = ClockPair::now();

/// Two moments between which (and a little beyond) ticks and nanoseconds are taken to be proportional.
///
/// Each pair is off by some tens of nanoseconds, so a conversion within the window is off by no more than that, and
/// one beyond it by that times (distance / window). Hence the rule: renew the later pair once a stamp lies further
/// beyond it than 1/64 of the window. The window slides on after a second, to follow the slewing of the clock.
class Calibration {
 public:
  std::uint64_t to_ns(std::uint64_t ticks) noexcept {
    const bool beyond = ticks > later_.ticks && ticks - later_.ticks > (later_.ticks - earlier_.ticks) / 64;
    if (beyond || later_.ticks == earlier_.ticks) renew();
    // A stamp from before the window is judged by all of the process's life, in which it lies.
    const ClockPair& from = ticks < earlier_.ticks ? process_start : earlier_;
    const double window_ticks = static_cast<double>(later_.ticks - from.ticks);
    const double window_ns = static_cast<double>(later_.ns - from.ns);
    const double distance =
        ticks >= later_.ticks ? static_cast<double>(ticks - later_.ticks) : -static_cast<double>(later_.ticks - ticks);
    const double ns = static_cast<double>(later_.ns) + distance * window_ns / window_ticks;
    return static_cast<std::uint64_t>(std::clamp(ns, 0.0, kLatestNs));  // a peer may write any stamp
  }

  /// A short window is made longer as soon as it can be twice as long: a pair that is off spoils it the less.
  std::uint64_t span_ns(std::uint64_t ticks) noexcept {
    if (later_.ns - earlier_.ns < kLongestWindowNs && tsc_ticks() - later_.ticks >= later_.ticks - earlier_.ticks) {
      renew();
    }
    return static_cast<std::uint64_t>(static_cast<double>(ticks) * static_cast<double>(later_.ns - earlier_.ns) /
                                      static_cast<double>(later_.ticks - earlier_.ticks));
  }

 private:
  static constexpr double kLatestNs = 9e18;  // fits in 63 bits
  static constexpr std::uint64_t kShortestWindowNs = 100'000;
  static constexpr std::uint64_t kLongestWindowNs = 1'000'000'000;

  void renew() noexcept {
    if (later_.ns - earlier_.ns > kLongestWindowNs) earlier_ = later_;
    do {
      later_ = ClockPair::now();
    } while (later_.ns - earlier_.ns < kShortestWindowNs);
  }

  ClockPair earlier_ = process_start;
  ClockPair later_ = process_start;
};

Calibration& calibration() noexcept {
  thread_local Calibration ours;
  return ours;
}

}  // namespace

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

bool has_invariant_tsc() noexcept {
#if defined(__x86_64__)
  static const bool invariant = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    constexpr unsigned kInvariantBit = 1U << 8;  // CPUID 8000_0007H, EDX bit 8
    return __get_cpuid(0x8000'0007U, &eax, &ebx, &ecx, &edx) != 0 && (edx & kInvariantBit) != 0;
  }();
  return invariant;
#else
  return false;
#endif
}

std::uint64_t tsc_to_monotonic_ns(std::uint64_t ticks) noexcept { return calibration().to_ns(ticks); }

std::uint64_t tsc_span_ns(std::uint64_t ticks) noexcept { return calibration().span_ns(ticks); }

}  // namespace v1
}  // namespace baton
