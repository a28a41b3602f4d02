#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// A Unix datagram socket whose address is a name in a directory. Nothing here waits. The const functions may be called
/// on any thread, while nobody calls another one.
class BATON_API Socket {
 public:
  enum class Sent : std::uint8_t {
    sent,
    full,  ///< the receiver's queue is full; nothing was sent
    gone,  ///< nobody has that address
  };

  /// A socket that receives at `directory`/`name`. The name must be free. It stays in the directory when the socket is
  /// closed: whoever keeps the directory unlinks it.
  static Result<Socket> bind(const FileDescriptor& directory, const std::string& name);

  /// Sends one datagram, whole.
  Result<Sent> send(const FileDescriptor& directory, const std::string& name,
                    std::span<const std::byte> datagram) const;

  /// Takes one datagram: its size, or nothing if none has come. One that does not fit is taken, and is an error
  /// (`Errc::too_large`).
  Result<std::optional<std::size_t>> receive(std::span<std::byte> buffer) const;

  /// Readable while a datagram waits.
  const FileDescriptor& fd() const noexcept { return fd_; }

 private:
  Socket(FileDescriptor fd, std::string name) noexcept : fd_(std::move(fd)), name_(std::move(name)) {}

  FileDescriptor fd_;
  std::string name_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
