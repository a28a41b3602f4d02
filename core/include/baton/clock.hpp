#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "baton/export.hpp"
#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

/// CLOCK_MONOTONIC in nanoseconds. Comparable between the processes of one time namespace.
BATON_API std::uint64_t monotonic_ns() noexcept;

/// How long ago that was; 0 for a time to come, which a clock that was read by another core may seem to be.
inline std::uint64_t age_ns(std::uint64_t when_ns) noexcept {
  const std::uint64_t now = monotonic_ns();
  return now > when_ns ? now - when_ns : 0;
}

/// Whether this machine's time-stamp counter runs at one rate, on all cores, in all power states.
BATON_API bool has_invariant_tsc() noexcept;

/// The time-stamp counter, or 0 on a machine without one.
inline std::uint64_t tsc_ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

/// Converts a reading of the time-stamp counter to CLOCK_MONOTONIC nanoseconds, to within about 100 ns for one taken in
/// the last second, and to within the clock's own adjustments since for an older one. Call it only where
/// `has_invariant_tsc()`. Each thread keeps its own calibration, so threads never contend here.
BATON_API std::uint64_t tsc_to_monotonic_ns(std::uint64_t ticks) noexcept;

/// How long so many ticks of the time-stamp counter are, to within a thousandth. As above.
BATON_API std::uint64_t tsc_span_ns(std::uint64_t ticks) noexcept;

/// A source of message stamps: `read()` is what the publisher stores, `to_ns()` what a reader makes of it.
class StampClock {
 public:
  explicit StampClock(Stamp stamp) noexcept
      : stamp_(stamp == Stamp::tsc && !has_invariant_tsc() ? Stamp::monotonic : stamp) {}

  std::uint64_t read() const noexcept {
    switch (stamp_) {
      case Stamp::tsc: return tsc_ticks();
      case Stamp::monotonic: return monotonic_ns();
      case Stamp::off: break;
    }
    return 0;
  }

  std::uint64_t to_ns(std::uint64_t reading) const noexcept {
    return stamp_ == Stamp::tsc ? tsc_to_monotonic_ns(reading) : reading;
  }

  /// How long ago a stamp was read; 0 for a time to come. Not to be asked of `Stamp::off`.
  std::uint64_t age_ns(std::uint64_t reading) const noexcept {
    if (stamp_ != Stamp::tsc) return v1::age_ns(reading);
    const std::uint64_t now = tsc_ticks();  // one clock, and so without the error of a conversion
    return now > reading ? tsc_span_ns(now - reading) : 0;
  }

 private:
  Stamp stamp_;
};

}  // namespace v1
}  // namespace baton
