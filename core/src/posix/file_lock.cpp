#include "baton/posix/file_lock.hpp"

#include <fcntl.h>

#include <limits>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

struct flock byte_range(short type, std::uint64_t byte) noexcept {
  struct flock range {};  // l_pid must be 0 for these locks
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(byte);
  range.l_len = 1;
  return range;
}

}  // namespace

Result<bool> FileLocks::try_lock(std::uint64_t byte, Mode mode) const {
  if (byte >= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return fail(Errc::invalid_argument, fmt::format("byte {}", byte), "is beyond the largest file", "");
  }
  struct flock range = byte_range(mode == Mode::shared ? F_RDLCK : F_WRLCK, byte);
  while (::fcntl(file_.get(), F_OFD_SETLK, &range) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error == EAGAIN || error == EACCES) return false;
    return system_failure(fmt::format("byte {} of {}", byte, file_.path()), "cannot be locked", error);
  }
  return true;
}

void FileLocks::unlock(std::uint64_t byte) const noexcept {
  if (!file_) return;
  struct flock range = byte_range(F_UNLCK, byte);
  while (::fcntl(file_.get(), F_OFD_SETLK, &range) != 0 && errno == EINTR) {
  }
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
