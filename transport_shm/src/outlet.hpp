#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "baton/domain/bell.hpp"
#include "baton/domain/member.hpp"
#include "baton/port.hpp"
#include "chunk_pool.hpp"
#include "layout.hpp"
#include "reference.hpp"
#include "ringer.hpp"

namespace baton::shm {

/// A subscriber's inbox as a publisher sees it: the header, and the slot that the publisher claimed.
struct ClaimedSlot {
  std::shared_ptr<const posix::Mapping> header_mapping;
  std::shared_ptr<const posix::Mapping> slot_mapping;
  InboxHead* inbox = nullptr;
  SlotHead* slot = nullptr;
  std::uint32_t index = 0;
  std::uint32_t queue_shift = 0;
};

/// The publishing end of a connection.
///
/// Roles:      the publisher writes submission entries and, to take an entry back, the head; it reads completion
///             entries, which the subscriber writes. Everything else here is private, and guarded by the publisher's
///             guard.
/// States:     open; leaving (the subscriber has said that it takes nothing any more: what is held comes back by
/// completion);
///             broken (it completed what it was never given: nothing more is given, what it has stays given until it
///             has gone).
/// Hand-over:  E1 entry out, E2 entry back, H1 head: see the README.
/// Invariants: I1, I3, I6; given() <= Q + B, and one more under `drop_oldest`: the connection's share of the pool.
/// Crash windows: the subscriber's death at any point: `abandon` clears the given-set. Ours: nothing here survives us,
/// and the
///             queue holds complete entries only.
class Outlet {
 public:
  struct Request {
    domain::PortRef reader;
    std::string node;
    Overflow overflow = Overflow::drop_oldest;
    std::uint32_t depth = 0;
    std::uint32_t max_held = 0;
  };

  Outlet(Request request, ClaimedSlot claimed, domain::Member::NodeView reader_node);

  const Request& request() const noexcept { return request_; }

  /// Who the reader is to the pool. Set once, before anything is given.
  void set_holder(std::uint32_t holder) noexcept { holder_ = holder; }
  std::uint32_t holder() const noexcept { return holder_; }

  bool lossless() const noexcept {
    return request_.overflow == Overflow::reject || request_.overflow == Overflow::block;
  }

  /// Looks at what came back. The publisher does so before it calls a connection full, and when its pool is low.
  void collect(ChunkPool& pool) noexcept;

  /// Whether a lossless reader may be given so many more.
  bool has_room(ChunkPool& pool, std::uint64_t chunks = 1) noexcept {
    if (given_ + chunks <= capacity_) [[likely]]
      return true;
    collect(pool);
    return given_ + chunks <= capacity_;
  }

  /// Gives the reader a reference to the chunk, or drops it, or an older one, by the connection's policy. True if it
  /// was given.
  bool give(ChunkPool& pool, ChunkPool::Number chunk, std::uint32_t& dropped) noexcept;

  /// After `give`: the ready bit and the bell. True if the reader's socket is to be rung.
  bool ring() noexcept;

  /// Tells the subscriber to look at its slots.
  bool announce_slot() noexcept;

  /// A reader of this connection will not be waited for, and what it has no room for is dropped.
  void set_hung(bool hung) noexcept { hung_.store(hung, std::memory_order_relaxed); }  // a hint: the wake-up orders
  bool hung() const noexcept { return hung_.load(std::memory_order_relaxed); }
  bool broken() const noexcept { return broken_; }
  bool reader_leaves() const noexcept {
    return claimed_.inbox->notes.leaving.load(std::memory_order_acquire) != 0;  // L1
  }

  /// The reader takes nothing any more: takes back what it has not taken. What it holds comes back by `collect`.
  void end(ChunkPool& pool) noexcept;
  std::uint64_t given() const noexcept { return given_; }

  /// How many of the pool's chunks are there for this reader.
  std::uint64_t share() const noexcept { return capacity_ + 1; }

  /// The publisher closes: the slot is the subscriber's again.
  void close_slot() noexcept;

  /// Of a publisher that waits for room here.
  domain::Sleeper& sleeper() noexcept { return sleeper_; }
  void wake_publisher() noexcept { domain::ring_futex(claimed_.slot->room); }

  ConnectionCounters counters(ChunkPool& pool) noexcept;

