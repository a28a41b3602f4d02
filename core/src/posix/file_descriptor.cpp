#include "baton/posix/file_descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

Result<FileDescriptor> open_in(int directory, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return FileDescriptor(fd);
    if (errno != EINTR) return system_failure(path, "cannot be opened", errno);
  }
}

}  // namespace

Result<FileDescriptor> FileDescriptor::open(const std::string& path, int flags, mode_t mode) {
  return open_in(AT_FDCWD, path, flags, mode);
}

Result<FileDescriptor> FileDescriptor::open_at(const FileDescriptor& directory, const std::string& name, int flags,
                                               mode_t mode) {
  return open_in(directory.get(), name, flags, mode);
}

Result<FileDescriptor> FileDescriptor::duplicate() const {
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return system_failure(fmt::format("descriptor {}", fd_), "cannot be duplicated", errno);
  return FileDescriptor(fd);
}

void FileDescriptor::reset(int fd) noexcept {
  // Not repeated on EINTR: Linux has closed the descriptor by then, and the number may be another thread's already.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
