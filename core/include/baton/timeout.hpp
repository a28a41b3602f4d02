#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

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

/// When such a timeout is over that begins now; `max()` for one that never is.
inline std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds timeout) noexcept {
  using Time = std::chrono::steady_clock::time_point;
  const Time now = std::chrono::steady_clock::now();
  return timeout >= Time::max() - now ? Time::max() : now + timeout;
}

/// For what nobody rings for: asks every now and then, 20 us apart at first and a millisecond in the end, until there
/// is an answer, or the timeout is over: false then.
template <class Answer>
bool look_until_answered(std::chrono::nanoseconds timeout, Answer answer) {
  const auto deadline = deadline_after(timeout);
  for (std::chrono::nanoseconds pause = std::chrono::microseconds(20);;
       pause = std::min<std::chrono::nanoseconds>(2 * pause, std::chrono::milliseconds(1))) {
    if (const std::optional<bool> given = answer()) return *given;
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    std::this_thread::sleep_until(std::min(deadline, now + pause));
  }
}

}  // namespace v1
}  // namespace baton
