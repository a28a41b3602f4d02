#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "baton/domain/bell.hpp"
#include "baton/domain/figures.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/ringer.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/port.hpp"
#include "chunk_pool.hpp"
#include "claimed_slot.hpp"
#include "layout.hpp"
#include "reference.hpp"
#include "ring.hpp"
#include "ring_outlet.hpp"
#include "socket_bell.hpp"

namespace baton::shm {

/// The publishing end of a connection.
///
/// Roles:      the publisher writes submission entries and, to take an entry back, the head; it reads
///             completion entries, which the subscriber writes. Everything else here is private, and guarded
///             by the publisher's guard.
/// States:     open;
///             leaving (the subscriber has said that it takes nothing any more, of nobody or of this
///             publisher: what is held comes back by completion);
///             broken (it completed what it was never given: nothing more is given, and what it has stays
///             given until it has gone).
/// Hand-over:  E1 entry out, E2 entry back, H1 head, L1 leaving: see the README.
/// Invariants: I1, I3, I6; given() <= Q + B, and one more under `drop_oldest`: the connection's share of the
///             pool.
/// Crash windows: the subscriber's death at any point: the publisher gives back its place in the pool, which
///             clears the given-set. Ours: nothing here survives us, and the queue holds complete entries
///             only.
class Outlet {
 public:
  struct Request {
    domain::PortRef reader;
    std::string node;
    Overflow overflow = Overflow::drop_oldest;
    std::uint32_t depth = 0;
    std::uint32_t max_held = 0;
  };

  /// `seen_epoch` and `concern` are the publisher's.
  Outlet(Request request, ClaimedSlot claimed, domain::Member::NodeView reader_node, SocketBell reader_socket,
         std::atomic<std::uint32_t>& seen_epoch, domain::Concern& concern);

  /// The publisher has a ring, which outlives this, and the reader begins at a position. Before anything else. Throws
  /// std::bad_alloc.
  void follow(const Ring& ring, std::uint64_t first);

  /// Of a publisher with a ring: how many messages, the next one included, can be published before this reader is to be
  /// looked at again; 0: that one passes it by, after `pass_by`.
  std::uint64_t ring_credit() noexcept;
  void pass_by() noexcept {
    tap_->pass_by(ring_->tail(), lossless_);
    concern_.raise();
  }
  RingOutlet& tap() noexcept { return *tap_; }
  const RingOutlet& tap() const noexcept { return *tap_; }
  /// Of a ring: what the reader has not taken is kept for it.
  bool holds_floor() const noexcept { return tap_->keeps_floor() && !hung() && !broken(); }

  const Request& request() const noexcept { return request_; }

  /// Who the reader is to the pool. Set once, before anything is given.
  void set_holder(ChunkPool::Holder holder) noexcept { holder_ = holder; }
  ChunkPool::Holder holder() const noexcept { return holder_; }

  /// Looks at what came back. The publisher does so before it calls a connection full, and when its pool is low.
  void collect(ChunkPool& pool) noexcept;

  /// Whether a reader for whom room is made first has none, as far as is known without `collect`.
  bool seems_full() noexcept { return credit_ == 0 && lossless_ && !top_up(); }

  bool is_full(ChunkPool& pool) noexcept {
    if (ring_ != nullptr) return lossless_ && ring_room() == 0;
    if (!seems_full()) return false;
    collect(pool);
    return !top_up();
  }

  /// Gives the reader a reference to the chunk, or drops it, or an older one, by the connection's policy. True if it
  /// was given.
  bool give(ChunkPool& pool, ChunkPool::Number chunk, std::uint32_t& dropped) noexcept;

  /// After `give`: the ready bit and the bell. True if the reader was asleep.
  bool ring() noexcept;

  /// Asks the reader to let go of a segment that it may have mapped: R1. Its chunks are idle.
  void ask_back(std::uint32_t segment) noexcept;
  /// It never will have.
  void has_not_mapped(std::uint32_t segment) noexcept { asked_back_ &= ~(std::uint64_t{1} << segment); }
  /// Whether it has not done so yet.
  bool may_have_mapped(std::uint32_t segment) noexcept;
  /// The number is another segment's now.
  void use_again(std::uint32_t segment) noexcept;

