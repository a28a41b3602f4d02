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

}  // namespace

Result<std::optional<FileLock>> FileLock::try_lock(const FileDescriptor& file, std::uint64_t byte) {
  if (auto checked = check_byte(byte); !checked) return fail(checked.error());
  // The duplicate first: once locked, nothing may fail.
  auto duplicate = file.duplicate();
  if (!duplicate) return fail(duplicate.error());
  struct flock range = byte_range(F_WRLCK, byte);
  while (::fcntl(duplicate->get(), F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return std::optional<FileLock>();
    return system_failure(byte_text(file, byte), "cannot be locked", errno);
  }
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
  struct flock range = byte_range(F_UNLCK, byte_);
  while (::fcntl(file_.get(), F_OFD_SETLK, &range) != 0 && errno == EINTR) {
  }
  file_.reset();
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
