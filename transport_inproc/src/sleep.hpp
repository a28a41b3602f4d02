#pragma once

#include <atomic>
#include <climits>
#include <cstdint>
#include <optional>

#include "baton/posix/futex.hpp"

namespace baton::inproc {

/// Sleeps while `word` is `expected`, until the deadline at most. The caller looks again at what it waits for.
inline void sleep_on(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                     std::optional<std::chrono::steady_clock::time_point> deadline = {}) noexcept {
  posix::futex_wait(word, expected, posix::FutexScope::process, deadline);
}

/// Wakes all who sleep on the word.
inline void wake_all(std::atomic<std::uint32_t>& word) noexcept {
  posix::futex_wake(word, posix::FutexScope::process, INT_MAX);
}

/// Changes the word, so that nobody falls asleep on the old value, and wakes all who have.
inline void bump_and_wake(std::atomic<std::uint32_t>& word) noexcept {
  word.fetch_add(1, std::memory_order_release);  // what the sleepers wait for was stored before
  wake_all(word);
}

}  // namespace baton::inproc
