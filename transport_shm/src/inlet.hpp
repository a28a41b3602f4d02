#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "baton/clock.hpp"
#include "baton/domain/bell.hpp"
#include "baton/domain/member.hpp"
#include "baton/port.hpp"
#include "layout.hpp"
#include "ringer.hpp"
#include "segment.hpp"

namespace baton::shm {

/// Zeroes a slot for its next connection. The subscriber, when nobody else refers to it.
void wipe_slot(SlotHead& slot, std::uint32_t queue_shift) noexcept;

/// The subscribing end of a connection.
///
/// Roles:      the consumer (one thread at a time: the user's, or the dispatcher) takes; any thread completes.
///             The publisher writes submission entries, and under `drop_oldest` moves the head as well.
/// States:     open;
///             broken (something that was given cannot be read: nothing more is taken, and the publisher is
///             told);
///             ended (the publisher has closed or is gone: what is queued can still be taken).
/// Hand-over:  E1 entry in, E2 entry back, H1 head, L1 refuses: see the README.
/// Invariants: held() <= B, so the completion queue, which has more entries than that and the queue together,
///             always has a place.
/// Crash windows: ours: everything that we hold is in the publisher's given-set. The publisher's: what it
///             gave stays in its segments, which we have mapped or have a name of.
class Inlet {
 public:
  struct Request {
    std::uint32_t slot_index = 0;
    std::uint32_t queue_shift = 0;
    std::uint32_t bucket = 0;
    domain::PortRef self;
    domain::PortRef publisher;
    std::uint64_t payload_bytes = 0;  ///< of every message; 0: they have sizes of their own
  };

  Inlet(const Request& request, std::shared_ptr<const posix::Mapping> slot_mapping);

  std::uint32_t slot_index() const noexcept { return request_.slot_index; }
  const domain::PortRef& publisher() const noexcept { return request_.publisher; }
  std::uint64_t publisher_id() const noexcept { return publisher_id_; }
  const std::string& publisher_node() const noexcept { return publisher_node_; }
  const StampClock& clock() const noexcept { return clock_; }

  /// Whether something is queued. The consumer.
  bool ready() const noexcept;

  struct Taken {
    const std::byte* payload = nullptr;
    Reference reference;
  };

  /// Takes the oldest message; without a payload there is none, or `broken()`. The consumer.
  Taken take(domain::Member& member) noexcept;

  /// What is known of a message that was taken and not given back yet. Any thread.
  const ChunkHead& head(Reference reference) const noexcept { return segments_[reference.segment()]->head(reference); }

  /// Room in the chunk of such a message. Any thread.
  std::uint64_t capacity(Reference reference) const noexcept { return segments_[reference.segment()]->capacity(); }

  /// Gives a message back. Any thread. Nothing of the slot may be touched afterwards.
  void complete(Reference reference) noexcept;

  /// Samples out. Exact for the consumer, but for completions under way.
  std::uint64_t held() const noexcept {
    return taken_.load(std::memory_order_relaxed) -     // W: the consumer, who asks
           completed_.load(std::memory_order_seq_cst);  // W1: after `limit_reached_`
  }

  /// Whether all that was taken has been given back, to the last store. The consumer.
  bool all_completed() const noexcept;

  /// Nothing more will be taken: counts what is queued as undelivered. The publisher takes it back.
  void give_up() noexcept;

  /// The publisher has closed or is gone: there will be no new entry.
  void set_ended() noexcept { ended_ = true; }
  bool ended() const noexcept { return ended_; }

  /// The publisher gave what cannot be read, and nothing more of it is taken; `error` says why. It is told so by a word
  /// in the slot, and closes. Until then the slot is its own.
  bool broken() const noexcept { return broken_.load(std::memory_order_relaxed); }  // W: the consumer
  const std::string& error() const noexcept { return error_; }
  /// Whether it has broken since this was asked last.
  bool breaks() noexcept { return broken() && !std::exchange(told_broken_, true); }

  void wake_publisher() noexcept { domain::ring_futex(slot_->room); }

  /// Zeroes the slot for its next connection. The consumer, when the connection has ended and nothing is held.
  void wipe() noexcept { wipe_slot(*slot_, request_.queue_shift); }

