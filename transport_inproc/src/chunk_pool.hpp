#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace baton::inproc {

/// What stands before each payload. One cache line, so that payloads are 64-byte aligned.
struct alignas(64) ChunkHeader {
  std::atomic<std::uint32_t> references{0};  // E2; how many still need the chunk
  std::uint64_t sequence = 0;                // written by the publisher before E1
  std::uint64_t stamp = 0;                   // the same; a reading of the publisher's StampClock
  ChunkHeader* next = nullptr;               // the next free chunk; of whoever has the chunk in a list

  std::byte* payload() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  static ChunkHeader* of(std::byte* payload) noexcept { return reinterpret_cast<ChunkHeader*>(payload) - 1; }
};
static_assert(sizeof(ChunkHeader) == 64);

/// The chunks of one publisher. `pop` and `put_back` belong to the publisher's thread; `release` and `reserve` may be
/// called on any. The memory is freed with the pool.
class ChunkPool {
 public:
  /// No more than `max_bytes` in all.
  ChunkPool(std::size_t payload_bytes, std::uint64_t max_bytes) noexcept;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  std::size_t payload_bytes() const noexcept { return payload_bytes_; }

  /// A chunk with what belongs to it, and how many of them there may be.
  std::size_t chunk_bytes() const noexcept { return stride_; }
  std::uint64_t max_chunks() const noexcept { return max_chunks_; }

  /// Whether the limit allows so many more to be reserved. Reservations may be given back at any time.
  bool allows(std::uint64_t chunks) const noexcept { return reserved() + chunks <= max_chunks_; }
  std::uint64_t reserved() const noexcept { return reserved_.load(std::memory_order_relaxed); }  // a sum of numbers

  /// Counts `chunks` more as needed and makes what is missing. False, and nothing changed, if memory ran out. Callers
  /// exclude each other.
  bool reserve(std::uint64_t chunks) noexcept;

  /// Gives a reservation back; the chunks stay, for the next one. Any thread.
  void unreserve(std::uint64_t chunks) noexcept;

  /// A free chunk, or null.
  ChunkHeader* pop() noexcept {
    if (free_ == nullptr) [[unlikely]]
      collect();
    ChunkHeader* const chunk = free_;
    if (chunk != nullptr) [[likely]]
      free_ = chunk->next;
    return chunk;
  }

  /// Takes back a chunk that nobody else refers to.
  void put_back(ChunkHeader* chunk) noexcept {
    chunk->next = free_;
    free_ = chunk;
  }

  /// Drops `references` of a chunk; the last one makes it free.
  void release(ChunkHeader* chunk, std::uint32_t references = 1) noexcept {
    // E2, acq_rel: release, so that this reader's last read comes before; acquire, so that the last one out sees that
    // of all others before the chunk is used again.
    if (chunk->references.fetch_sub(references, std::memory_order_acq_rel) == references) push_returned(chunk, chunk);
  }

  std::uint64_t size() const noexcept { return size_.load(std::memory_order_relaxed); }  // a figure for counters

  /// Counts the free chunks. The publisher's thread.
  std::uint64_t count_free() noexcept;

 private:
  struct FreeMemory {
    void operator()(std::byte* memory) const noexcept;
  };

  void collect() noexcept;
  void push_returned(ChunkHeader* first, ChunkHeader* last) noexcept;

  const std::size_t payload_bytes_;
  const std::size_t stride_;
  const std::uint64_t max_chunks_;
  ChunkHeader* free_ = nullptr;  // last in, first out: the chunk used last is the one in the cache

  std::vector<std::unique_ptr<std::byte, FreeMemory>> slabs_;
  std::atomic<std::uint64_t> size_{0};      // written by reserve only
  std::atomic<std::uint64_t> reserved_{0};  // any thread

  alignas(64) std::atomic<ChunkHeader*> returned_{nullptr};  // E3; any thread pushes, the publisher takes all
};

}  // namespace baton::inproc
