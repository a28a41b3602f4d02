// The error of a failed system call, and how it names files.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "baton/error.hpp"
#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// A file of a directory, for a message. Changes errno.
inline std::string path_in(const FileDescriptor& directory, const std::string& name) {
  return name == "." ? directory.path() : directory.path() + "/" + name;
}

/// `where` names the object, `cause` what could not be done with it. Running out of something is `Errc::no_space`.
[[nodiscard]] inline tl::unexpected<Error> system_failure(std::string_view where, std::string_view cause,
                                                          int os_errno) {
  switch (os_errno) {
    case ENOSPC:
    case ENOMEM:
    case EDQUOT: return fail(Errc::no_space, where, cause, "", os_errno);
    case EMFILE: return fail(Errc::no_space, where, cause, "raise the limit of open files (ulimit -n)", os_errno);
    case ENFILE: return fail(Errc::no_space, where, cause, "raise fs.file-max", os_errno);
    default: return fail(Errc::system, where, cause, "", os_errno);
  }
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
