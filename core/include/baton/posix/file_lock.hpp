#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// An exclusive lock of one byte of a file, which need not exist, as an open-file-description lock: the kernel drops it
/// when the last descriptor of that description is closed, whatever ends the process. It excludes other descriptions,
/// also of this process, and not other users of the same one. A forked child shares the description: its copy keeps
/// the lock alive, and releasing it there releases it here. For one thread at a time.
class BATON_API FileLock {
 public:
  /// Takes the lock of a file open for writing, or returns nothing if another description has it. Never waits. The
  /// lock keeps the description open with a descriptor of its own.
  static Result<std::optional<FileLock>> try_lock(const FileDescriptor& file, std::uint64_t byte);

  /// Whether another description than that of `file` has the byte locked, now.
  static Result<bool> is_held_by_other(const FileDescriptor& file, std::uint64_t byte);

  FileLock(FileLock&& other) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept {
    if (this != &other) {
      release();
      file_ = std::move(other.file_);
      byte_ = other.byte_;
    }
    return *this;
  }
  ~FileLock() { release(); }

  /// Gives the lock up now.
  void release() noexcept;

  bool is_held() const noexcept { return static_cast<bool>(file_); }

 private:
  FileLock(FileDescriptor file, std::uint64_t byte) noexcept : file_(std::move(file)), byte_(byte) {}

  FileDescriptor file_;
  std::uint64_t byte_;
};

/// Locks of any number of bytes of one file, all with one open file description and one descriptor, so that who keeps a
/// fork from inheriting them has one descriptor to close. Users of one object do not exclude each other. `try_lock`,
/// `unlock` and `is_held_by_other` may be called on any thread.
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

  /// Whether another description has the byte locked in a mode that excludes an exclusive lock, now.
  Result<bool> is_held_by_other(std::uint64_t byte) const { return FileLock::is_held_by_other(file_, byte); }

  const FileDescriptor& file() const noexcept { return file_; }

  /// Closes the descriptor. All locks go with it, except in a forked child: there, what the parent holds stays held.
  void close() noexcept { file_.reset(); }

 private:
  FileDescriptor file_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
