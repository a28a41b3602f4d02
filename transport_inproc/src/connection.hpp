#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "baton/clock.hpp"
#include "baton/domain/deadline.hpp"
#include "baton/domain/figures.hpp"
#include "baton/domain/trouble.hpp"
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
  std::shared_ptr<const domain::PortFile> page;  // of its file, or in place of that
};

/// One publisher and one subscriber. Both ports' lists keep it alive, and it keeps the publisher's pool alive.
///
/// Every counter has one writer: the publisher, or the consumer (the subscriber's thread, or who runs its callback),
/// or, for `released`, whoever releases a sample.
struct Connection {
  /// With a publisher that is there. Reserves its share of the pool, or throws std::bad_alloc; gives it back when it is
  /// destroyed.
  Connection(std::shared_ptr<const PublisherIdentity> publisher, std::shared_ptr<ChunkPool> chunk_pool,
             std::string subscriber_name, Overflow overflow_policy, std::uint32_t queue_depth, std::uint32_t held_limit,
             std::chrono::nanoseconds longest_life)
      : Connection(std::move(publisher), std::move(chunk_pool), std::move(subscriber_name), overflow_policy,
                   queue_depth, held_limit, longest_life, share_of(queue_depth, held_limit)) {}

  /// With what a publisher has left that is gone: there is nothing to be reserved for.
  struct WithGone {};
  Connection(WithGone /*tag*/, std::shared_ptr<const PublisherIdentity> publisher,
             std::shared_ptr<ChunkPool> chunk_pool, std::string subscriber_name, Overflow overflow_policy,
             std::uint32_t queue_depth, std::uint32_t held_limit, std::chrono::nanoseconds longest_life)
      : Connection(std::move(publisher), std::move(chunk_pool), std::move(subscriber_name), overflow_policy,
                   queue_depth, held_limit, longest_life, 0) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A chunk of this connection as it crosses the seam. Its token: the connection, whose address has 48 bits, and how
  /// many messages are missing before this one.
  Chunk lend(ChunkHeader* chunk, std::uint64_t missed) noexcept {
    std::uint64_t token = reinterpret_cast<std::uintptr_t>(this);
    if (missed != 0) [[unlikely]]
      token |= std::min(missed, kMostMissed) << kMissedShift;
    return {chunk->payload(), token};
  }
  static Connection& of(Chunk chunk) noexcept {
    return *reinterpret_cast<Connection*>(chunk.token & ((std::uint64_t{1} << kMissedShift) - 1));
  }
  static std::uint32_t missed_before(Chunk chunk) noexcept {
    return static_cast<std::uint32_t>(chunk.token >> kMissedShift);
  }

  /// Messages that the publisher has numbered since the one before, and that do not come. The consumer, once for each
  /// that does.
  std::uint64_t count_missed(std::uint64_t sequence) noexcept {
    const std::uint64_t next = std::exchange(expected, sequence + 1);
    if (next == sequence) [[likely]]
      return 0;
    if (next != kUnknown) return sequence - next;
    const std::uint64_t first = first_sequence.load(std::memory_order_relaxed);  // E1: set before the first push
    return first == kUnknown ? 0 : sequence - first;
  }

  /// Puts a message of the history into the queue, which has room for it. Before the reader knows the connection.
  void give_of_history(ChunkHeader* chunk) noexcept {
    chunk->references.fetch_add(1, std::memory_order_relaxed);  // from the history's reference
    begin_with(chunk->sequence);
    domain::add(offered);
    queue.push(chunk);
  }

  /// Says which message is the first for this reader, once. The publisher, or the joiner before E6.
  void begin_with(std::uint64_t sequence) noexcept {
    if (first_sequence.load(std::memory_order_relaxed) == kUnknown) [[unlikely]]  // own word
      first_sequence.store(sequence, std::memory_order_relaxed);
  }

  bool is_too_old(std::uint64_t stamp) const noexcept { return stamp != 0 && from->clock.age_ns(stamp) > lifespan_ns; }

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

  /// What is to be told of it in events.
  domain::Trouble trouble() const noexcept;

  /// Both sides' counters, for a report that names `peer`.
  ConnectionCounters counters(const std::string& peer) const;

  const std::shared_ptr<const PublisherIdentity> from;
  const std::shared_ptr<ChunkPool> pool;
  const std::uint64_t reserved;  // of the pool
  const std::string to;          // the subscriber's node
  const Overflow overflow;
  const std::uint32_t depth;
  const std::uint64_t capacity;     // Q + B: what a lossless reader may have been given
  const std::uint64_t mark;         // of queued messages: congested from there on
  const std::uint64_t lifespan_ns;  // 0: messages do not grow old
  ChunkQueue queue;

  static constexpr unsigned kMissedShift = 48;
  static constexpr std::uint64_t kMostMissed = (1U << 14U) - 1;  // as over shared memory
  static constexpr std::uint64_t kUnknown = UINT64_MAX;

  // The counters are relaxed: figures, each with one writer, read for reports; what they order is ordered by E1 and E4.
  // `offered` is to the queue; of the history it is the joiner who writes it, before E6.
  alignas(64) std::atomic<std::uint64_t> offered{0};    // W: publisher
  std::atomic<std::uint64_t> dropped_oldest{0};         // W: publisher
  std::atomic<std::uint64_t> dropped_newest{0};         // W: publisher
  std::atomic<std::uint64_t> dropped_timeout{0};        // W: publisher
  std::atomic<std::uint64_t> first_sequence{kUnknown};  // W: publisher, or the joiner before E6; once
  std::atomic<bool> congested{false};                   // set by the publisher, ended by its keeper
  std::atomic<bool> publisher_closed{false};            // W: publisher, once
  std::optional<domain::Deadline> deadline;             // that the subscriber asks for; under its mutex
  domain::Told told_publisher;                          // of the publisher's keeper, under its mutex
  domain::Told told_subscriber;                         // of the subscriber's

  alignas(64) std::atomic<std::uint64_t> taken{0};  // W: consumer; from the queue
  std::atomic<std::uint64_t> called{0};  // W: consumer; by direct call, or too old for it: offered and taken at once
  std::atomic<std::uint64_t> undelivered{0};   // W: consumer; dropped from the queue at the subscriber's close
  std::atomic<std::uint64_t> expired{0};       // W: consumer; of both, those that were too old
  std::atomic<std::uint64_t> high_water{0};    // W: consumer; the most that were queued when one was taken
  std::uint64_t expected = kUnknown;           // the consumer's: the next number, if none is missing
  std::uint64_t skipped = 0;                   // the same: missed, and expired, since the last one handed out
  std::atomic<bool> subscriber_closed{false};  // W: subscriber, once

  alignas(64) std::atomic<std::uint64_t> released{0};  // E4; W: any thread, by fetch_add

 private:
  Connection(std::shared_ptr<const PublisherIdentity> publisher, std::shared_ptr<ChunkPool> chunk_pool,
             std::string subscriber_name, Overflow overflow_policy, std::uint32_t queue_depth, std::uint32_t held_limit,
             std::chrono::nanoseconds longest_life, std::uint64_t chunks);
};

using domain::add;

/// An identity of the calling thread: cheap, also from a shared library, and never null.
inline std::uintptr_t this_thread() noexcept {
  [[gnu::tls_model("initial-exec")]] static thread_local const char place = 0;
  return reinterpret_cast<std::uintptr_t>(&place);
}

}  // namespace baton::inproc
