#include "outlet.hpp"

#include <algorithm>
#include <utility>

namespace baton::shm {

Outlet::Outlet(Request request, ClaimedSlot claimed, domain::Member::NodeView reader_node, SocketBell reader_socket,
               std::atomic<std::uint32_t>& seen_epoch)
    : request_(std::move(request)),
      claimed_(std::move(claimed)),
      reader_node_(std::move(reader_node)),
      reader_socket_(std::move(reader_socket)),
      seen_epoch_(seen_epoch),
      shape_(claimed_.queue_shift),
      entries_(submissions(*claimed_.slot)),
      completions_(completions(*claimed_.slot, claimed_.queue_shift)),
      ready_word_(&claimed_.inbox->ready[claimed_.index / 64]),
      ready_bit_(std::uint64_t{1} << claimed_.index % 64),
      limit_(share() - (request_.overflow == Overflow::drop_oldest ? 0 : 1)),
      depth_(request_.overflow == Overflow::drop_oldest ? request_.depth : UINT64_MAX),
      lossless_(request_.overflow == Overflow::reject || request_.overflow == Overflow::block),
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
  return dropped;
}

void Outlet::refill() noexcept {
  const std::uint64_t queued = tail_ - seen_head_;
  credit_ = is_broken() || given() >= limit_ || queued >= depth_ ? 0 : std::min(limit_ - given(), depth_ - queued);
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
  if (lossless_) {
    claimed_.slot->dropped.timeout.store(++dropped_timeout_, std::memory_order_relaxed);
  } else {
    claimed_.slot->dropped.newest.store(++dropped_newest_, std::memory_order_relaxed);
  }
  ++dropped;
  return false;
}

void Outlet::announce_slot() noexcept {
  claimed_.inbox->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // W1: after the claim, before the bell
  ring();
}

void Outlet::end(ChunkPool& pool) noexcept {
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

ConnectionCounters Outlet::counters(ChunkPool& pool) noexcept {
  collect(pool);
  ConnectionCounters figures;
  figures.peer = request_.node;
  const std::uint64_t head = claimed_.slot->head.position.load(std::memory_order_acquire);  // a figure
  const std::uint64_t moved = head < dropped_oldest_ ? dropped_oldest_ : head > tail_ ? tail_ : head;
  figures.offered = tail_ + dropped_newest_ + dropped_timeout_;
  figures.taken = moved - dropped_oldest_;
  figures.undelivered = undelivered_;
  figures.queued = tail_ - moved - undelivered_;
  figures.held = given() > figures.queued ? given() - figures.queued : 0;
  figures.dropped_oldest = dropped_oldest_;
  figures.dropped_newest = dropped_newest_;
  figures.dropped_timeout = dropped_timeout_;
  return figures;
}

}  // namespace baton::shm
