#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "baton/domain/member.hpp"

namespace baton::shm {

/// The socket behind a subscriber's fd(), as those see it who make it readable. Its name is put together once, because
/// a publish may ring it.
class SocketBell {
 public:
  SocketBell(domain::Member& member, std::uint32_t bucket, const domain::PortRef& subscriber)
      : member_(&member), bucket_(bucket), name_(domain::bell_socket_name(subscriber)) {}

  /// Where that cannot be, the subscriber's bell's futex and the capped sleeps remain.
  void ring() const noexcept try {
    const auto directory = member_->directory(bucket_);
    if (!directory) return;
    const std::byte anything{};
    static_cast<void>(member_->socket().send(**directory, name_, {&anything, 1}));
  } catch (const std::bad_alloc&) {
  }

 private:
  domain::Member* member_;
  std::uint32_t bucket_;
  std::string name_;
};

}  // namespace baton::shm
