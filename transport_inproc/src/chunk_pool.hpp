#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "baton/size_classes.hpp"

namespace baton::inproc {

/// What stands before each payload. One cache line, so that payloads are 64-byte aligned.
struct alignas(64) ChunkHeader {
  std::atomic<std::uint32_t> references{0};  // E2; how many still need the chunk
  std::uint32_t size_class = 0;              // of the pool; never changes
  std::size_t capacity = 0;                  // of the payload; never changes
  std::size_t bytes = 0;                     // that the message takes; written by the publisher before E1
  std::uint64_t sequence = 0;                // the same
  std::uint64_t stamp = 0;                   // the same; a reading of the publisher's StampClock
  ChunkHeader* next = nullptr;               // the next free chunk; of whoever has the chunk in a list

  std::byte* payload() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  static ChunkHeader* of(std::byte* payload) noexcept { return reinterpret_cast<ChunkHeader*>(payload) - 1; }
};
static_assert(sizeof(ChunkHeader) == 64);

/// The chunks of one publisher. `pop` and `put_back` belong to the publisher's thread; `release` and `reserve` may be
/// called on any. The memory is freed with the pool.
///
/// Where all messages have one size, every chunk that is reserved exists from then on. Where each has its own, a
/// reservation is a number: chunks are made when they are asked for, and one of another size gives way when there are
/// as many as are reserved, or no memory for more.
class ChunkPool {
 public:
  struct Request {
    std::size_t payload_bytes = 0;  ///< of every message, or of the smallest
    bool variable = false;          ///< messages have sizes of their own
    std::size_t max_payload = 0;    ///< of such a message; 0: what `max_bytes` allows
    std::uint64_t max_bytes = 0;    ///< of all chunks
  };

  explicit ChunkPool(const Request& request) noexcept;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  /// The most that a message can have.
  std::size_t max_payload() const noexcept { return request_.max_payload; }

  /// A chunk with what belongs to it, and how many of them there may be: of the smallest size.
  std::size_t chunk_bytes() const noexcept { return stride_of(request_.payload_bytes); }
  std::uint64_t max_chunks() const noexcept { return max_chunks_; }
  std::uint64_t max_bytes() const noexcept { return request_.max_bytes; }

  /// Whether the limit allows so many more to be reserved. Reservations may be given back at any time.
  bool allows(std::uint64_t chunks) const noexcept { return reserved() + chunks <= max_chunks_; }
  std::uint64_t reserved() const noexcept { return reserved_.load(std::memory_order_relaxed); }  // a sum of numbers

  /// Counts `chunks` more as needed and makes what is missing. False, and nothing changed, if memory ran out. Callers
  /// exclude each other.
  bool reserve(std::uint64_t chunks) noexcept;

  /// Gives a reservation back; the chunks stay, for the next one. Any thread.
  void unreserve(std::uint64_t chunks) noexcept;

  /// A free chunk with room for so many bytes, no more than `max_payload()`; or null.
  ChunkHeader* pop(std::size_t bytes) noexcept {
    if (request_.variable) return pop_sized(bytes);
    ChunkHeader*& free = free_[0];
    if (free == nullptr) [[unlikely]]
      collect();
    ChunkHeader* const chunk = free;
    if (chunk != nullptr) [[likely]]
      free = chunk->next;
    return chunk;
  }

  /// Takes back a chunk that nobody else refers to.
  void put_back(ChunkHeader* chunk) noexcept {
    ChunkHeader*& free = free_[chunk->size_class];
    chunk->next = free;
    free = chunk;
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

  /// Whether no chunk is in the free lists twice. The publisher's thread.
  bool each_is_free_once();

 private:
  struct FreeMemory {
    void operator()(std::byte* memory) const noexcept;
  };

  static constexpr std::size_t stride_of(std::size_t payload_bytes) noexcept {
    return sizeof(ChunkHeader) + (payload_bytes + 63) / 64 * 64;
  }

  bool make_chunks(std::uint64_t count) noexcept;
  ChunkHeader* pop_sized(std::size_t bytes) noexcept;
  ChunkHeader* make_sized(std::uint32_t size_class) noexcept;
  bool free_another(std::uint32_t size_class) noexcept;
  void collect() noexcept;
  void push_returned(ChunkHeader* first, ChunkHeader* last) noexcept;

  const Request request_;
  const std::uint64_t max_chunks_;
  // By size class, where messages have sizes of their own. Last in, first out: the chunk used last is the one in the
  // cache.
  std::array<ChunkHeader*, size_classes::kCount> free_{};

  std::vector<std::unique_ptr<std::byte, FreeMemory>> slabs_;  // of chunks of one size
  std::uint64_t sized_bytes_ = 0;                              // of chunks of their own sizes, all of them
  std::atomic<std::uint64_t> size_{0};                         // written by reserve, or by the publisher's thread
  std::atomic<std::uint64_t> reserved_{0};                     // any thread

  alignas(64) std::atomic<ChunkHeader*> returned_{nullptr};  // E3; any thread pushes, the publisher takes all
};

}  // namespace baton::inproc
