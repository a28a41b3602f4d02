#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>

#include "chunk_pool.hpp"

namespace baton::inproc {

/// A bounded queue of chunks, from one publisher to one subscriber.
///
/// Roles: the publisher pushes; the subscriber pops; under `drop_oldest` the publisher pops too, to make room.
/// Positions are 64-bit counts that never wrap, so an entry is claimed by exactly one compare-and-swap of the head.
/// Invariants: head <= tail <= head + capacity; an entry is overwritten only after its position was claimed.
class ChunkQueue {
 public:
  /// Room for at least `capacity` chunks. `with_stamps`: the consumer wants to know how old the oldest one is.
  explicit ChunkQueue(std::uint64_t capacity, bool with_stamps = false)
      : mask_(std::bit_ceil(capacity) - 1),
        entries_(new std::atomic<ChunkHeader*>[mask_ + 1]),
        stamps_(with_stamps ? new std::atomic<std::uint64_t>[mask_ + 1] : nullptr) {}

  /// Appends a chunk. The publisher, who has made sure that there is room.
  void push(ChunkHeader* chunk) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);  // own index: only this thread writes it
    entries_[tail & mask_].store(chunk, std::memory_order_relaxed);    // ordered by the tail
    if (stamps_) [[unlikely]]
      stamps_[tail & mask_].store(chunk->stamp, std::memory_order_release);  // who sees it sees the claim before it
    tail_.store(tail + 1, std::memory_order_seq_cst);  // E1 (release): chunk and entry first. W1: before `armed`
  }

  /// Removes and returns the oldest chunk, or null. `queued` is how many there were, that one included.
  ChunkHeader* pop(std::uint64_t& queued) noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);  // entries are overwritten after the claim we see here
    while (true) {
      queued = tail_.load(std::memory_order_seq_cst) - head;  // E1 (acquire). W1: after `armed`
      if (queued == 0) return nullptr;
      ChunkHeader* const chunk = entries_[head & mask_].load(std::memory_order_relaxed);  // void if the claim fails
      // acq_rel: the read of the entry comes before the claim, and so before the entry is overwritten.
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        return chunk;
      }
    }
  }

  /// The oldest chunk, which is left there. Its header is not to be read: the publisher may be using it again.
  struct Oldest {
    std::uint64_t position;
    std::uint64_t stamp;
  };

  /// Of a queue with stamps. Nothing, if it is empty.
  std::optional<Oldest> oldest() const noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while (tail_.load(std::memory_order_seq_cst) != head) {  // E1 (acquire). W1: after `armed_`
      // acquire: if it is a later one's, the head is seen to have moved.
      const std::uint64_t stamp = stamps_[head & mask_].load(std::memory_order_acquire);
      const std::uint64_t again = head_.load(std::memory_order_acquire);
      if (again == head) return Oldest{head, stamp};
      head = again;
    }
    return std::nullopt;
  }

  /// Removes the chunk at that position; null if it is not there any more. `queued` as above.
  ChunkHeader* pop_at(std::uint64_t position, std::uint64_t& queued) noexcept {
    queued = tail_.load(std::memory_order_relaxed) - position;  // a figure; its chunk was seen before
    ChunkHeader* const chunk = entries_[position & mask_].load(std::memory_order_relaxed);  // void if the claim fails
    const bool claimed = head_.compare_exchange_strong(position, position + 1, std::memory_order_acq_rel,  // as in pop
                                                       std::memory_order_relaxed);
    return claimed ? chunk : nullptr;
  }

  ChunkHeader* pop() noexcept {
    std::uint64_t queued = 0;
    return pop(queued);
  }

  /// How many are queued; exact only on the thread of the one side while the other rests.
  std::uint64_t size() const noexcept {
    const std::uint64_t head = head_.load(std::memory_order_acquire);  // before the tail, so that it is no greater
    return tail_.load(std::memory_order_seq_cst) - head;               // W1: a reader's re-check after arming
  }

 private:
  const std::uint64_t mask_;
  const std::unique_ptr<std::atomic<ChunkHeader*>[]> entries_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> stamps_;  // of the entries' chunks, if they are asked for
  alignas(64) std::atomic<std::uint64_t> tail_{0};              // W: publisher
  alignas(64) std::atomic<std::uint64_t> head_{0};              // W: who claims an entry
};

}  // namespace baton::inproc
