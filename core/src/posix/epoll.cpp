#include "baton/posix/epoll.hpp"

#include <sys/epoll.h>

#include <fmt/format.h>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

Result<Epoll> Epoll::create() {
  FileDescriptor fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return system_failure("epoll", "cannot be created", errno);
  return Epoll(std::move(fd));
}

Result<void> Epoll::add(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return system_failure(fmt::format("descriptor {}", fd), "cannot be waited for", errno);
}

void Epoll::remove(int fd) noexcept { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace posix
}  // namespace v1
}  // namespace baton
