#include "baton/posix/file_descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

// -1 with errno.
int open_in(int directory, const std::string& path, int flags, mode_t mode) noexcept {
  for (;;) {
    const int fd = ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EINTR) return fd;
  }
}

}  // namespace

Result<FileDescriptor> FileDescriptor::open(const std::string& path, int flags, mode_t mode) {
  FileDescriptor opened(open_in(AT_FDCWD, path, flags, mode));
  if (!opened) return system_failure(path, "cannot be opened", errno);
  return opened;
}

Result<FileDescriptor> FileDescriptor::open_at(const FileDescriptor& directory, const std::string& name, int flags,
                                               mode_t mode) {
  FileDescriptor opened(open_in(directory.get(), name, flags, mode));
  if (opened) return opened;
  const int error = errno;
  return system_failure(path_in(directory, name), "cannot be opened", error);
}

std::string FileDescriptor::path() const {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd_).c_str(), buffer.data(), buffer.size());
  if (size <= 0) return fmt::format("descriptor {}", fd_);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

void FileDescriptor::reset(int fd) noexcept {
  // Not repeated on EINTR: Linux has closed the descriptor by then, and the number may be another thread's already.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
