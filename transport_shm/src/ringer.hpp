#pragma once

#include <atomic>
#include <cstdint>

#include "baton/domain/bell.hpp"
#include "baton/domain/member.hpp"

namespace baton::shm {

/// A ringer's end of a bell (see bell.hpp): rings each arming once. Releases on any thread may ring, so the remembered
/// number is atomic; two threads that ring one number do no harm.
class Ringer {
 public:
  /// After the deed: wakes who sleeps on the futex. True if the sleeper's socket is to be rung as well.
  bool ring(domain::Bell& bell) noexcept {
    const std::uint64_t armed = bell.armed.load(std::memory_order_seq_cst);       // W1: after the deed
    if (armed == 0 || armed == rung_.load(std::memory_order_relaxed)) [[likely]]  // a private note
      return false;
    domain::ring_futex(bell);
    rung_.store(armed, std::memory_order_relaxed);  // afterwards, lest another thread takes it for done
    return (armed & domain::kRingSocket) != 0;
  }

 private:
  std::atomic<std::uint64_t> rung_{0};  // numbers are times, so those of two bells do not meet
};

/// Makes a subscriber's fd() readable. Where that cannot be, its bell's futex and the capped sleeps remain.
inline void ring_socket(domain::Member& member, std::uint32_t bucket, const domain::PortRef& subscriber) noexcept {
  const auto directory = member.directory(bucket);
  if (!directory) return;
  const std::byte anything{};
  static_cast<void>(member.socket().send(**directory, domain::bell_socket_name(subscriber), {&anything, 1}));
}

}  // namespace baton::shm