  ConnectionCounters counters() const noexcept;

 private:
  /// Removes the oldest entry from the queue.
  std::optional<Reference> claim_next() noexcept;
  const std::byte* resolve(domain::Member& member, Reference reference) noexcept;
  void refuse(Reference reference) noexcept;

  const Request request_;
  const std::shared_ptr<const posix::Mapping> slot_mapping_;
  SlotHead* const slot_;
  const QueueShape shape_;
  std::atomic<std::uint64_t>* const entries_;      // E1; W: publisher
  std::atomic<std::uint64_t>* const completions_;  // E2; W: us
  const Overflow overflow_;
  const std::uint64_t publisher_id_;
  const std::string publisher_node_;
  const StampClock clock_;

  // The consumer's.
  std::uint64_t position_ = 0;           // the next entry; under `drop_oldest` the head says it
  std::atomic<std::uint64_t> taken_{0};  // from the queue, what could not be read included; a figure for others
  std::array<std::unique_ptr<SegmentView>, Reference::kMaxSegments> segments_;
  std::atomic<std::uint64_t> undelivered_{0};  // a figure for others
  std::optional<ConnectionCounters> final_;    // as of `give_up`
  bool ended_ = false;
  std::atomic<bool> broken_{false};
  bool told_broken_ = false;
  std::string error_;

  // Of whoever completes.
  alignas(64) std::atomic<std::uint64_t> completed_{0};  // the next position of the completion queue
  std::atomic<std::uint64_t> finished_{0};               // under `block`: who is through with the room bell
  Ringer room_ringer_;
};

inline std::optional<Reference> Inlet::claim_next() noexcept {
  if (overflow_ != Overflow::drop_oldest) {
    // E1 (acquire): the payload. W1, W2 as in ready().
    const std::uint64_t entry = entries_[shape_.index(position_)].load(std::memory_order_seq_cst);
    if (!shape_.is_at(entry, position_)) return std::nullopt;
    // L1, and figures: nobody else writes the head of a lossless connection.
    slot_->head.position.store(++position_, std::memory_order_release);
    return QueueShape::reference(entry);
  }
  std::uint64_t head = slot_->head.position.load(std::memory_order_acquire);  // H1
  while (true) {
    const std::uint64_t entry = entries_[shape_.index(head)].load(std::memory_order_seq_cst);  // E1 (acquire). W1, W2
    if (shape_.is_at(entry, head)) {
      // H1, acq_rel: the entry was read before the claim, and so before the publisher overwrites it.
      if (slot_->head.position.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                                     std::memory_order_acquire)) {
        return QueueShape::reference(entry);
      }
      continue;  // the publisher took it back, and `head` is the new one
    }
    const std::uint64_t again = slot_->head.position.load(std::memory_order_acquire);  // H1
    if (again == head) return std::nullopt;
    head = again;
  }
}

inline Inlet::Taken Inlet::take(domain::Member& member) noexcept {
  if (broken()) [[unlikely]]
    return {};
  const std::optional<Reference> reference = claim_next();
  if (!reference) return {};
  const SegmentView* const segment = segments_[reference->segment()].get();
  const std::byte* payload = segment == nullptr ? nullptr : segment->find(*reference);
  if (payload == nullptr) [[unlikely]]
    payload = resolve(member, *reference);
  taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // W: the consumer alone
  if (payload == nullptr) [[unlikely]] {
    refuse(*reference);
    return {};
  }
  return {payload, *reference};
}

inline void Inlet::complete(Reference reference) noexcept {
  const std::uint64_t position = completed_.fetch_add(1, std::memory_order_seq_cst);  // W1: before `limit_reached_`
  std::atomic<std::uint64_t>& place = completions_[shape_.index(position)];
  if (overflow_ != Overflow::block) [[likely]] {
    place.store(shape_.entry(position, reference), std::memory_order_release);  // E2: our last read came before
    return;
  }
  place.store(shape_.entry(position, reference), std::memory_order_seq_cst);  // E2. W3: before the room bell
  room_ringer_.ring(slot_->room, nullptr);
  finished_.fetch_add(1, std::memory_order_release);  // the last touch: see all_completed
}

}  // namespace baton::shm
