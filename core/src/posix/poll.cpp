#include "baton/posix/poll.hpp"

#include <algorithm>
#include <ctime>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

std::size_t Poll::add(int fd, short events) {
  entries_.push_back(pollfd{.fd = fd, .events = events, .revents = 0});
  return entries_.size() - 1;
}

Result<std::size_t> Poll::wait(std::optional<Clock::time_point> deadline) {
  for (;;) {
    timespec timeout{};
    if (deadline) {
      const auto left = std::max(std::chrono::nanoseconds::zero(),
                                 std::chrono::duration_cast<std::chrono::nanoseconds>(*deadline - Clock::now()));
      timeout.tv_sec = static_cast<std::time_t>(left.count() / 1'000'000'000);
      timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
    }
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
