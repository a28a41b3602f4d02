#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "baton/domain/bell.hpp"
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

/// A ringer's end of a bell (see bell.hpp): rings each arming once. Releases on any thread may ring, so the remembered
/// number is atomic; two threads that ring one number do no harm.
class Ringer {
 public:
  /// After the deed: wakes who sleeps on the futex, and rings the socket if the bell asks for it. True if it did.
  bool ring(domain::Bell& bell, const SocketBell* socket) noexcept {
    const std::uint64_t armed = bell.armed.load(std::memory_order_seq_cst);       // W1: after the deed
    if (armed == 0 || armed == rung_.load(std::memory_order_relaxed)) [[likely]]  // a private note
      return false;
    ring_armed(bell, armed, socket);
    return true;
  }

 private:
  [[gnu::noinline]] void ring_armed(domain::Bell& bell, std::uint64_t armed, const SocketBell* socket) noexcept {
    domain::ring_futex(bell);
    if (socket != nullptr && (armed & domain::kRingSocket) != 0) socket->ring();
    rung_.store(armed, std::memory_order_relaxed);  // when all is done, lest another thread takes it for done before
  }

  std::atomic<std::uint64_t> rung_{0};  // numbers are times, so those of two bells do not meet
};

}  // namespace baton::shm
