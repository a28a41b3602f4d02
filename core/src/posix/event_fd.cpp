#include "baton/posix/event_fd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

Result<EventFd> EventFd::create() {
  FileDescriptor fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return system_failure("eventfd", "cannot be created", errno);
  return EventFd(std::move(fd));
}

void EventFd::signal() const noexcept {
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is at its limit, and so readable.
  while (::write(fd_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

std::uint64_t EventFd::drain() const noexcept {
  std::uint64_t count = 0;
  while (::read(fd_.get(), &count, sizeof(count)) < 0) {
    if (errno != EINTR) return 0;
  }
  return count;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
