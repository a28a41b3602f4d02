// The directory of a domain: made if it is missing, opened only if nobody else could have made or may change it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "baton/error.hpp"
#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// "<parent>/baton-<uid>/<domain>", opened component by component, none of which may be a symbolic link.
struct Directory {
  posix::FileDescriptor fd;
  posix::FileDescriptor user;  ///< "<parent>/baton-<uid>"
  posix::FileDescriptor parent;
  std::string path;
  std::string name;       ///< the last component
  std::string user_name;  ///< "baton-<uid>"

  /// "<parent>/baton-<uid>/<domain>".
  static std::string path_of(const std::string& parent, const std::string& domain);

  /// The parent must exist. An error with ENOENT, if the parent is there: somebody removed a directory just after it
  /// was made here; try again.
  static Result<Directory> open(const std::string& parent, const std::string& domain);

  /// Removes the directory, and the user's, where they are empty.
  void remove_if_empty() const noexcept;
};

/// The directory `name` in another, made if it is missing. `path` names it in errors.
Result<posix::FileDescriptor> open_own_directory(const posix::FileDescriptor& parent, const std::string& name,
                                                 const std::string& path);

/// Opens a directory in another one, if it is one.
Result<posix::FileDescriptor> open_below(const posix::FileDescriptor& directory, const std::string& name);

/// The names in a directory that begin with `prefix`; all, or an error.
Result<std::vector<std::string>> list_names(const posix::FileDescriptor& directory, std::string_view prefix = {});

/// True if the name is gone, whoever removed it.
bool unlink_name(const posix::FileDescriptor& directory, const std::string& name) noexcept;

/// The latest generation of a node of which something latched is left, or 0. One that no node can have had does not
/// count.
Result<std::uint64_t> latest_generation_left(const Directory& directory);

/// Removes all files of a domain's directory and its buckets, but for what latched publishers have left; the registry
/// last, and only if nothing else is left, for without it nobody would ever look for the rest. Only for who has the
/// domain to himself. The error is the first thing that could not be listed or removed.
Result<void> remove_files(const Directory& directory);

/// Removes the files of a slot's owners, or of the one of that generation, from the directory and the buckets in it,
/// but for what latched publishers leave. Without an error, no other is left for sure.
Result<void> remove_files_of(const Directory& directory, std::uint32_t slot,
                             std::optional<std::uint64_t> generation = std::nullopt);

}  // namespace domain
}  // namespace v1
}  // namespace baton
