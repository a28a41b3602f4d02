#pragma once

#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// One descriptor that is readable while any of several others is. Owns none of them. For one thread at a time; whoever
/// waits for `fd` may be another.
class BATON_API Epoll {
 public:
  static Result<Epoll> create();

  /// Adds an open descriptor, which must be removed before it is closed: in a child that was forked meanwhile its file
  /// stays open, and would be reported for ever.
  Result<void> add(int fd);
  void remove(int fd) noexcept;

  const FileDescriptor& fd() const noexcept { return fd_; }

 private:
  explicit Epoll(FileDescriptor fd) noexcept : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
