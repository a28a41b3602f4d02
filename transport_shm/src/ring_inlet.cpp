#include "ring_inlet.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "baton/crc32c.hpp"
#include "baton/domain/figures.hpp"
#include "baton/domain/ringer.hpp"
#include "baton/posix/membarrier.hpp"
#include "segment.hpp"
#include "socket_bell.hpp"

namespace baton::shm {

RingInlet::RingInlet(const Request& request, RingView view)
    : request_(request),
      view_(std::move(view)),
      shape_(view_.shape()),
      depth_(std::min<std::uint64_t>(request.depth, view_.most_behind())),
      keeps_floor_(keeps_floor(request.overflow) && posix::has_membarrier_everywhere()),
      pins_(pins(*request.slot, request.queue_shift)),
      held_(pins_for(request.max_held)),
      position_(request.first) {}

/// A reader that finds nothing may be about to sleep: the next publish looks at its bell (A1), and what was published
/// before that is found by another look. True if there was none.
bool RingInlet::note_nothing() noexcept {
  const InboxHead& inbox = *request_.inbox;
  // relaxed: own words, which this thread, or one that it has followed, has stored.
  if (inbox.bell.armed.load(std::memory_order_relaxed) == 0 && inbox.notes.bell.load(std::memory_order_relaxed) == 0) {
    return true;
  }
  view_.note_armed();
  if (view_.tail() <= position()) return true;          // A1: after that
  const std::uint64_t entry = view_.entry(position());  // there, but for a publisher that is not to be believed
  return !shape_.is_at(entry, position()) && !shape_.is_beyond(entry, position());
}

/// Whether there may be something now.
bool RingInlet::is_worth_another_look() noexcept {
  if (aside_.nothing_found()) return true;
  if (aside_.is_polling()) view_.expect(position(), expected_);
  return false;
}

bool RingInlet::ready() noexcept {
  while (true) {
    const std::uint64_t here = position();
    const std::uint64_t entry = view_.entry(here);
    if (shape_.is_beyond(entry, here)) return true;
    if (shape_.is_at(entry, here)) {
      const std::uint64_t to = end_of_gap(here);
      if (to == here) return true;
      move_to(to);
    } else if (note_nothing()) {
      return false;
    }
  }
}

std::optional<std::uint64_t> RingInlet::next_stamp() noexcept {
  const std::uint64_t here = position();
  const std::uint64_t entry = view_.entry(here);
  if (!shape_.is_at(entry, here)) return std::nullopt;
  const RingView::Note note = view_.note(here);
  if (view_.floor() > here) return std::nullopt;
  return note.stamp;
}

std::uint64_t RingInlet::drop_next() noexcept {
  move_to(position() + 1);
  return std::exchange(missed_, 0);
}

/// Under `drop_oldest`: whether more are queued than its depth.
bool RingInlet::is_over_depth(std::uint64_t position) const noexcept {
  const std::uint64_t entry = view_.entry(position + depth_);
  return shape_.is_at(entry, position + depth_) || shape_.is_beyond(entry, position + depth_);
}

std::uint64_t RingInlet::oldest_wanted(std::uint64_t position, bool by_depth) const noexcept {
  std::uint64_t oldest = std::max(position, view_.floor());
  const std::uint64_t tail = view_.tail();
  if (by_depth && tail > depth_) oldest = std::max(oldest, tail - depth_);
  return oldest;
}

/// P1: the pin of what was taken before came first.
void RingInlet::move_to(std::uint64_t position) noexcept {
  position_.store(position, std::memory_order_relaxed);  // own word; a figure for others
  request_.slot->head.position.store(position, std::memory_order_release);
}

/// The publisher counts by this: the cursor is moved first.
void RingInlet::pass_over(std::uint64_t to) noexcept {
  const std::uint64_t from = position();
  const std::uint64_t count = to - from - gaps_between(from, to);
  missed_ += to - from;
  move_to(to);
  passed_.store(passed_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);  // own figure
  request_.slot->consumed.passed.store(passed_.load(std::memory_order_relaxed), std::memory_order_release);
  request_.concern->raise();
}

/// Where the messages that pass this reader by end that begin here; here, if none do. P2: the entry was found.
std::uint64_t RingInlet::end_of_gap(std::uint64_t position) noexcept {
  if (!is_counted()) return position;
  const std::uint64_t gaps = request_.slot->dropped.gaps.load(std::memory_order_acquire);  // P2
  if (gap_ == gaps) [[likely]]
    return position;
  if (gaps - gap_ > shape_of_gaps()) gap_ = gaps - shape_of_gaps();
  while (gap_ < gaps) {
    const std::uint64_t word = gap_word(*request_.slot, request_.queue_shift, gap_).load(std::memory_order_acquire);
    const std::int64_t ahead = GapWord::ahead(word, position);
    if (ahead > GapWord::length(word)) break;  // it comes later
    if (ahead > 0) {
      missed_ += static_cast<std::uint64_t>(ahead);
      return position + static_cast<std::uint64_t>(ahead);
    }
    if (gap_ + 1 == gaps) break;  // it may go on
    ++gap_;
  }
  return position;
}

/// Messages that pass this reader by from one position, which is not below its own, to another. Each gap is read once:
/// the last one may grow meanwhile.
std::uint64_t RingInlet::gaps_between(std::uint64_t from, std::uint64_t to) const noexcept {
  if (!is_counted()) return 0;
  const std::uint64_t gaps = request_.slot->dropped.gaps.load(std::memory_order_acquire);  // P2
  const auto length = static_cast<std::int64_t>(std::min<std::uint64_t>(to - from, INT32_MAX));
  std::int64_t count = 0;
  for (std::uint64_t number = gaps > shape_of_gaps() ? gaps - shape_of_gaps() : 0; number < gaps; ++number) {
    const std::uint64_t word = gap_word(*request_.slot, request_.queue_shift, number).load(std::memory_order_relaxed);
    const std::int64_t end = GapWord::ahead(word, from);
    const std::int64_t begin = std::max<std::int64_t>(end - GapWord::length(word), 0);
    count += std::max<std::int64_t>(std::min(end, length) - begin, 0);
  }
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(count), to - from);  // what is there need not be true
}

