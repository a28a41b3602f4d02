#include "baton/posix/semaphore.hpp"

#include <cerrno>
#include <ctime>

namespace baton {
inline namespace v1 {
namespace posix {

bool semaphore_wait(::sem_t& semaphore, std::chrono::steady_clock::time_point deadline) noexcept {
  const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  timespec until{};
  until.tv_sec = static_cast<std::time_t>(since_boot / 1'000'000'000);
  until.tv_nsec = static_cast<long>(since_boot % 1'000'000'000);
  while (::sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
