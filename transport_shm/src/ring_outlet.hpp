#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "baton/port.hpp"
#include "layout.hpp"
#include "reference.hpp"

namespace baton::shm {

/// How a publisher with a ring sees one reader: how far it has come, what it has pinned, and what passes it by. See
/// ring.md.
///
/// Roles:      the publisher writes the gaps; the reader writes cursor and pins. Everything else here is private, and
///             guarded by the publisher's guard.
/// Hand-over:  P1 cursor, P2 gap, F1 and E2 pins, F2 whom the floor passes.
/// Crash windows: the reader's death at any point: its pins count until it is known to be gone. Ours: nothing here
///             survives us.
class RingOutlet {
 public:
  struct Request {
    SlotHead* slot = nullptr;
    std::uint32_t queue_shift = 0;
    Overflow overflow = Overflow::drop_oldest;
    std::uint64_t depth = 0;  // as far as the index goes
    std::uint32_t max_held = 0;
    std::uint64_t most_kept = 0;  // messages that the index keeps, whatever else
    std::uint64_t first = 0;      // position
  };

  /// Throws std::bad_alloc.
  explicit RingOutlet(const Request& request);

  /// `block`, `reject` or `drop_newest`.
  bool is_counted() const noexcept { return request_.overflow != Overflow::drop_oldest; }
  /// `block` or `reject`: what the reader has not taken is kept for it, as long as it does not hang.
  bool keeps_floor() const noexcept { return shm::keeps_floor(request_.overflow); }

  /// Before the floor is moved to there. True if the reader goes by it staying below its cursor, which it does not, and
  /// is told only now: then a `membarrier_everywhere` has to follow. F2.
  bool tell_if_passed(std::uint64_t floor) noexcept;

  /// Whether it wrote what cannot be.
  bool is_false() const noexcept { return false_; }

  /// What it has taken or passed over ends here.
  std::uint64_t cursor(std::uint64_t tail) noexcept;

  /// The first position that it may still want.
  std::uint64_t wants_from(std::uint64_t tail) noexcept { return wants_from(tail, cursor(tail)); }

  /// Messages that it can be given now; of `drop_oldest`, after how many it is to be looked at again.
  std::uint64_t room(std::uint64_t tail, std::uint64_t floor) noexcept;

  /// The message at this position, of which the entry is not stored yet, passes it by. `in_vain`: after a wait.
  void pass_by(std::uint64_t position, bool in_vain) noexcept;

  /// Adds the positions below `floor` that it has pinned.
  void add_pins(std::uint64_t floor, std::vector<std::uint64_t>& pins) const noexcept;

  /// The reader takes nothing any more. From now on only what it holds counts.
  void end(std::uint64_t tail, std::uint64_t floor) noexcept;

  std::uint64_t held(std::uint64_t tail) noexcept { return held_below(cursor(tail)); }
  std::uint64_t queued(std::uint64_t tail, std::uint64_t floor) noexcept { return queued(tail, floor, cursor(tail)); }
  /// Both.
  std::uint64_t given(std::uint64_t tail, std::uint64_t floor) noexcept {
    const std::uint64_t now = cursor(tail);
    return queued(tail, floor, now) + held_below(now);
  }
  /// Of the messages before the tail those that it gets no more, or never got.
  std::uint64_t dropped_oldest(std::uint64_t tail, std::uint64_t floor) noexcept;
  std::uint64_t dropped_newest() const noexcept { return dropped_newest_; }
  std::uint64_t dropped_timeout() const noexcept { return dropped_timeout_; }

  ConnectionCounters counters(std::uint64_t tail, std::uint64_t floor) noexcept;

 private:
  struct Gap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };

  // With one and the same cursor: what is taken between two looks would count twice, as queued and as held.
  std::uint64_t wants_from(std::uint64_t tail, std::uint64_t cursor) const noexcept;
  std::uint64_t queued(std::uint64_t tail, std::uint64_t floor, std::uint64_t cursor) noexcept;
  std::uint64_t held_below(std::uint64_t cursor) const noexcept;
  Gap& gap_at(std::uint64_t number) noexcept { return gaps_[number & (gaps_.size() - 1)]; }
  void store_gap(std::uint64_t number) noexcept;
  void forget_passed_gaps(std::uint64_t cursor) noexcept;
  std::uint64_t gaps_from(std::uint64_t position) noexcept;
  /// A reader has gone on from the last gap but one, perhaps: its entry is not to be used again yet.
  bool has_place_for_gap() const noexcept { return written_gaps_ - passed_gaps_ + 1 < gaps_.size(); }

  const Request request_;
  const std::uint64_t limit_;  // of what is queued and held, where that is counted
  std::atomic<std::uint64_t>* const pins_;
  std::vector<Gap> gaps_;  // what the slot says, and only we know for sure
  std::uint64_t written_gaps_ = 0;
  std::uint64_t passed_gaps_ = 0;
  std::uint64_t cursor_ = 0;  // as it was when last looked at
  std::uint64_t dropped_newest_ = 0;
  std::uint64_t dropped_timeout_ = 0;
  std::optional<ConnectionCounters> final_;
  bool false_ = false;
  bool is_told_;  // that the floor may pass its cursor
};

}  // namespace baton::shm
