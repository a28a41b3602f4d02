#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

enum class Access : std::uint8_t { read_only, read_write };

/// Of which size the pages of a file should be. Huge ones (2 MiB) need less of the processor for their look-up; where
/// the system gives none, they are small.
enum class Pages : std::uint8_t { small, huge };

inline constexpr std::uint64_t kHugePageBytes = std::uint64_t{2} << 20;

/// Why files of this directory get no huge pages, and what to do about it; nothing if they do, as far as can be told.
BATON_API std::optional<std::string> why_no_huge_pages(const FileDescriptor& directory);

/// How much the file system of a directory can hold in all; 0 if it has no limit, or does not say.
BATON_API std::uint64_t file_system_bytes(const FileDescriptor& directory) noexcept;

/// A file of memory, of a fixed size, to be mapped by several processes. The const functions may be called on any
/// thread, while nobody calls another one.
class BATON_API SharedMemory {
 public:
  /// Makes a file without a name in a directory (normally on tmpfs), readable and writable by its owner, zero-filled,
  /// with every page reserved, so that no later access runs out of memory. The file is gone with its last descriptor
  /// and mapping unless it is linked. Errors: `Errc::no_space` says how much was asked for and how much there is.
  /// Of huge pages are only the whole ones that the file has.
  static Result<SharedMemory> create(const FileDescriptor& directory, std::uint64_t bytes, Pages pages = Pages::small);

  /// The same without reserving anything: before a page is touched it is to be reserved with `reserve`. Errors:
  /// `Errc::no_space`, if there is less than that now.
  static Result<SharedMemory> create_unreserved(const FileDescriptor& directory, std::uint64_t bytes);

  /// Reserves a part of the file, of which some may be reserved already. Any thread.
  Result<void> reserve(std::uint64_t offset, std::uint64_t bytes) const;

  /// Whether every page of the file is.
  bool is_reserved() const noexcept;

  /// Opens an existing file of a directory. Refused are symbolic links, anything but a regular file, another owner
  /// than `owner`, and files smaller than `min_bytes`.
  static Result<SharedMemory> open(const FileDescriptor& directory, const std::string& name, Access access, uid_t owner,
                                   std::uint64_t min_bytes);

  /// Gives the file a name, at once and whole. Fails if the name is taken. A linked file stays until it is unlinked.
  Result<void> link(const FileDescriptor& directory, const std::string& name) const;

  /// Makes the file larger, zero-filled, with every page reserved. If that cannot be, it stays as it was. What is
  /// mapped stays mapped.
  Result<void> grow(std::uint64_t bytes);

  const FileDescriptor& fd() const noexcept { return fd_; }

  /// The size when the file was made, opened or grown.
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// Names the memory in errors: the file's path, or in which directory it was made.
  const std::string& label() const noexcept { return label_; }

 private:
  SharedMemory(FileDescriptor fd, std::uint64_t bytes, std::string label) noexcept
      : fd_(std::move(fd)), bytes_(bytes), label_(std::move(label)) {}

  FileDescriptor fd_;
  std::uint64_t bytes_;
  std::string label_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
