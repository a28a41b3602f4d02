#include "baton/posix/poll.hpp"

#include <cerrno>
#include <span>

#include "posix/system_error.hpp"
#include "posix/timespec.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

namespace {

/// How many are ready, or -1 and errno. Signals do not end it.
int poll_until(std::span<pollfd> entries, std::optional<Poll::Clock::time_point> deadline) noexcept {
  int ready = 0;
  do {
    const timespec timeout = deadline ? to_timespec(*deadline - Poll::Clock::now()) : timespec{};
    ready = ::ppoll(entries.data(), entries.size(), deadline ? &timeout : nullptr, nullptr);
  } while (ready < 0 && errno == EINTR);
  return ready;
}

}  // namespace

std::size_t Poll::add(int fd, short events) {
  entries_.push_back(pollfd{.fd = fd, .events = events, .revents = 0});
  return entries_.size() - 1;
}

void wait_until_readable(int fd, std::chrono::steady_clock::time_point deadline) noexcept {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  poll_until(std::span(&entry, 1), deadline);
}

Result<std::size_t> Poll::wait(std::optional<Clock::time_point> deadline) {
  const int ready = poll_until(entries_, deadline);
  if (ready < 0) return system_failure(fmt::format("{} descriptors", entries_.size()), "cannot be waited for", errno);
  for (const pollfd& entry : entries_) {
    if ((entry.revents & POLLNVAL) == 0) continue;
    return system_failure(fmt::format("descriptor {}", entry.fd), "is not open", EBADF);
  }
  return static_cast<std::size_t>(ready);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
