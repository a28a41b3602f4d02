#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Who waits for and wakes a futex: the threads of one process (cheaper), or any process that maps the word.
enum class FutexScope : std::uint8_t { process, shared };

enum class FutexWait : std::uint8_t {
  woken,    ///< by futex_wake, or for no reason: look again
  changed,  ///< the word was not the expected value
  timeout,  ///< the deadline came
  failed,   ///< the word cannot be waited on (errno says why): not mapped, or a kernel without futexes
};

/// Sleeps while `word` is `expected`, until the deadline at most (CLOCK_MONOTONIC, which is what steady_clock reads).
/// The kernel compares and falls asleep in one step, so no wake after the change is missed. Signals do not end it.
BATON_API FutexWait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, FutexScope scope,
                               std::optional<std::chrono::steady_clock::time_point> deadline = {}) noexcept;

/// Wakes up to `count` sleepers; the result is how many it woke.
BATON_API int futex_wake(std::atomic<std::uint32_t>& word, FutexScope scope, int count = 1) noexcept;

}  // namespace posix
}  // namespace v1
}  // namespace baton
