#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

namespace baton {
inline namespace v1 {
namespace posix {

/// As the system's calls take durations, and points of CLOCK_MONOTONIC; a negative one is zero.
inline timespec to_timespec(std::chrono::nanoseconds time) noexcept {
  const auto ns = std::max<std::chrono::nanoseconds::rep>(0, time.count());
  timespec result{};
  result.tv_sec = static_cast<std::time_t>(ns / 1'000'000'000);
  result.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  return result;
}
inline timespec to_timespec(std::chrono::steady_clock::time_point time) noexcept {
  return to_timespec(std::chrono::nanoseconds(time.time_since_epoch()));
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
