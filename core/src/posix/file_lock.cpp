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

Result<void> check_byte(std::uint64_t byte) {
  if (byte < static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return {};
  return fail(Errc::invalid_argument, fmt::format("byte {}", byte), "is beyond the largest file", "");
}

std::string byte_text(const FileDescriptor& file, std::uint64_t byte) {
  return fmt::format("byte {} of descriptor {}", byte, file.get());
}

// False if another description's lock is in the way. An error speaks of the descriptor that the caller knows.
Result<bool> set_lock(const FileDescriptor& file, std::uint64_t byte, short type, const FileDescriptor& named) {
  if (auto checked = check_byte(byte); !checked) return fail(checked.error());
  struct flock range = byte_range(type, byte);
  while (::fcntl(file.get(), F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return false;
    return system_failure(byte_text(named, byte), "cannot be locked", errno);
  }
  return true;
}

void clear_lock(const FileDescriptor& file, std::uint64_t byte) noexcept {
  struct flock range = byte_range(F_UNLCK, byte);
  while (::fcntl(file.get(), F_OFD_SETLK, &range) != 0 && errno == EINTR) {
  }
}

}  // namespace

Result<std::optional<FileLock>> FileLock::try_lock(const FileDescriptor& file, std::uint64_t byte) {
  if (auto checked = check_byte(byte); !checked) return fail(checked.error());
  // The duplicate first: once locked, nothing may fail.
  auto duplicate = file.duplicate();
  if (!duplicate) return fail(duplicate.error());
  auto locked = set_lock(*duplicate, byte, F_WRLCK, file);
  if (!locked) return fail(locked.error());
  if (!*locked) return std::optional<FileLock>();
  return std::optional(FileLock(std::move(*duplicate), byte));
}

Result<bool> FileLock::is_held_by_other(const FileDescriptor& file, std::uint64_t byte) {
  if (auto checked = check_byte(byte); !checked) return fail(checked.error());
  struct flock range = byte_range(F_WRLCK, byte);
  while (::fcntl(file.get(), F_OFD_GETLK, &range) != 0) {
    if (errno != EINTR) return system_failure(byte_text(file, byte), "its lock cannot be examined", errno);
    range = byte_range(F_WRLCK, byte);
  }
  return range.l_type != F_UNLCK;
}

void FileLock::release() noexcept {
  if (!file_) return;
  clear_lock(file_, byte_);
  file_.reset();
}

Result<bool> FileLocks::try_lock(std::uint64_t byte, Mode mode) const {
  return set_lock(file_, byte, mode == Mode::shared ? F_RDLCK : F_WRLCK, file_);
}

void FileLocks::unlock(std::uint64_t byte) const noexcept {
  if (file_) clear_lock(file_, byte);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
