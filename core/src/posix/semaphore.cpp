#include "baton/posix/semaphore.hpp"

#include <cerrno>

#include "posix/timespec.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

constexpr int kMostPosts = 1'000;  // a count that says more is damaged; too many posts only wake too early

}  // namespace

bool semaphore_wait(::sem_t& semaphore, std::chrono::steady_clock::time_point deadline) noexcept {
  const timespec until = to_timespec(deadline);
  while (::sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

void forget_posts(::sem_t& semaphore) noexcept {
  for (int posts = 0; posts < kMostPosts && ::sem_trywait(&semaphore) == 0; ++posts) {
  }
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
