#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "baton/clock.hpp"
#include "baton/domain/bell.hpp"
#include "baton/domain/figures.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/ringer.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/port.hpp"
#include "layout.hpp"
#include "ring_inlet.hpp"
#include "segment.hpp"
#include "socket_bell.hpp"

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
    std::uint64_t payload_bytes = 0;       ///< of every message; 0: they have sizes of their own
    std::chrono::nanoseconds lifespan{0};  ///< that the subscriber has set; the shorter of both sides' holds
    domain::Concern* concern = nullptr;    ///< the subscriber's
    // For a publisher with a ring.
    const InboxHead* inbox = nullptr;
    std::uint32_t depth = 0;
    std::uint32_t max_held = 0;
    std::uint64_t least_bytes = 0;                  ///< that a message has
    bool from_end = false;                          ///< messages lie at the end of their chunks
    std::atomic<std::uint64_t>* damaged = nullptr;  ///< the subscriber's count
  };

  Inlet(const Request& request, std::shared_ptr<const posix::Mapping> slot_mapping);

  std::uint32_t slot_index() const noexcept { return request_.slot_index; }
  const domain::PortRef& publisher() const noexcept { return request_.publisher; }
  std::uint64_t publisher_id() const noexcept { return publisher_id_; }
  const std::string& publisher_node() const noexcept { return publisher_node_; }
  const StampClock& clock() const noexcept { return clock_; }

  /// Maps the ring of a publisher that has one, before anything else. If that cannot be, the connection is broken.
  /// `only_looks`: for figures.
  void open_ring(domain::Member& member, bool only_looks) noexcept;

  /// Whether the publisher sets no ready bit: it is asked in each round.
  bool is_polled() const noexcept { return plane_ == Plane::ring; }

  /// Whether something is queued. The consumer.
  bool ready() noexcept;

  /// Whether `take` would give something; what is too old for that is dropped. The consumer.
  bool has_message(domain::Member& member) noexcept;

  struct Taken {
    const std::byte* payload = nullptr;
    Reference reference;
    std::uint64_t missed = 0;  ///< how many were published since the one before, and did not get here
  };

  /// Takes the oldest message that is not too old; without a payload there is none, or `broken()`. The consumer.
  Taken take(domain::Member& member) noexcept;

  /// Maps a segment of which there is a name for this reader, before the first reference into it has to. The consumer.
  /// What cannot be mapped now is tried again then.
  void map_ahead(domain::Member& member, std::uint32_t segment);

  /// What is known of a message that was taken and not given back yet. Any thread.
  const ChunkHead& head(Reference reference) const noexcept {
    if (ring_ != nullptr) return ring_->head(reference);
    const SegmentView* const segment = segment_of(reference);
    return segment == nullptr ? kNoHead : segment->head(reference);
  }

  /// Room in the chunk of such a message. Any thread.
  std::uint64_t capacity(Reference reference) const noexcept {
    if (ring_ != nullptr) return ring_->capacity(reference);
    const SegmentView* const segment = segment_of(reference);
    return segment == nullptr ? 0 : segment->capacity();
  }

  /// Gives a message back that was taken in an era: see `mark`. Any thread. Nothing of the slot may be touched
  /// afterwards.
  void complete(Reference reference, std::uint64_t era) noexcept;

  /// Samples out. Any thread: a figure; exact for the consumer, but for completions under way.
  std::uint64_t held() const noexcept;

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

  /// Lets go of the segments that the publisher wants back. True if there were some, and the publisher is to be told.
  /// An honest one asks for none in which a sample lies, but need not be believed: so the addresses stay ours, without
  /// memory, until no sample is out that may lie there. The consumer.
  bool let_go_of_segments() noexcept;
  /// Whether there are such addresses: it is to be called again now and then.
  bool has_husks() const noexcept { return !husks_.empty(); }

  /// What a sample that is taken now is marked with: the slot, and in the reference's spare bits the era.
  std::uint64_t mark() const noexcept { return mark_; }

  /// Zeroes the slot for its next connection. The consumer, when the connection has ended and nothing is held.
  void wipe() noexcept { wipe_slot(*slot_, request_.queue_shift); }

  ConnectionCounters counters() const noexcept;

  /// Whether the books agree: see SubscriberPort::audit. The consumer.
  void audit(std::vector<std::string>& findings) const;

 private:
  /// An entry that was removed from the queue.
  struct Claim {
    Reference reference;
    std::uint64_t position = 0;
  };

  /// Removes the oldest entry from the queue; false if there is none. Not an optional, which would go through memory.
  bool claim_next(Claim& claim) noexcept;
  bool claim_at(std::uint64_t& head, std::uint64_t entry, Claim& claim) noexcept;
  bool drop_next_if_expired(domain::Member& member) noexcept;
  [[gnu::noinline]] Taken take_from_ring() noexcept;
  bool drop_next_of_ring_if_expired() noexcept;
  void refuse_ring(std::string error) noexcept;
  ConnectionCounters ring_counters() const noexcept;
  const std::byte* payload_of(domain::Member& member, Reference reference) noexcept {
    const SegmentView* const segment = segments_[reference.segment()].get();
    const std::byte* const payload = segment == nullptr ? nullptr : segment->find(reference);
    return payload != nullptr ? payload : resolve(member, reference);
  }
  const std::byte* resolve(domain::Member& member, Reference reference) noexcept;
  void refuse(Reference reference) noexcept;
  /// How many are queued from the head on, if those are more than ever before; else 0. Exact if the head stands still
  /// meanwhile: then the queue only grows.
  std::uint64_t look_for_depth(std::uint64_t head) const noexcept {
    const std::uint64_t most = high_water_.load(std::memory_order_relaxed);  // own figure
    if (most >= shape_.entries() || !is_queued(head + most)) [[likely]]
      return 0;
    return measure_depth(head);
  }
  bool is_queued(std::uint64_t position) const noexcept {  // relaxed: for a figure, nothing is read by it
    return shape_.is_at(entries_[shape_.index(position)].load(std::memory_order_relaxed), position);
  }
  std::uint64_t measure_depth(std::uint64_t head) const noexcept;
  void raise_high_water(std::uint64_t most) noexcept;
  std::uint64_t count_missed(Claim claim) noexcept {
    if (overflow_ == Overflow::drop_oldest) return claim.position - std::exchange(expected_, claim.position + 1);
    // relaxed: ordered by E1, as it was stored before the entry that followed the drop.
    if (lossless_drops_->load(std::memory_order_relaxed) == missed_) [[likely]]
      return 0;
    return count_dropped_before(claim);
  }
  std::uint64_t count_dropped_before(Claim claim) noexcept;
  /// Null for a sample that lies in a segment which the publisher has, falsely, wanted back.
  const SegmentView* segment_of(Reference reference) const noexcept {
    const SegmentView* const segment = views_[reference.segment()].load(std::memory_order_acquire);
    return segment != nullptr && segment->find(reference) != nullptr ? segment : nullptr;
  }
  void let_go_of(std::uint32_t segment);
  void drop_husks() noexcept;
  void begin_era() noexcept;
  void set_era(std::uint32_t era) noexcept {
    era_ = era;
    mark_ = std::uint64_t{request_.slot_index} << Reference::kBits | std::uint64_t{era} << Reference::kSpareShift;
  }
  std::uint64_t held_from_before() const noexcept;
  bool is_too_old(Reference reference) const noexcept;
  void drop_expired(Claim claim, std::uint64_t missed) noexcept;
  void count_expired(std::uint64_t missed) noexcept;

  const Request request_;
  const std::shared_ptr<const posix::Mapping> slot_mapping_;
  SlotHead* const slot_;
  const QueueShape shape_;
  std::atomic<std::uint64_t>* const entries_;      // E1; W: publisher
  std::atomic<std::uint64_t>* const completions_;  // E2; W: us
  const Overflow overflow_;
  const Plane plane_;
  const std::uint64_t publisher_id_;
  const std::string publisher_node_;
  const StampClock clock_;
  const std::uint64_t lifespan_ns_;  // 0: none
  // Where the publisher counts what it drops without giving it, by the connection's policy.
  const std::atomic<std::uint64_t>* const lossless_drops_;

  // The consumer's.
  std::uint64_t mark_ = 0;                    // see `mark`
  std::uint64_t position_ = 0;                // the next entry; under `drop_oldest` the head says it
  std::uint64_t expected_ = 0;                // under `drop_oldest`: the entry after the last one taken
  std::uint64_t missed_ = 0;                  // else: of the publisher's drops, those before the last one taken
  std::uint64_t first_sequence_ = 0;          // the number of the message at position 0
  std::uint64_t skipped_ = 0;                 // missed, and expired, since the last one that the user got
  std::atomic<std::uint64_t> expired_{0};     // a figure for others
  std::atomic<std::uint64_t> high_water_{0};  // the same
  std::unique_ptr<RingInlet> ring_;           // where the publisher has one
  std::atomic<std::uint64_t> taken_{0};       // from the queue, what could not be read included; a figure for others
  std::array<std::unique_ptr<SegmentView>, Reference::kMaxSegments> segments_;
  std::array<std::atomic<const SegmentView*>, Reference::kMaxSegments> views_{};  // the same, for other threads
  std::array<std::unique_ptr<SegmentView>, Reference::kMaxSegments> ahead_;       // mapped before they are needed
  std::atomic<std::uint64_t> undelivered_{0};                                     // a figure for others
  std::optional<ConnectionCounters> final_;                                       // as of `give_up`
  static const ChunkHead kNoHead;

  // Of segments that were let go of: what is mapped where they were, until the samples from before `era_` are back, and
  // until those from before the next one are.
  struct Husk {
    std::unique_ptr<SegmentView> view;
    bool forgotten = false;  // what is mapped; else others of this process have it, too
  };
  std::vector<Husk> husks_;
  std::vector<Husk> later_husks_;
  std::uint32_t era_ = 0;  // one of kEras while there are husks, else 0
  std::uint32_t last_era_ = 0;
  std::uint64_t taken_before_ = 0;  // when it began
  std::uint32_t let_go_ = 0;        // the slot's `retiring`, as far as it has been done
  bool ended_ = false;
  std::atomic<bool> broken_{false};
  bool told_broken_ = false;
  std::string error_;

  // Of whoever completes.
  alignas(64) std::atomic<std::uint64_t> completed_{0};  // the next position of the completion queue
  static constexpr std::uint32_t kEras = 3;
  std::array<std::atomic<std::uint64_t>, kEras + 1> released_in_{};  // of the samples that were taken in each era
  std::atomic<std::uint64_t> finished_{0};                           // under `block`: who is through with the room bell
  domain::Ringer room_ringer_;
};

