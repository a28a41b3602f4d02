#include "domain/file_content.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

tl::unexpected<Error> damaged(std::string_view path, std::string_view what) {
  return fail(Errc::corrupt, path, what, "end the programs of the domain, and start them again");
}

Result<void> read_bytes(const posix::FileDescriptor& file, std::span<std::byte> bytes, std::uint64_t offset,
                        std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return posix::system_failure(path, "cannot be read", errno);
    if (count == 0) {
      struct stat status {};
      if (::fstat(file.get(), &status) != 0) return posix::system_failure(path, "cannot be examined", errno);
      return damaged(path, fmt::format("is cut off: it has {} bytes", status.st_size));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
