#include "baton/posix/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "posix/timespec.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

int operation(int verb, FutexScope scope) noexcept {
  return scope == FutexScope::process ? verb | FUTEX_PRIVATE_FLAG : verb;
}

}  // namespace

FutexWait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, FutexScope scope,
                     std::optional<std::chrono::steady_clock::time_point> deadline) noexcept {
  timespec until{};
  if (deadline) until = to_timespec(*deadline);
  for (;;) {
    // The BITSET form, because its deadline is a point in time: it stays right when a signal interrupts.
    const long result = ::syscall(SYS_futex, &word, operation(FUTEX_WAIT_BITSET, scope), expected,
                                  deadline ? &until : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
    if (result == 0) return FutexWait::woken;
    switch (errno) {
      case EINTR: continue;
      case EAGAIN: return FutexWait::changed;
      case ETIMEDOUT: return FutexWait::timeout;
      default: return FutexWait::failed;
    }
  }
}

int futex_wake(std::atomic<std::uint32_t>& word, FutexScope scope, int count) noexcept {
  const long woken = ::syscall(SYS_futex, &word, operation(FUTEX_WAKE, scope), count, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