/// Under `drop_oldest`: removes the entry that was seen at the head. False if it may not be there any more, and `head`
/// is where it is now.
inline bool Inlet::claim_at(std::uint64_t& head, std::uint64_t entry, Claim& claim) noexcept {
  const std::uint64_t most = look_for_depth(head);  // before the claim: that it succeeds proves that the head stood
  // H1, acq_rel: the entry was read before the claim, and so before the publisher overwrites it.
  if (!slot_->head.position.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                                  std::memory_order_acquire)) {
    return false;
  }
  claim = {QueueShape::reference(entry), head};
  if (most != 0) [[unlikely]]
    raise_high_water(most);
  return true;
}

inline bool Inlet::claim_next(Claim& claim) noexcept {
  if (overflow_ != Overflow::drop_oldest) {
    const std::uint64_t position = position_;
    // E1 (acquire): the payload. W1, W2 as in ready().
    const std::uint64_t entry = entries_[shape_.index(position)].load(std::memory_order_seq_cst);
    if (!shape_.is_at(entry, position)) return false;
    // L1, and figures: nobody else writes the head of a lossless connection.
    slot_->head.position.store(++position_, std::memory_order_release);
    claim = {QueueShape::reference(entry), position};
    if (const std::uint64_t most = look_for_depth(position); most != 0) [[unlikely]]
      raise_high_water(most);
    return true;
  }
  std::uint64_t head = slot_->head.position.load(std::memory_order_acquire);  // H1
  while (true) {
    const std::uint64_t entry = entries_[shape_.index(head)].load(std::memory_order_seq_cst);  // E1 (acquire). W1, W2
    if (shape_.is_at(entry, head)) {
      if (claim_at(head, entry, claim)) return true;
      continue;  // the publisher took it back, and `head` is the new one
    }
    const std::uint64_t again = slot_->head.position.load(std::memory_order_acquire);  // H1
    if (again == head) return false;
    head = again;
  }
}

