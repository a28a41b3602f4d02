// Reading shared files into memory of one's own, and saying what is wrong with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "baton/error.hpp"
#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// `what` is wrong with a file's content; `path` names it.
tl::unexpected<Error> damaged(std::string_view path, std::string_view what);

/// Reads all of the bytes. A file that has not so many is `Errc::corrupt`.
Result<void> read_bytes(const posix::FileDescriptor& file, std::span<std::byte> bytes, std::uint64_t offset,
                        std::string_view path);

/// Reads what a file begins with.
template <class T>
Result<T> read_beginning(const posix::FileDescriptor& file, std::string_view path) {
  T value{};
  if (auto read = read_bytes(file, std::as_writable_bytes(std::span(&value, 1)), 0, path); !read) {
    return fail(std::move(read).error());
  }
  return value;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