/// Pins a position, and reads what is said of its message. False if the floor is above, which one of whom nothing may
/// be lost need not look at until it is told otherwise.
bool RingInlet::pin(std::uint64_t position, std::uint64_t& number, RingView::Note& note) noexcept {
  number = next_pin_;
  // acquire: the last read of what it was used for came before. One is free: fewer than all are held.
  for (std::size_t tried = 0; held_[number].used.load(std::memory_order_acquire) && tried < held_.size(); ++tried) {
    if (++number == held_.size()) number = 0;
  }
  const auto use = [&] {
    next_pin_ = number + 1 == held_.size() ? 0 : number + 1;
    return true;
  };
  if (keeps_floor_) {
    pins_[number].store(position + 1, std::memory_order_release);  // P1: then the cursor
    note = view_.note(position);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // F2: the light half of the barrier
    if (request_.slot->dropped.passes.load(std::memory_order_acquire) == 0) [[likely]]
      return use();
  }
  pins_[number].store(position + 1, std::memory_order_seq_cst);  // F1: then the floor
  note = view_.note(position);
  if (view_.floor() <= position) [[likely]]
    return use();
  pins_[number].store(0, std::memory_order_release);
  return false;
}

RingInlet::Taken RingInlet::take() noexcept {
  bool by_depth = !is_counted();  // once: a publisher may be as quick as this loop
  while (true) {
    const std::uint64_t here = position();
    const std::uint64_t entry = view_.entry(here);
    if (!shape_.is_at(entry, here)) [[unlikely]] {
      if (shape_.is_beyond(entry, here)) {
        const std::uint64_t oldest = oldest_wanted(here, by_depth);
        if (oldest == here) return refuse("it overwrote what could still be taken");
        pass_over(oldest);
        continue;
      }
      if (note_nothing() && !is_worth_another_look()) return {};
      continue;
    }
    if (const std::uint64_t to = end_of_gap(here); to != here) [[unlikely]] {
      move_to(to);
      continue;
    }
    if (by_depth) {
      by_depth = false;
      if (is_over_depth(here)) [[unlikely]] {
        const std::uint64_t oldest = oldest_wanted(here, true);
        if (oldest != here) pass_over(oldest);
        continue;
      }
    }
    std::uint64_t number = 0;
    RingView::Note note;
    if (!pin(here, number, note)) [[unlikely]] {
      const std::uint64_t oldest = oldest_wanted(here, false);
      if (oldest == here) return refuse("it lowered its floor");
      pass_over(oldest);
      continue;
    }
    return resolve(QueueShape::reference(entry), here, number, note);
  }
}

/// The message at our position cannot be read, nor anything after it.
RingInlet::Taken RingInlet::refuse(std::string_view why) noexcept {
  move_to(position() + 1);
  try {
    error_ = why;
  } catch (const std::bad_alloc&) {  // and no memory for an error
  }
  return {Found::broken, nullptr, {}, 0};
}