inline Inlet::Taken Inlet::take(domain::Member& member) noexcept {
  if (plane_ == Plane::ring) [[unlikely]]
    return take_from_ring();
  while (!broken()) [[likely]] {
      Claim claim;
      if (!claim_next(claim)) return {};
      const Reference reference = claim.reference;
      const std::byte* const payload = payload_of(member, reference);
      domain::add(taken_);
      if (payload == nullptr) [[unlikely]] {
        refuse(reference);
        return {};
      }
      const std::uint64_t missed = count_missed(claim);
      if (lifespan_ns_ == 0) [[likely]]
        return {payload, reference, missed};
      if (!is_too_old(reference)) return {payload, reference, missed + std::exchange(skipped_, 0)};
      drop_expired(claim, missed);
    }
  return {};
}

inline void Inlet::complete(Reference reference, std::uint64_t era) noexcept {
  if (era != 0) [[unlikely]]
    released_in_[era].fetch_add(1, std::memory_order_seq_cst);  // before `completed_`: see held_from_before
  if (ring_ != nullptr) [[unlikely]] {
    ring_->complete(reference, overflow_ == Overflow::block);
    return;
  }
  const std::uint64_t position = completed_.fetch_add(1, std::memory_order_seq_cst);
  std::atomic<std::uint64_t>& place = completions_[shape_.index(position)];
  if (overflow_ != Overflow::block) [[likely]] {
    place.store(shape_.entry(position, reference), std::memory_order_release);  // E2: our last read came before
    return;
  }
  place.store(shape_.entry(position, reference), std::memory_order_seq_cst);  // E2. W3: before the room bell
  room_ringer_.ring<SocketBell>(slot_->room, nullptr);
  finished_.fetch_add(1, std::memory_order_release);  // the last touch: see all_completed
}

}  // namespace baton::shm
