#include "baton/posix/poll.hpp"

#include <cerrno>
#include <ctime>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

namespace {

timespec time_until(Poll::Clock::time_point deadline) noexcept {
  const auto now = Poll::Clock::now();
  const std::chrono::nanoseconds left = deadline <= now ? std::chrono::nanoseconds::zero() : deadline - now;
  timespec timeout{};
  timeout.tv_sec = static_cast<std::time_t>(left.count() / 1'000'000'000);
  timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
  return timeout;
}

}  // namespace

std::size_t Poll::add(int fd, short events) {
  entries_.push_back(pollfd{.fd = fd, .events = events, .revents = 0});
  return entries_.size() - 1;
}

void wait_until_readable(int fd, std::chrono::steady_clock::time_point deadline) noexcept {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    const timespec timeout = time_until(deadline);
    ready = ::ppoll(&entry, 1, &timeout, nullptr);
  } while (ready < 0 && errno == EINTR);
}

Result<std::size_t> Poll::wait(std::optional<Clock::time_point> deadline) {
  for (;;) {
    timespec timeout{};
    if (deadline) timeout = time_until(*deadline);
    const int ready = ::ppoll(entries_.data(), entries_.size(), deadline ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) {
      return system_failure(fmt::format("{} descriptors", entries_.size()), "cannot be waited for", errno);
    }
    for (const pollfd& entry : entries_) {
      if ((entry.revents & POLLNVAL) == 0) continue;
      return system_failure(fmt::format("descriptor {}", entry.fd), "is not open", EBADF);
    }
    return static_cast<std::size_t>(ready);
  }
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
