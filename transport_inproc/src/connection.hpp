#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "baton/clock.hpp"
#include "baton/port.hpp"
#include "chunk_pool.hpp"
#include "chunk_queue.hpp"

namespace baton::inproc {

/// What a connection, and so a sample, must know of its publisher, also after that is gone.
struct PublisherIdentity {
  std::string topic;
  std::string node;
  std::uint64_t port_id;
  StampClock clock;
};

/// One publisher and one subscriber. Both ports' lists keep it alive, and it keeps the publisher's pool alive.
///
/// Every counter has one writer: the publisher, or the consumer (the subscriber's thread, or who runs its callback),
/// or, for `released`, whoever releases a sample.
struct Connection {
  /// Reserves its share of the pool, or throws std::bad_alloc; gives it back when it is destroyed.
  Connection(std::shared_ptr<const PublisherIdentity> publisher, std::shared_ptr<ChunkPool> chunk_pool,
             std::string subscriber_name, Overflow overflow_policy, std::uint32_t queue_depth,
             std::uint32_t held_limit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A chunk of this connection as it crosses the seam, and the connection of such a chunk.
  Chunk lend(ChunkHeader* chunk) noexcept { return {chunk->payload(), reinterpret_cast<std::uintptr_t>(this)}; }
  static Connection& of(Chunk chunk) noexcept { return *reinterpret_cast<Connection*>(chunk.token); }

  /// The chunks that this connection may keep from the publisher: what a reader may have been given, and one that is
  /// inside a callback when a reader that holds samples goes over to being called back.
  std::uint64_t share() const noexcept { return share_of(depth, capacity - depth); }
  static std::uint64_t share_of(std::uint64_t queue_depth, std::uint64_t held_limit) noexcept {
    return queue_depth + held_limit + 1;
  }

  /// Chunks given to the reader's queue and not given back. The publisher's thread; others get a figure.
  std::uint64_t given() const noexcept {
    const std::uint64_t back = released.load(std::memory_order_seq_cst);  // E4 (acquire). W2: after `room_waiters_`
    return offered.load(std::memory_order_relaxed) - dropped_oldest.load(std::memory_order_relaxed) -
           dropped_newest.load(std::memory_order_relaxed) - dropped_timeout.load(std::memory_order_relaxed) -
           undelivered.load(std::memory_order_relaxed) - back;
  }

  bool has_room(std::uint64_t chunks = 1) const noexcept {
    return given() + chunks <= capacity || subscriber_closed.load(std::memory_order_acquire);  // before the wake-up
  }

  /// Whether neither side has closed.
  bool live() const noexcept {
    return !publisher_closed.load(std::memory_order_relaxed) && !subscriber_closed.load(std::memory_order_relaxed);
  }

  /// Whether the publisher is gone and nothing of it is queued or held any more.
  bool departed() const noexcept {
    // acquire: the publisher's last push comes before its farewell.
    return publisher_closed.load(std::memory_order_acquire) && given() == 0;
  }

  /// Both sides' counters, for a report that names `peer`.
  ConnectionCounters counters(const std::string& peer) const;

  const std::shared_ptr<const PublisherIdentity> from;
  const std::shared_ptr<ChunkPool> pool;
  const std::string to;  // the subscriber's node
  const Overflow overflow;
  const std::uint32_t depth;
  const std::uint64_t capacity;  // Q + B: what a lossless reader may have been given
  ChunkQueue queue;

  // The counters are relaxed: figures, each with one writer, read for reports; what they order is ordered by E1 and E4.
  // `offered` is to the queue; of the history it is the joiner who writes it, before E6.
  alignas(64) std::atomic<std::uint64_t> offered{0};  // W: publisher
  std::atomic<std::uint64_t> dropped_oldest{0};       // W: publisher
  std::atomic<std::uint64_t> dropped_newest{0};       // W: publisher
  std::atomic<std::uint64_t> dropped_timeout{0};      // W: publisher
  std::atomic<bool> publisher_closed{false};          // W: publisher, once

  alignas(64) std::atomic<std::uint64_t> taken{0};  // W: consumer; from the queue
  std::atomic<std::uint64_t> called{0};             // W: consumer; by direct call, offered and taken at once
  std::atomic<std::uint64_t> undelivered{0};        // W: consumer; dropped from the queue at the subscriber's close
  std::atomic<bool> subscriber_closed{false};       // W: subscriber, once

  alignas(64) std::atomic<std::uint64_t> released{0};  // E4; W: any thread, by fetch_add
};

/// Adds to a counter that only this thread writes.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

/// An identity of the calling thread: cheap, also from a shared library, and never null.
inline std::uintptr_t this_thread() noexcept {
  [[gnu::tls_model("initial-exec")]] static thread_local const char place = 0;
  return reinterpret_cast<std::uintptr_t>(&place);
}

}  // namespace baton::inproc
