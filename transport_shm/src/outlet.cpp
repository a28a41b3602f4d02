#include "outlet.hpp"

#include <utility>

namespace baton::shm {

Outlet::Outlet(Request request, ClaimedSlot claimed, domain::Member::NodeView reader_node)
    : request_(std::move(request)),
      claimed_(std::move(claimed)),
      reader_node_(std::move(reader_node)),
      shape_(claimed_.queue_shift),
      entries_(submissions(*claimed_.slot)),
      completions_(completions(*claimed_.slot, claimed_.queue_shift)),
      ready_word_(&claimed_.inbox->ready[claimed_.index / 64]),
      ready_bit_(std::uint64_t{1} << claimed_.index % 64),
      capacity_(std::uint64_t{request_.depth} + request_.max_held),
      shadow_(shape_.entries()),
      sleeper_(claimed_.slot->room) {}

void Outlet::collect(ChunkPool& pool) noexcept {
  while (!broken_) {
    // E2 (acquire): the reader's last read. W3: after arming the room bell. A plain load on x86.
    const std::uint64_t entry = completions_[shape_.index(collected_)].load(std::memory_order_seq_cst);
    if (!shape_.is_at(entry, collected_)) return;
    const ChunkPool::Number chunk = pool.find(QueueShape::reference(entry));
    if (chunk == ChunkPool::kNone) {
      broken_ = true;
    } else if (give_back(pool, chunk)) {
      ++collected_;
    }
  }
}

/// Under `drop_oldest`: takes the oldest entries back until fewer than `limit` are queued. Returns how many.
std::uint32_t Outlet::take_back(ChunkPool& pool, std::uint64_t limit) noexcept {
  std::atomic<std::uint64_t>& position = claimed_.slot->head.position;
  std::uint64_t head = position.load(std::memory_order_acquire);  // H1: the reader has read what lies before
  std::uint32_t dropped = 0;
  while (true) {
    if (head - seen_head_ > tail_ - seen_head_) {  // neither forward of what it was nor up to the tail
      broken_ = true;
      return dropped;
    }
    if (tail_ - head < limit) break;
    // H1, acq_rel: claims the entry, against the reader; on failure the reader was quicker.
    if (!position.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    ++head;
    if (!give_back(pool, shadow_[shape_.index(head - 1)])) return dropped;
    ++dropped_oldest_;
    ++dropped;
  }
  seen_head_ = head;
  return dropped;
}

/// Ends the reader's hold of a chunk. False, and broken, if it has none: it completed what it had not taken.
bool Outlet::give_back(ChunkPool& pool, ChunkPool::Number chunk) noexcept {
  if (!pool.is_held(chunk, holder_)) {
    broken_ = true;
    return false;
  }
  pool.release(chunk, holder_);
  --given_;
  return true;
}

/// Whether the reader has as much as it may: after a look at what came back. Under `drop_oldest` that is its whole
/// share of the pool: a release that another thread of the reader has begun may bar those behind it.
bool Outlet::full(ChunkPool& pool) noexcept {
  const std::uint64_t limit = request_.overflow == Overflow::drop_oldest ? capacity_ + 1 : capacity_;
  if (given_ < limit) [[likely]]
    return false;
  collect(pool);
  return given_ >= limit;
}

bool Outlet::give(ChunkPool& pool, ChunkPool::Number chunk, std::uint32_t& dropped) noexcept {
  if (request_.overflow == Overflow::drop_oldest && tail_ - seen_head_ >= request_.depth) [[unlikely]]
    dropped += take_back(pool, request_.depth);
  bool no_room = full(pool);
  if (no_room && request_.overflow == Overflow::drop_oldest && tail_ != seen_head_) [[unlikely]] {
    dropped += take_back(pool, tail_ - seen_head_);
    no_room = full(pool);
  }
  if (no_room || broken_) [[unlikely]] {
    // relaxed: figures, of this writer alone.
    if (lossless()) {
      claimed_.slot->dropped.timeout.store(++dropped_timeout_, std::memory_order_relaxed);
    } else {
      claimed_.slot->dropped.newest.store(++dropped_newest_, std::memory_order_relaxed);
    }
    ++dropped;
    return false;
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

bool Outlet::ring() noexcept {
  // W2: after the entry. Set only where it reads clear, so that a busy reader's publishers do not fight for the line.
  if ((ready_word_->load(std::memory_order_seq_cst) & ready_bit_) == 0) [[unlikely]]
    ready_word_->fetch_or(ready_bit_, std::memory_order_seq_cst);
  const std::uint32_t which = claimed_.inbox->notes.bell.load(std::memory_order_seq_cst);  // W1: never cached
  if (which == 0) [[likely]]
    return ringer_.ring(claimed_.inbox->bell);
  if (which > domain::kNodeBells) return false;  // a damaged word: its reader has only itself to wake
  return ringer_.ring(*reader_node_.bell(which - 1));
}

bool Outlet::announce_slot() noexcept {
  claimed_.inbox->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // W1: after the claim, before the bell
  return ring();
}

void Outlet::end(ChunkPool& pool) noexcept {
  collect(pool);
  const std::uint64_t head = claimed_.slot->head.position.load(std::memory_order_acquire);  // L1: it stands still
  if (head > tail_ || tail_ - head > given_) broken_ = true;
  if (broken_) return;
  for (std::uint64_t position = head; position != tail_; ++position) {
    if (!give_back(pool, shadow_[shape_.index(position)])) return;
    ++undelivered_;
  }
}

void Outlet::close_slot() noexcept {
  auto& word = claimed_.inbox->slot_words[claimed_.index];
  SlotWord closed = SlotWord::unpack(word.load(std::memory_order_relaxed));  // ours since we claimed it
  closed.state = SlotWord::State::closed;
  word.store(closed.pack(), std::memory_order_release);                      // S3: the last entry came before
  claimed_.inbox->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // the subscriber is to look
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
  figures.held = given_ > figures.queued ? given_ - figures.queued : 0;
  figures.dropped_oldest = dropped_oldest_;
  figures.dropped_newest = dropped_newest_;
  figures.dropped_timeout = dropped_timeout_;
  return figures;
}

}  // namespace baton::shm