  /// Tells the subscriber to look at its slots.
  void announce_slot() noexcept;

  /// A reader of this connection will not be waited for, and what it has no room for is dropped.
  void set_hung(bool hung) noexcept { hung_.store(hung, std::memory_order_relaxed); }  // a hint: the wake-up orders
  bool hung() const noexcept { return hung_.load(std::memory_order_relaxed); }
  /// seq_cst, as its store is: see break_off().
  bool broken() const noexcept { return broken_.load(std::memory_order_seq_cst); }
  /// The reader takes nothing any more, of nobody or of this publisher.
  bool reader_leaves() const noexcept {
    return claimed_.inbox->notes.leaving.load(std::memory_order_acquire) != 0 || reader_refuses();  // L1
  }
  /// It cannot read what it is given.
  bool reader_refuses() const noexcept {
    return claimed_.slot->head.refuses.load(std::memory_order_seq_cst) != 0;  // L1. W3: after arming the room bell
  }

  /// The reader leaves: takes back what it has not taken. What it holds comes back by `collect`.
  void end(ChunkPool& pool) noexcept;

  /// References out, and not back.
  std::uint64_t given() const noexcept {
    if (ring_ != nullptr) return ring_given();
    return tail_ - collected_ - dropped_oldest_ - undelivered_;
  }

  /// How many of the pool's chunks are there for this reader.
  std::uint64_t share() const noexcept { return share_of(request_.depth, request_.max_held); }

  /// Nothing more is given, and nothing is looked at any more: the slot is the subscriber's again. Once.
  void close_slot() noexcept;

  /// Of a publisher that waits for room here.
  domain::Sleeper& sleeper() noexcept { return sleeper_; }
  void wake_publisher() noexcept { domain::ring_futex(claimed_.slot->room); }

  ConnectionCounters counters(ChunkPool& pool) noexcept;

  /// Messages that the reader has not taken yet, of what is in its queue.
  std::uint64_t queued() const noexcept;

  /// What has changed for the worse, or the better again, since the last time, as events of the publisher. True if
  /// there was something, or will be: the queue is over its mark.
  bool tell_trouble(EventQueue& events, const std::string& topic, std::vector<Event>& to_announce) noexcept;
  bool in_trouble = false;  ///< what that said last; the publisher's keeper's

  /// Whether the books agree: see PublisherPort::audit. `published` is the publisher's count; none where the reader has
  /// left, to whom nothing is offered any more.
  void audit(const ChunkPool& pool, std::optional<std::uint64_t> published, std::vector<std::string>& findings) const;

  /// The messages from this number on are offered. Before the first `give`.
  void begin_with(std::uint64_t sequence) noexcept { first_sequence_ = sequence; }

 private:
  std::uint64_t ring_room() noexcept;
  std::uint64_t ring_given() const noexcept;
  void check_tap() noexcept;
  void audit_tap(std::optional<std::uint64_t> published, std::vector<std::string>& findings) const;
  void look_at_level() noexcept;
  std::uint32_t take_back(ChunkPool& pool, std::uint64_t limit) noexcept;
  void refill() noexcept;
  /// False if there is no room. If it was the level only that was to be looked at, there is.
  [[gnu::noinline]] bool top_up() noexcept {
    refill();
    return credit_ != 0;
  }
  void pass_over() noexcept;
  bool find_room(ChunkPool& pool, std::uint32_t& dropped) noexcept;

  /// The reader completed what it had not taken. The publisher's next verb, or its keeper, lets go of it: it looks when
  /// `seen_epoch_` differs from the epoch. seq_cst, and in this order: a look that begins now stores the epoch and asks
  /// afterwards who is broken, so it sees that this one is, or its number is changed here.
  void break_off() noexcept {
    broken_.store(true, std::memory_order_seq_cst);
    credit_ = 0;
    seen_epoch_.fetch_sub(1, std::memory_order_seq_cst);
  }
  bool is_broken() const noexcept { return broken_.load(std::memory_order_relaxed); }  // W: who is in the guard

  const Request request_;
  const ClaimedSlot claimed_;
  const domain::Member::NodeView reader_node_;
  const SocketBell reader_socket_;
  std::atomic<std::uint32_t>& seen_epoch_;
  domain::Concern& concern_;

