#include "outlet.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace baton::shm {

Outlet::Outlet(Request request, ClaimedSlot claimed, domain::Member::NodeView reader_node, SocketBell reader_socket,
               std::atomic<std::uint32_t>& seen_epoch, domain::Concern& concern)
    : request_(std::move(request)),
      claimed_(std::move(claimed)),
      reader_node_(std::move(reader_node)),
      reader_socket_(std::move(reader_socket)),
      seen_epoch_(seen_epoch),
      concern_(concern),
      shape_(claimed_.queue_shift),
      entries_(submissions(*claimed_.slot)),
      completions_(completions(*claimed_.slot, claimed_.queue_shift)),
      ready_word_(&claimed_.inbox->ready[claimed_.index / 64]),
      ready_bit_(std::uint64_t{1} << claimed_.index % 64),
      limit_(share() - (request_.overflow == Overflow::drop_oldest ? 0 : 1)),
      depth_(request_.overflow == Overflow::drop_oldest ? request_.depth : UINT64_MAX),
      lossless_(request_.overflow == Overflow::reject || request_.overflow == Overflow::block),
      mark_(domain::congested_from(request_.depth)),
      shadow_(shape_.entries()),
      sleeper_(claimed_.slot->room) {}

/// Under `drop_oldest`: takes the oldest entries back until fewer than `limit` are queued. Returns how many.
std::uint32_t Outlet::take_back(ChunkPool& pool, std::uint64_t limit) noexcept {
  std::atomic<std::uint64_t>& position = claimed_.slot->head.position;
  std::uint64_t head = position.load(std::memory_order_acquire);  // H1: the reader has read what lies before
  std::uint32_t dropped = 0;
  while (true) {
    if (head - seen_head_ > tail_ - seen_head_) {  // neither forward of what it was nor up to the tail
      break_off();
      return dropped;
    }
    if (tail_ - head < limit) break;
    // H1, acq_rel: claims the entry, against the reader; on failure the reader was quicker.
    if (!position.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    ++head;
    if (!pool.release(shadow_[shape_.index(head - 1)], holder_)) {
      break_off();
      return dropped;
    }
    ++dropped_oldest_;
    ++dropped;
  }
  seen_head_ = head;
  if (dropped != 0) {
    // A figure; release: who sees it sees the head behind them, too.
    claimed_.slot->dropped.oldest.store(dropped_oldest_, std::memory_order_release);
    concern_.raise();
  }
  return dropped;
}

void Outlet::refill() noexcept {
  const std::uint64_t queued = tail_ - seen_head_;
  credit_ = is_broken() || given() >= limit_ || queued >= depth_ ? 0 : std::min(limit_ - given(), depth_ - queued);
  if (credit_ != 0 && mark_ != UINT64_MAX) look_at_level();
}

/// So that it is looked at when the mark may have been reached.
void Outlet::look_at_level() noexcept {
  if (congested_) return;
  const std::uint64_t level = queued();
  if (level < mark_) {
    credit_ = std::min(credit_, mark_ - level);
    return;
  }
  congested_ = true;
  concern_.raise();
}

std::uint64_t Outlet::queued() const noexcept {
  if (ring_ != nullptr) return tap_->queued(ring_->tail(), ring_->floor());
  const std::uint64_t head = claimed_.slot->head.position.load(std::memory_order_acquire);  // a figure
  return std::min(tail_ - undelivered_ - std::min(head, tail_ - undelivered_), shape_.entries());
}

bool Outlet::tell_trouble(EventQueue& events, const std::string& topic, std::vector<Event>& to_announce) noexcept {
  if (congested_ && queued() <= domain::relieved_at(request_.depth)) {
    congested_ = false;
    refill();
  }
  claimed_.slot->dropped.congested.store(congested_ ? 1 : 0, std::memory_order_relaxed);  // a figure
  domain::Trouble now{dropped_oldest_, dropped_newest_, dropped_timeout_, 0, congested_};
  if (ring_ != nullptr) {
    now.dropped_oldest = tap_->dropped_oldest(ring_->tail(), ring_->floor());
    now.dropped_newest = tap_->dropped_newest();
    now.dropped_timeout = tap_->dropped_timeout();
  }
  return told_.tell(now, events, topic, request_.node, to_announce);
}

/// Under `drop_oldest`, when nothing is queued, and the message cannot be: it gets its position and gives way at once,
/// as if the next one had come already. So the reader sees by the positions that it is missing.
void Outlet::pass_over() noexcept {
  std::uint64_t head = tail_;
  if (is_broken()) return;
  // H1, acq_rel, as in take_back; but there is no entry, and so nobody else to claim it.
  if (!claimed_.slot->head.position.compare_exchange_strong(head, tail_ + 1, std::memory_order_acq_rel,
                                                            std::memory_order_acquire)) {
    return break_off();
  }
  seen_head_ = ++tail_;
  claimed_.slot->dropped.oldest.store(++dropped_oldest_, std::memory_order_release);  // as in take_back
}

/// Makes room, or drops: when there may be none. False if there is none.
bool Outlet::find_room(ChunkPool& pool, std::uint32_t& dropped) noexcept {
  const bool drops_oldest = request_.overflow == Overflow::drop_oldest;
  if (drops_oldest && tail_ - seen_head_ >= depth_) dropped += take_back(pool, depth_);
  if (given() >= limit_) collect(pool);
  // All of its share of the pool is out: a release that another thread of the reader has begun may bar those behind it.
  // Each round takes an entry back, or finds that the reader has taken one.
  while (drops_oldest && given() >= limit_ && tail_ != seen_head_ && !is_broken()) {
    dropped += take_back(pool, tail_ - seen_head_);
    if (given() >= limit_) collect(pool);
  }
  refill();
  if (credit_ != 0) return true;
  // relaxed: figures, of this writer alone.
  if (drops_oldest) {
    pass_over();
  } else if (lossless_) {
    claimed_.slot->dropped.timeout.store(++dropped_timeout_, std::memory_order_relaxed);
  } else {
    claimed_.slot->dropped.newest.store(++dropped_newest_, std::memory_order_relaxed);
  }
  concern_.raise();
  ++dropped;
  return false;
}

void Outlet::ask_back(std::uint32_t segment) noexcept {
  SlotHead::Drops& asked = claimed_.slot->dropped;
  const std::uint64_t bit = std::uint64_t{1} << segment;
  asked_back_ |= bit;
  asked.retired.fetch_or(bit, std::memory_order_release);  // R1: which, before that there are some
  asked.retiring.fetch_add(1, std::memory_order_release);  // R1
  announce_slot();
}

bool Outlet::may_have_mapped(std::uint32_t segment) noexcept {
  const SlotHead& slot = *claimed_.slot;
  // R1 (acquire): its last look at them came before.
  if (slot.consumed.retiring.load(std::memory_order_acquire) == slot.dropped.retiring.load(std::memory_order_relaxed)) {
    asked_back_ = 0;
  }
  return (asked_back_ >> segment & 1U) != 0;
}

void Outlet::use_again(std::uint32_t segment) noexcept {
  // R1: before the first reference into it.
  claimed_.slot->dropped.retired.fetch_and(~(std::uint64_t{1} << segment), std::memory_order_release);
}

void Outlet::announce_slot() noexcept {
  claimed_.inbox->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // W1: after the claim, before the bell
  ring();
}

void Outlet::end(ChunkPool& pool) noexcept {
  if (ring_ != nullptr) return tap_->end(ring_->tail(), ring_->floor());
  collect(pool);
  if (is_broken()) return;
  const std::uint64_t head = claimed_.slot->head.position.load(std::memory_order_acquire);  // L1: it stands still
  if (head > tail_ || tail_ - head > given()) return break_off();
  for (std::uint64_t position = head; position != tail_; ++position) {
    if (!pool.release(shadow_[shape_.index(position)], holder_)) return break_off();
    ++undelivered_;
  }
}

void Outlet::close_slot() noexcept {
  if (std::exchange(closed_, true)) return;
  claimed_.close();
}

void Outlet::audit(const ChunkPool& pool, std::optional<std::uint64_t> published,
                   std::vector<std::string>& findings) const {
  if (is_broken()) return;
  if (ring_ != nullptr) return audit_tap(published, findings);
  const auto expect = [&](std::uint64_t found, std::uint64_t expected, std::string_view what) {
    if (found != expected)
      findings.push_back(fmt::format("{}: {}: {}, expected {}", request_.node, what, found, expected));
  };
  expect(pool.count_held(holder_), given(), "chunks that it was given");
  if (given() > share())
    findings.push_back(fmt::format("{}: it was given {} chunks of {}", request_.node, given(), share()));
  if (published) expect(tail_ + dropped_newest_ + dropped_timeout_, *published - first_sequence_, "messages offered");
  // What is queued it still has, each chunk once.
  const std::uint64_t queued_now = queued();
  std::vector<ChunkPool::Number> chunks;
  for (std::uint64_t position = tail_ - undelivered_ - queued_now; published && position != tail_; ++position) {
    chunks.push_back(shadow_[shape_.index(position)]);
    if (!pool.is_held(chunks.back(), holder_)) {
      findings.push_back(fmt::format("{}: the chunk at position {} is queued and not held", request_.node, position));
    }
  }
  std::sort(chunks.begin(), chunks.end());
  if (std::adjacent_find(chunks.begin(), chunks.end()) != chunks.end()) {
    findings.push_back(fmt::format("{}: a chunk is queued twice", request_.node));
  }
}

ConnectionCounters Outlet::counters(ChunkPool& pool) noexcept {
  collect(pool);
  ConnectionCounters figures;
  if (ring_ != nullptr) {
    figures = tap_->counters(ring_->tail(), ring_->floor());
    figures.peer = request_.node;
    check_tap();
    return figures;
  }
  figures.peer = request_.node;
  const std::uint64_t head = claimed_.slot->head.position.load(std::memory_order_acquire);  // a figure
  const std::uint64_t moved = head < dropped_oldest_ ? dropped_oldest_ : head > tail_ ? tail_ : head;
  figures.offered = tail_ + dropped_newest_ + dropped_timeout_;
  // The reader's own figures: what it writes need not be true.
  const SlotHead::Consumed& consumed = claimed_.slot->consumed;
  const std::uint64_t removed = moved - dropped_oldest_;
  figures.dropped_expired = std::min(consumed.expired.load(std::memory_order_relaxed), removed);
  figures.high_water = std::min(consumed.high_water.load(std::memory_order_relaxed), shape_.entries());
  figures.taken = removed - figures.dropped_expired;
  figures.undelivered = undelivered_;
  figures.queued = tail_ - moved - undelivered_;
  figures.held = given() > figures.queued ? given() - figures.queued : 0;
  figures.dropped_oldest = dropped_oldest_;
  figures.dropped_newest = dropped_newest_;
  figures.dropped_timeout = dropped_timeout_;
  return figures;
}

}  // namespace baton::shm
