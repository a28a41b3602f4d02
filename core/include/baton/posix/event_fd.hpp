#pragma once

#include <cstdint>
#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// A counter with a descriptor that is readable while it is not zero: wakes a thread that polls. Any thread may signal
/// and drain.
class BATON_API EventFd {
 public:
  static Result<EventFd> create();

  /// Adds one. Never waits; at the counter's limit it is readable anyway.
  void signal() const noexcept;

  /// Sets the counter to zero; the result is what it was.
  std::uint64_t drain() const noexcept;

  const FileDescriptor& fd() const noexcept { return fd_; }

 private:
  explicit EventFd(FileDescriptor fd) noexcept : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
