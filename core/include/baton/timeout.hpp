#pragma once

#include <chrono>

namespace baton {
inline namespace v1 {

/// A user's timeout as ports take it: zero if it is zero or negative, `std::chrono::nanoseconds::max()`, which is for
/// ever, if it does not fit into 64 bits of nanoseconds.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds to_timeout(std::chrono::duration<Rep, Period> timeout) noexcept {
  using std::chrono::nanoseconds;
  constexpr auto kLongest = std::chrono::duration_cast<std::chrono::duration<double>>(nanoseconds::max());
  // Casting a duration that does not fit is undefined, so the extremes come first.
  if (timeout <= timeout.zero()) return nanoseconds::zero();
  if (std::chrono::duration<double>(timeout) >= kLongest) return nanoseconds::max();
  return std::chrono::duration_cast<nanoseconds>(timeout);
}

}  // namespace v1
}  // namespace baton
