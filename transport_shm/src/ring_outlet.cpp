#include "ring_outlet.hpp"

#include <algorithm>
#include <utility>

#include "baton/posix/membarrier.hpp"

namespace baton::shm {

RingOutlet::RingOutlet(const Request& request)
    : request_(request),
      limit_(std::min(request.depth + request.max_held, request.most_kept)),
      pins_(pins(*request.slot, request.queue_shift)),
      gaps_(std::size_t{1} << request.queue_shift),
      cursor_(request.first),
      is_told_(!posix::has_membarrier_everywhere()) {
  // relaxed: `ready` orders.
  request_.slot->dropped.passes.store(is_told_ ? 1 : 0, std::memory_order_relaxed);
}

bool RingOutlet::tell_if_passed(std::uint64_t floor) noexcept {
  if (is_told_ || !keeps_floor() || floor <= cursor_) return false;
  is_told_ = true;
  request_.slot->dropped.passes.store(1, std::memory_order_release);  // F2: then the barrier
  return true;
}

std::uint64_t RingOutlet::cursor(std::uint64_t tail) noexcept {
  const std::uint64_t now = request_.slot->head.position.load(std::memory_order_acquire);  // P1: then the pins
  const bool is_past_gap = now == tail + 1 && written_gaps_ != 0 && gap_at(written_gaps_ - 1).to == now;
  if (now < cursor_ || (now > tail && !is_past_gap)) {
    false_ = true;
    return cursor_;
  }
  if (is_past_gap) return cursor_ = tail;  // the message that passes it by is about to be committed
  cursor_ = now;
  if (passed_gaps_ != written_gaps_) forget_passed_gaps(now);
  return now;
}

void RingOutlet::forget_passed_gaps(std::uint64_t cursor) noexcept {
  while (passed_gaps_ != written_gaps_ && gap_at(passed_gaps_).to <= cursor) ++passed_gaps_;
}

/// Messages that pass the reader by from a position on.
std::uint64_t RingOutlet::gaps_from(std::uint64_t position) noexcept {
  std::uint64_t count = 0;
  for (std::uint64_t number = passed_gaps_; number != written_gaps_; ++number) {
    const Gap& gap = gap_at(number);
    if (gap.to > position) count += gap.to - std::max(gap.from, position);
  }
  return count;
}

std::uint64_t RingOutlet::wants_from(std::uint64_t tail, std::uint64_t cursor) const noexcept {
  return is_counted() || tail - cursor <= request_.depth ? cursor : tail - request_.depth;
}

std::uint64_t RingOutlet::queued(std::uint64_t tail, std::uint64_t floor, std::uint64_t cursor) noexcept {
  const std::uint64_t from = std::max(wants_from(tail, cursor), std::min(floor, tail));
  return tail - from - gaps_from(from);
}

std::uint64_t RingOutlet::held_below(std::uint64_t cursor) const noexcept {
  std::uint64_t count = 0;
  for (std::uint64_t i = 0; i < pins_for(request_.max_held); ++i) {
    const std::uint64_t pin = pins_[i].load(std::memory_order_seq_cst);  // E2 (acquire). W3: after arming the room bell
    if (pin != 0 && pin <= cursor) ++count;  // one that is not below the cursor is still queued
  }
  return count;
}

std::uint64_t RingOutlet::room(std::uint64_t tail, std::uint64_t floor) noexcept {
  if (!is_counted()) {
    constexpr std::uint64_t kNextLook = 64;
    const std::uint64_t behind = tail - cursor(tail);
    return behind < request_.depth ? request_.depth - behind : kNextLook;
  }
  const bool is_open = passed_gaps_ != written_gaps_ && gap_at(written_gaps_ - 1).to == tail;
  const std::uint64_t now = cursor(tail);
  std::uint64_t given = queued(tail, floor, now);
  if (given < limit_) given += held_below(now);  // the pins lie on other lines, which the reader has to fetch back
  if (given >= limit_ || (is_open && !has_place_for_gap())) return 0;
  return limit_ - given;
}

void RingOutlet::pass_by(std::uint64_t position, bool in_vain) noexcept {
  ++(in_vain ? dropped_timeout_ : dropped_newest_);
  // relaxed: figures. Stored first: who sees the gap counts by them.
  request_.slot->dropped.newest.store(dropped_newest_, std::memory_order_relaxed);
  request_.slot->dropped.timeout.store(dropped_timeout_, std::memory_order_relaxed);
  if (written_gaps_ != 0 && gap_at(written_gaps_ - 1).to == position) {
    gap_at(written_gaps_ - 1).to = position + 1;
    store_gap(written_gaps_ - 1);
    passed_gaps_ = std::min(passed_gaps_, written_gaps_ - 1);
    return;
  }
  gap_at(written_gaps_) = {position, position + 1};
  store_gap(written_gaps_);
  request_.slot->dropped.gaps.store(++written_gaps_, std::memory_order_release);  // P2: before the entry
}

/// P2: before the entry of the last position in it.
void RingOutlet::store_gap(std::uint64_t number) noexcept {
  const Gap& gap = gap_at(number);
  gap_word(*request_.slot, request_.queue_shift, number)
      .store(GapWord::pack(gap.from, gap.to), std::memory_order_release);
}

void RingOutlet::add_pins(std::uint64_t floor, std::vector<std::uint64_t>& pins) const noexcept {
  for (std::uint64_t i = 0; i < pins_for(request_.max_held) && pins.size() < pins.capacity(); ++i) {
    const std::uint64_t pin = pins_[i].load(std::memory_order_seq_cst);  // F1: after the floor. E2 (acquire)
    if (pin != 0 && pin <= floor) pins.push_back(pin - 1);
  }
}

std::uint64_t RingOutlet::dropped_oldest(std::uint64_t tail, std::uint64_t floor) noexcept {
  // acquire, and first: the reader counts after it has moved its cursor.
  const std::uint64_t passed = request_.slot->consumed.passed.load(std::memory_order_acquire);
  const std::uint64_t now = cursor(tail);
  const std::uint64_t from = std::max(wants_from(tail, now), std::min(floor, tail));
  const std::uint64_t soon = from - now - (gaps_from(now) - gaps_from(from));
  return std::min(passed, now - request_.first) + soon;
}

void RingOutlet::end(std::uint64_t tail, std::uint64_t floor) noexcept {
  ConnectionCounters figures = counters(tail, floor);
  figures.undelivered += std::exchange(figures.queued, 0);
  final_ = std::move(figures);
}

ConnectionCounters RingOutlet::counters(std::uint64_t tail, std::uint64_t floor) noexcept {
  if (final_) {
    final_->held = held(tail);
    return *final_;
  }
  ConnectionCounters figures;
  figures.dropped_oldest = dropped_oldest(tail, floor);
  figures.queued = queued(tail, floor);
  figures.dropped_newest = dropped_newest_;
  figures.dropped_timeout = dropped_timeout_;
  figures.offered = tail - request_.first;
  const std::uint64_t others = figures.dropped_oldest + figures.queued + dropped_newest_ + dropped_timeout_;
  const std::uint64_t removed = figures.offered - std::min(others, figures.offered);
  const SlotHead::Consumed& consumed = request_.slot->consumed;  // the reader's own figures: they need not be true
  figures.dropped_expired = std::min(consumed.expired.load(std::memory_order_relaxed), removed);
  figures.high_water = std::min(consumed.high_water.load(std::memory_order_relaxed), tail - request_.first);
  figures.taken = removed - figures.dropped_expired;
  figures.held = held(tail);
  return figures;
}

}  // namespace baton::shm