 private:
  std::uint32_t take_back(ChunkPool& pool, std::uint64_t limit) noexcept;
  bool find_room(ChunkPool& pool, std::uint32_t& dropped) noexcept;

  /// Ends the reader's hold of a chunk. False, and broken, if it has none: it completed what it had not taken.
  bool give_back(ChunkPool& pool, ChunkPool::Number chunk) noexcept;

  const Request request_;
  const ClaimedSlot claimed_;
  const domain::Member::NodeView reader_node_;

  const QueueShape shape_;
  std::atomic<std::uint64_t>* const entries_;            // E1; W: us
  const std::atomic<std::uint64_t>* const completions_;  // E2; W: subscriber
  std::atomic<std::uint64_t>* const ready_word_;         // W2
  const std::uint64_t ready_bit_;
  const std::uint64_t capacity_;  // Q + B
  const std::uint64_t limit_;     // of given_: Q + B, and one more under `drop_oldest`
  const std::uint64_t depth_;     // under `drop_oldest` Q, else beyond reach

  std::uint32_t holder_ = 0;
  std::uint64_t tail_ = 0;       // the next position to be written
  std::uint64_t seen_head_ = 0;  // under drop_oldest: the head as it was when last looked at
  std::uint64_t given_ = 0;      // references out, and not collected back
  std::uint64_t collected_ = 0;  // the next completion to be read
  std::vector<ChunkPool::Number> shadow_;

  // Figures.
  std::uint64_t dropped_oldest_ = 0;
  std::uint64_t dropped_newest_ = 0;
  std::uint64_t dropped_timeout_ = 0;
  std::uint64_t undelivered_ = 0;

  Ringer ringer_;
  domain::Sleeper sleeper_;
  bool broken_ = false;
  std::atomic<bool> hung_{false};  // W: under the publisher's cold mutex
};

inline bool Outlet::give_back(ChunkPool& pool, ChunkPool::Number chunk) noexcept {
  if (!pool.release(chunk, holder_)) [[unlikely]] {
    broken_ = true;
    return false;
  }
  --given_;
  return true;
}

inline void Outlet::collect(ChunkPool& pool) noexcept {
  while (!broken_) {
    // E2 (acquire): the reader's last read. W3: after arming the room bell. A plain load on x86.
    const std::uint64_t entry = completions_[shape_.index(collected_)].load(std::memory_order_seq_cst);
    if (!shape_.is_at(entry, collected_)) return;
    const ChunkPool::Number chunk = pool.find(QueueShape::reference(entry));
    if (chunk == ChunkPool::kNone) [[unlikely]] {
      broken_ = true;
    } else if (give_back(pool, chunk)) {
      ++collected_;
    }
  }
}

inline bool Outlet::give(ChunkPool& pool, ChunkPool::Number chunk, std::uint32_t& dropped) noexcept {
  // Under other policies than `drop_oldest` the depth is beyond reach, and the head is not looked at.
  if (tail_ - seen_head_ >= depth_ || given_ >= limit_ || broken_) [[unlikely]] {
    if (!find_room(pool, dropped)) return false;
  }
  pool.hold(chunk, holder_);
  ++given_;
  const std::uint64_t index = shape_.index(tail_);
  shadow_[index] = chunk;
  // E1 (release): payload and header. W1, W2: before the ready bit and the bell.
  entries_[index].store(shape_.entry(tail_, pool.reference(chunk)), std::memory_order_seq_cst);
  ++tail_;
  return true;
}

inline bool Outlet::ring() noexcept {
  // W2: after the entry. Set only where it reads clear, so that a busy reader's publishers do not fight for the line.
  if ((ready_word_->load(std::memory_order_seq_cst) & ready_bit_) == 0) [[unlikely]]
    ready_word_->fetch_or(ready_bit_, std::memory_order_seq_cst);
  const std::uint32_t which = claimed_.inbox->notes.bell.load(std::memory_order_seq_cst);  // W1: never cached
  if (which == 0) [[likely]]
    return ringer_.ring(claimed_.inbox->bell);
  if (which > domain::kNodeBells) return false;  // a damaged word: its reader has only itself to wake
  return ringer_.ring(*reader_node_.bell(which - 1));
}

}  // namespace baton::shm