/// What is at a position that is pinned.
RingInlet::Taken RingInlet::resolve(Reference record, std::uint64_t position, std::uint64_t number,
                                    const RingView::Note& note) noexcept {
  aside_.found([&] { return shape_.is_at(view_.entry(position + 1), position + 1); });
  look_for_depth(position);
  Held& held = held_[number];
  const std::byte* const payload = view_.payload(record);
  const std::uint64_t room = payload == nullptr ? 0 : view_.room(record);
  const std::uint64_t bytes = note.bytes;
  if (payload == nullptr || bytes > room || bytes < request_.least_bytes) [[unlikely]] {
    pins_[number].store(0, std::memory_order_release);
    std::array<char, 128> why{};
    const auto end =
        fmt::format_to_n(why.data(), why.size(), "it published {} bytes at {} of its ring, which cannot be", bytes,
                         record.bits * RingSpace::kAlignment);
    return refuse({why.data(), std::min(end.size, why.size())});
  }
  expected_ = note.next;
  held.head.sequence = position;
  held.head.stamp.store(note.stamp, std::memory_order_relaxed);  // a private copy
  held.head.bytes = bytes;
  held.capacity = std::min(payload_stride_for(std::max<std::uint64_t>(bytes, 1)), room);
  held.used.store(true, std::memory_order_relaxed);  // own; cleared by who completes it
  move_to(position + 1);
  Taken taken{Found::message, payload, {number}, std::exchange(missed_, 0)};
  if (view_.checksum() == Checksum::crc32c) [[unlikely]] {
    const std::byte* const begin = request_.from_end ? payload + held.capacity - bytes : payload;
    if (crc32c({begin, bytes}) != note.checksum) {
      missed_ = taken.missed + 1;
      taken.found = Found::damaged;
    }
  }
  return taken;
}

/// The most that were queued when one was taken. A queue grows between two takes only.
void RingInlet::look_for_depth(std::uint64_t position) noexcept {
  const std::uint64_t most = high_water_.load(std::memory_order_relaxed);  // own figure
  if (!shape_.is_at(view_.entry(position + most), position + most)) [[likely]]
    return;
  if (!is_counted() && most >= depth_) return;
  const std::uint64_t tail = std::max(view_.tail(), position + 1);
  std::uint64_t queued = tail - position - std::min(gaps_between(position, tail), tail - position - 1);
  if (!is_counted()) queued = std::min(queued, depth_);
  if (queued <= most) return;
  high_water_.store(queued, std::memory_order_relaxed);
  request_.slot->consumed.high_water.store(queued, std::memory_order_relaxed);
}

std::uint64_t RingInlet::held() const noexcept {
  std::uint64_t count = 0;
  for (const Held& held : held_) count += held.used.load(std::memory_order_acquire) ? 1 : 0;  // then the pin is free
  return count;
}

void RingInlet::complete(Reference reference, bool wakes_publisher) noexcept {
  const std::uint64_t number = reference.bits;
  if (!wakes_publisher) [[likely]] {
    pins_[number].store(0, std::memory_order_release);  // E2: our last read came before
  } else {
    pins_[number].store(0, std::memory_order_seq_cst);  // E2. W3: before the room bell
    room_ringer_.ring<SocketBell>(request_.slot->room, nullptr);
  }
  held_[number].used.store(false, std::memory_order_release);  // then the pin is free for the next one. The last touch
}

RingInlet::Figures RingInlet::figures() const noexcept {
  Request now = request_;
  now.first = position();
  Figures figures = figures_of(view_, now);
  figures.queued -= std::min(figures.queued, gaps_between(now.first, std::max(now.first, view_.tail())));
  figures.dropped_oldest += passed_.load(std::memory_order_relaxed);
  figures.high_water = high_water_.load(std::memory_order_relaxed);
  return figures;
}

RingInlet::Figures RingInlet::figures_of(const RingView& view, const Request& request) noexcept {
  const std::uint64_t tail = view.tail();
  if (tail < request.first) return {};
  std::uint64_t from = std::max(request.first, std::min(view.floor(), tail));
  const std::uint64_t depth = std::min<std::uint64_t>(request.depth, view.most_behind());
  if (request.overflow == Overflow::drop_oldest && tail - from > depth) from = tail - depth;
  return {tail - from, from - request.first, 0};
}

}  // namespace baton::shm
