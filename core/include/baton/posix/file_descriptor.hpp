#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "baton/error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Owns an open file descriptor and closes it. Every descriptor made here is close-on-exec. The const functions may be
/// called on any thread, while nobody calls another one.
class BATON_API FileDescriptor {
 public:
  FileDescriptor() noexcept = default;

  /// Takes ownership of a descriptor; -1 owns nothing.
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}

  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~FileDescriptor() { reset(); }

  /// open(2). `mode` is for O_CREAT and O_TMPFILE.
  static Result<FileDescriptor> open(const std::string& path, int flags, mode_t mode = 0);

  /// openat(2): `name` is looked up in `directory`, which is only used during the call.
  static Result<FileDescriptor> open_at(const FileDescriptor& directory, const std::string& name, int flags,
                                        mode_t mode = 0);

  /// Where the file is now, for a message to a person; "descriptor 7" where /proc does not say.
  std::string path() const;

  /// The descriptor, or -1. It stays owned.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor up without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what is owned, and takes ownership of `fd`.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
