#include "baton/posix/socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

struct Address {
  sockaddr_un value{};
  socklen_t bytes = 0;
};

std::string label_of(const FileDescriptor& directory, const std::string& name) {
  return fmt::format("socket '{}'", path_in(directory, name));
}

// A socket's address holds 107 characters, which a directory's path alone may exceed: the directory is named by its
// descriptor instead.
Result<Address> address_of(const FileDescriptor& directory, const std::string& name) {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", directory.get(), name);
  Address address;
  if (path.size() >= sizeof(address.value.sun_path)) {
    const std::size_t most = sizeof(address.value.sun_path) - 1 - (path.size() - name.size());
    return fail(Errc::invalid_argument, label_of(directory, name), fmt::format("its name has {} bytes", name.size()),
                fmt::format("at most {} fit into a socket's address", most), ENAMETOOLONG);
  }
  address.value.sun_family = AF_UNIX;
  std::memcpy(address.value.sun_path, path.c_str(), path.size() + 1);
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

}  // namespace

Result<Socket> Socket::bind(const FileDescriptor& directory, const std::string& name) {
  auto address = address_of(directory, name);
  if (!address) return fail(address.error());
  std::string label = label_of(directory, name);
  FileDescriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_failure(label, "cannot be made", errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->value), address->bytes) != 0) {
    return system_failure(label, "cannot be bound", errno);
  }
  return Socket(std::move(fd), std::move(label));
}

Result<Socket::Sent> Socket::send(const FileDescriptor& directory, const std::string& name,
                                  std::span<const std::byte> datagram) const {
  auto address = address_of(directory, name);
  if (!address) return fail(address.error());
  for (;;) {
    const ssize_t sent = ::sendto(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address->value), address->bytes);
    if (sent >= 0) return Sent::sent;
    switch (errno) {
      case EINTR: continue;
      case EAGAIN: return Sent::full;
      case ENOENT:
      case ECONNREFUSED: return Sent::gone;
      case EMSGSIZE:
        return fail(Errc::too_large, label_of(directory, name),
                    fmt::format("a datagram of {} bytes cannot be sent", datagram.size()), "", EMSGSIZE);
      default: {
        const int error = errno;
        return system_failure(label_of(directory, name), "a datagram cannot be sent", error);
      }
    }
  }
}

Result<std::optional<std::size_t>> Socket::receive(std::span<std::byte> buffer) const {
  for (;;) {
    // With MSG_TRUNC the result is the datagram's size, also if it is larger than the buffer.
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return std::optional<std::size_t>();
    if (size < 0) return system_failure(name_, "nothing can be received", errno);
    const auto bytes = static_cast<std::size_t>(size);
    if (bytes <= buffer.size()) return std::optional(bytes);
    return fail(Errc::too_large, name_,
                fmt::format("a datagram of {} bytes came, the buffer has {}", bytes, buffer.size()), "");
  }
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
