#include "baton/posix/shared_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

tl::unexpected<Error> no_space(const FileDescriptor& file, const std::string& label, std::uint64_t bytes,
                               int os_errno) {
  std::string available = "an unknown number of";
  struct statvfs status {};
  if (::fstatvfs(file.get(), &status) == 0) available = std::to_string(status.f_bavail * status.f_frsize);
  return fail(Errc::no_space, label, fmt::format("{} bytes were asked for, {} bytes are available", bytes, available),
              "make the messages, depths or counts smaller, or the shared memory larger", os_errno);
}

// Reserves every page. In steps: a signal makes the kernel undo the step it interrupts, so that one step for all of a
// large file might never end where a timer ticks.
Result<void> reserve(const FileDescriptor& file, const std::string& label, std::uint64_t bytes,
                     std::uint64_t reserved = 0) {
  constexpr std::uint64_t kStep = 16U << 20U;
  if (bytes == 0) return fail(Errc::invalid_argument, label, "a size of 0 bytes", "ask for at least one byte");
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return no_space(file, label, bytes, 0);
  // What cannot fit at all is refused before anything of it is taken from others.
  struct statvfs status {};
  if (::fstatvfs(file.get(), &status) == 0 && status.f_blocks != 0 &&
      (bytes - reserved) / status.f_frsize > status.f_bavail) {
    return no_space(file, label, bytes - reserved, ENOSPC);
  }
  for (std::uint64_t done = reserved; done < bytes;) {
    const std::uint64_t step = std::min(kStep, bytes - done);
    const int error = ::posix_fallocate(file.get(), static_cast<off_t>(done), static_cast<off_t>(step));
    if (error == ENOSPC || error == EFBIG || error == ENOMEM) {
      // Given back first, so that the message counts it as available. If that fails, the message says less.
      static_cast<void>(::ftruncate(file.get(), static_cast<off_t>(reserved)) == 0);
      return no_space(file, label, bytes - reserved, error);
    }
    if (error != 0 && error != EINTR) return system_failure(label, "cannot be reserved", error);
    if (error == 0) done += step;
  }
  return {};
}

}  // namespace

Result<SharedMemory> SharedMemory::create(const FileDescriptor& directory, std::uint64_t bytes) {
  const std::string label = "unnamed shared memory in " + directory.path();
  auto file = FileDescriptor::open_at(directory, ".", O_TMPFILE | O_RDWR, 0600);
  if (!file) return system_failure(label, "cannot be created", file.error().os_errno());
  if (auto reserved = reserve(*file, label, bytes); !reserved) return fail(reserved.error());
  return SharedMemory(std::move(*file), bytes, label);
}

Result<SharedMemory> SharedMemory::open(const FileDescriptor& directory, const std::string& name, Access access,
                                        uid_t owner, std::uint64_t min_bytes) {
  std::string path = path_in(directory, name);
  // Without O_NONBLOCK, opening a pipe that somebody put there would wait for its other end.
  const int flags = (access == Access::read_write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK;
  auto file = FileDescriptor::open_at(directory, name, flags);
  if (!file) {
    switch (const int error = file.error().os_errno()) {
      case ELOOP: return fail(Errc::permission, path, "is a symbolic link, which is refused", "remove it", error);
      case ENXIO:  // a socket
      case EISDIR: return fail(Errc::permission, path, "is not a regular file", "remove it");
      case EACCES:
      case EPERM:
        return fail(Errc::permission, path, "may not be opened", "remove it, or give its user the right", error);
      default: return fail(file.error());
    }
  }
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return system_failure(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::permission, path, "is not a regular file", "remove it");
  if (status.st_uid != owner) {
    return fail(Errc::permission, path, fmt::format("belongs to user {}, expected {}", status.st_uid, owner),
                "have it removed");
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes < min_bytes) {
    return fail(Errc::corrupt, path, fmt::format("has {} bytes, at least {} expected", bytes, min_bytes),
                "end the program that it belongs to, and start it again");
  }
  return SharedMemory(std::move(*file), bytes, std::move(path));
}

Result<void> SharedMemory::grow(std::uint64_t bytes) {
  if (auto reserved = reserve(fd_, label_, bytes, bytes_); !reserved) return reserved;
  bytes_ = bytes;
  return {};
}

Result<void> SharedMemory::link(const FileDescriptor& directory, const std::string& name) const {
  // By way of /proc, because naming a descriptor itself (AT_EMPTY_PATH) takes a privilege.
  const std::string source = fmt::format("/proc/self/fd/{}", fd_.get());
  if (::linkat(AT_FDCWD, source.c_str(), directory.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  const int error = errno;
  if (error == ENOENT && ::access("/proc/self/fd", F_OK) != 0) {
    // Not ENOENT, which says that the directory is gone.
    return fail(Errc::system, path_in(directory, name), "cannot be given its name, because there is no /proc/self/fd",
                "mount /proc where this program runs");
  }
  return system_failure(path_in(directory, name), "shared memory cannot be given this name", error);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