  const QueueShape shape_;
  std::atomic<std::uint64_t>* const entries_;            // E1; W: us
  const std::atomic<std::uint64_t>* const completions_;  // E2; W: subscriber
  std::atomic<std::uint64_t>* const ready_word_;         // W2
  const std::uint64_t ready_bit_;
  const std::uint64_t limit_;  // of given(): Q + B, and one more under `drop_oldest`
  const std::uint64_t depth_;  // under `drop_oldest` Q, else beyond reach
  const bool lossless_;        // `reject` or `block`
  const std::uint64_t mark_;   // of queued messages: congested from there on; a queue of a few has none

  ChunkPool::Holder holder_;
  std::uint64_t credit_ = 0;     // how many can be given before room has to be looked for; never too many
  std::uint64_t tail_ = 0;       // the next position to be written
  std::uint64_t seen_head_ = 0;  // under drop_oldest: the head as it was when last looked at
  std::uint64_t collected_ = 0;  // the next completion to be read
  std::vector<ChunkPool::Number> shadow_;
  const Ring* ring_ = nullptr;
  std::unique_ptr<RingOutlet> tap_;  // with a ring

  // Figures; the slot has copies.
  std::uint64_t dropped_oldest_ = 0;
  std::uint64_t dropped_newest_ = 0;
  std::uint64_t dropped_timeout_ = 0;
  std::uint64_t undelivered_ = 0;
  std::uint64_t first_sequence_ = 0;

  std::uint64_t asked_back_ = 0;  // segments, one bit for each number

  bool congested_ = false;
  domain::Told told_;

  domain::Ringer ringer_;
  domain::Sleeper sleeper_;
  std::atomic<bool> broken_{false};
  bool closed_ = false;            // the slot
  std::atomic<bool> hung_{false};  // W: under the publisher's cold mutex
};

inline void Outlet::collect(ChunkPool& pool) noexcept {
  if (is_broken() || ring_ != nullptr) return;
  const QueueShape shape = shape_;
  std::uint64_t position = collected_;
  while (true) {
    // E2 (acquire): the reader's last read. W3: after arming the room bell. A plain load on x86.
    const std::uint64_t entry = completions_[shape.index(position)].load(std::memory_order_seq_cst);
    if (!shape.is_at(entry, position)) break;
    const ChunkPool::Number chunk = pool.find(QueueShape::reference(entry));
    if (chunk == ChunkPool::kNone || !pool.release(chunk, holder_)) [[unlikely]] {
      break_off();
      break;
    }
    ++position;
  }
  collected_ = position;
}

inline bool Outlet::give(ChunkPool& pool, ChunkPool::Number chunk, std::uint32_t& dropped) noexcept {
  if (credit_ == 0) [[unlikely]] {
    if (!top_up() && !find_room(pool, dropped)) return false;
  }
  --credit_;
  pool.hold(chunk, holder_);
  const std::uint64_t index = shape_.index(tail_);
  shadow_[index] = chunk;
  // E1 (release): payload and head. W1, W2: before the ready bit and the bell.
  entries_[index].store(shape_.entry(tail_, pool.reference(chunk)), std::memory_order_seq_cst);
  ++tail_;
  return true;
}

inline bool Outlet::ring() noexcept {
  // W2: after the entry. Set only where it reads clear, so that a busy reader's publishers do not fight for the line.
  if ((ready_word_->load(std::memory_order_seq_cst) & ready_bit_) == 0) [[unlikely]]
    ready_word_->fetch_or(ready_bit_, std::memory_order_seq_cst);
  const std::uint32_t which = claimed_.inbox->notes.bell.load(std::memory_order_seq_cst);  // W1: never cached
  if (which > domain::kNodeBells) [[unlikely]]
    return false;  // a damaged word: its reader has only itself to wake
  domain::Bell& bell = which == 0 ? claimed_.inbox->bell : *reader_node_.bell(which - 1);
  if (!ringer_.ring(bell, &reader_socket_)) [[likely]]
    return false;
  domain::add(claimed_.slot->dropped.wakeups);
  return true;
}

}  // namespace baton::shm
