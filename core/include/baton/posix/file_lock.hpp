#pragma once

#include <cstdint>
#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Locks of any number of bytes of one file, which need not exist, as open-file-description locks: the kernel drops
/// them when the last descriptor of that description is closed, whatever ends the process. They exclude other
/// descriptions, also of this process, and not other users of this object. A forked child shares the description: its
/// copy keeps the locks alive, and unlocking there unlocks here. All have one descriptor, so that who keeps a fork from
/// inheriting them has one to close. `try_lock` and `unlock` may be called on any thread.
class BATON_API FileLocks {
 public:
  enum class Mode : std::uint8_t {
    shared,     ///< excludes exclusive ones; the file has to be open for reading
    exclusive,  ///< excludes all; the file has to be open for writing
  };

  FileLocks() noexcept = default;

  /// For a file whose description nobody else locks with.
  explicit FileLocks(FileDescriptor file) noexcept : file_(std::move(file)) {}

  /// Takes the byte, or turns a lock that this object has on it into one of the other mode. False, and nothing changed,
  /// if another description's lock is in the way. Never waits.
  Result<bool> try_lock(std::uint64_t byte, Mode mode) const;

  void unlock(std::uint64_t byte) const noexcept;

  const FileDescriptor& file() const noexcept { return file_; }

  /// Closes the descriptor. All locks go with it, except in a forked child: there, what the parent holds stays held.
  void close() noexcept { file_.reset(); }

 private:
  FileDescriptor file_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
