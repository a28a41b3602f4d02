#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "baton/domain/ringer.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/port.hpp"
#include "layout.hpp"
#include "ring.hpp"
#include "step_aside.hpp"

namespace baton::shm {

/// How a subscriber takes from a publisher with a ring. See ring.md.
///
/// Roles:      the consumer (one thread at a time) takes; any thread completes. The publisher writes entries, records,
///             floor and gaps.
/// Hand-over:  E1 entry, F1 pin and floor, F2 whom the floor passes, P1 cursor, P2 gap, A1 tail and any-armed, E2 pin.
/// Invariants: R2: what was taken is not written to until it is completed.
/// Crash windows: ours: our pins count until our node is gone. The publisher's: what it published stays in its file,
///             which we have mapped or have a name of.
class RingInlet {
 public:
  struct Request {
    SlotHead* slot = nullptr;
    std::uint32_t queue_shift = 0;
    Overflow overflow = Overflow::drop_oldest;
    std::uint64_t first = 0;  ///< position
    std::uint32_t depth = 0;
    std::uint32_t max_held = 0;
    std::uint64_t least_bytes = 0;  ///< that a message has
    bool from_end = false;          ///< messages lie at the end of their room
    const InboxHead* inbox = nullptr;
    domain::Concern* concern = nullptr;
  };

  RingInlet(const Request& request, RingView view);

  /// Whether something can be taken. The consumer; if not, publishers know that its bell may be armed.
  bool ready() noexcept;

  enum class Found : std::uint8_t { nothing, message, damaged, broken };
  struct Taken {
    Found found = Found::nothing;
    const std::byte* payload = nullptr;
    Reference reference;  ///< which pin it has
    std::uint64_t missed = 0;
  };
  /// Takes the oldest message. What is damaged is taken too, and is to be completed. The consumer.
  Taken take() noexcept;

  /// The stamp of the message that `take` would give; nothing if it is not there any more. The consumer.
  std::optional<std::uint64_t> next_stamp() noexcept;
  /// Passes that one over, and returns how many were missed before it. The consumer.
  std::uint64_t drop_next() noexcept;

  const ChunkHead& head(Reference reference) const noexcept { return held_[reference.bits].head; }
  std::uint64_t capacity(Reference reference) const noexcept { return held_[reference.bits].capacity; }

  /// Clears the pin of what was taken. Any thread.
  void complete(Reference reference, bool wakes_publisher) noexcept;

  /// Samples out. Any thread; exact for the consumer, but for completions under way.
  std::uint64_t held() const noexcept;

  std::uint64_t position() const noexcept { return position_.load(std::memory_order_relaxed); }  // W: the consumer

  struct Figures {
    std::uint64_t queued = 0;
    std::uint64_t dropped_oldest = 0;
    std::uint64_t high_water = 0;
  };
  /// Any thread: figures.
  Figures figures() const noexcept;

  /// What a slot says that nobody has mapped the ring of yet: the same figures.
  static Figures figures_of(const RingView& view, const Request& request) noexcept;

  const std::string& error() const noexcept { return error_; }

 private:
  struct Held {
    ChunkHead head{};  // a copy: the entry may be overwritten while the record is held
    std::uint64_t capacity = 0;
    std::atomic<bool> used{false};
  };

  bool is_counted() const noexcept { return request_.overflow != Overflow::drop_oldest; }
  bool note_nothing() noexcept;
  bool is_worth_another_look() noexcept;
  bool is_over_depth(std::uint64_t position) const noexcept;
  /// Where a reader that stands here goes on, when entries before that are lost to it.
  std::uint64_t oldest_wanted(std::uint64_t position, bool by_depth) const noexcept;
  void pass_over(std::uint64_t to) noexcept;
  std::uint64_t shape_of_gaps() const noexcept { return std::uint64_t{1} << request_.queue_shift; }
  std::uint64_t end_of_gap(std::uint64_t position) noexcept;
  void move_to(std::uint64_t position) noexcept;
  bool pin(std::uint64_t position, std::uint64_t& number, RingView::Note& note) noexcept;
  Taken refuse(std::string_view why) noexcept;
  Taken resolve(Reference record, std::uint64_t position, std::uint64_t number, const RingView::Note& note) noexcept;
  void look_for_depth(std::uint64_t position) noexcept;
  std::uint64_t gaps_between(std::uint64_t from, std::uint64_t to) const noexcept;

  const Request request_;
  const RingView view_;
  const QueueShape shape_;
  const std::uint64_t depth_;  // as far as the index goes
  const bool keeps_floor_;     // and the process is registered for the barrier by which it learns when it does not
  std::atomic<std::uint64_t>* const pins_;
  std::vector<Held> held_;

  std::atomic<std::uint64_t> position_;  // the next; a figure for others
  std::uint64_t next_pin_ = 0;
  std::uint64_t expected_ = 0;  // where in the buffer the next record will begin, probably
  StepAside aside_;
  std::uint64_t gap_ = 0;                     // the next that it may come to
  std::uint64_t missed_ = 0;                  // since the last message
  std::atomic<std::uint64_t> passed_{0};      // a figure for others
  std::atomic<std::uint64_t> high_water_{0};  // the same
  std::string error_;
  domain::Ringer room_ringer_;
};

}  // namespace baton::shm
