#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "reference.hpp"
#include "segment.hpp"

namespace baton::shm {

/// The chunks of one publisher and who has them, in private memory. Guarded by the publisher's guard.
///
/// A chunk is known by its number here; a reference, which others write, is looked up and checked. For each chunk there
/// is one bit for every possible holder: its loan, the history, and each connection. No bit set: the chunk is free, and
/// then it is once in the free list.
class ChunkPool {
 public:
  using Number = std::uint32_t;
  static constexpr Number kNone = UINT32_MAX;

  /// A place among the bits of each chunk.
  struct Holder {
    std::uint32_t word = 0;
    std::uint64_t bit = 0;
  };
  static constexpr Holder kLoan{0, 1};
  static constexpr Holder kHistory{0, 2};

  explicit ChunkPool(std::uint64_t payload_bytes) noexcept;

  std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  std::uint64_t chunk_bytes() const noexcept { return chunk_bytes_for(payload_bytes_); }
  std::uint64_t size() const noexcept { return chunks_.size(); }
  std::uint64_t count_free() const noexcept { return rotation_count_ + reserve_.size(); }

  /// Adds the chunks of a segment. Throws std::bad_alloc and changes nothing.
  void add(Segment segment);
  const std::vector<Segment>& segments() const noexcept { return segments_; }

  /// A place for a new connection. Throws std::bad_alloc and changes nothing.
  Holder take_holder();
  /// The connection is gone: clears its bit everywhere. Returns how many chunks it had.
  std::uint64_t give_back_holder(Holder holder) noexcept;

  /// Whether it is time to collect what readers have completed, before the next `pop`.
  bool is_low() const noexcept { return rotation_count_ <= low_water_; }

  /// Lends a free chunk. Only if the pool is not low.
  Number pop_in_rotation() noexcept {
    const Number chunk = rotation_[rotation_begin_++ & rotation_mask_];
    --rotation_count_;
    chunks_[chunk].holders = kLoan.bit;  // of a free chunk no bit is set
    return chunk;
  }

  /// Lends a free chunk, or returns kNone.
  Number pop() noexcept;

  /// Takes the first lines of the chunks that come next away from their last readers, many at once. A message's first
  /// store would wait for its line, and every store behind it too: a core fetches lines ahead for the few oldest stores
  /// in its buffer only. Between stores that follow each other directly the waits overlap.
  /// (docs/adr/0009-touching-chunks-ahead.md)
  void touch_next() noexcept {
    if (rotation_begin_ < touched_end_) [[likely]]
      return;
    const std::uint64_t end = rotation_begin_ + std::min(rotation_count_, kTouchedAtOnce);
    for (std::uint64_t i = rotation_begin_; i != end; ++i) {
      *reinterpret_cast<volatile std::uint64_t*>(chunks_[rotation_[i & rotation_mask_]].payload) = 0;
    }
    touched_end_ = end;
  }

  void hold(Number chunk, Holder holder) noexcept { word(chunk, holder) |= holder.bit; }

  /// Ends a hold; the last one makes the chunk free. False if there was none.
  bool release(Number chunk, Holder holder) noexcept {
    std::uint64_t& holders = word(chunk, holder);
    const std::uint64_t left = holders & ~holder.bit;
    if (left == holders) [[unlikely]]
      return false;
    holders = left;
    if (left == 0 && (more_words_ == 0 || is_free(chunk))) put(chunk);
    return true;
  }

  std::byte* payload(Number chunk) const noexcept { return chunks_[chunk].payload; }
  ChunkHead& head(Number chunk) const noexcept { return *chunks_[chunk].head; }
  Reference reference(Number chunk) const noexcept { return chunks_[chunk].reference; }

  /// The chunk that a reference names, or kNone if it names none: the reference was written by somebody else.
  Number find(Reference reference) const noexcept {
    const Place& place = places_[reference.segment()];
    const std::uint64_t chunk = reference.bits - place.first_reference.bits;  // far off where the generation is another
    return chunk < place.chunks ? place.first + static_cast<Number>(chunk) : kNone;
  }

 private:
  struct ChunkState {
    std::byte* payload;
    ChunkHead* head;
    Reference reference;
    std::uint64_t holders;  // the first 64; few publishers have more
  };
  struct Place {
    Reference first_reference;
    Number first = 0;
    std::uint32_t chunks = 0;  // none: there is no such segment
  };

  std::uint64_t& word(Number chunk, Holder holder) noexcept {
    if (holder.word == 0) [[likely]]
      return chunks_[chunk].holders;
    return more_holders_[chunk * more_words_ + holder.word - 1];
  }
  bool is_free(Number chunk) const noexcept;
  void add_holder_word();

  void put(Number chunk) noexcept {
    if (rotation_count_ == rotation_limit_) [[unlikely]] {
      reserve_.push_back(chunk);  // reserved when the segment was added
      return;
    }
    rotation_[(rotation_begin_ + rotation_count_++) & rotation_mask_] = chunk;
  }

  const std::uint64_t payload_bytes_;
  std::vector<Segment> segments_;
  std::array<Place, Reference::kMaxSegments> places_{};  // of segments_
  std::vector<ChunkState> chunks_;

  std::vector<std::uint64_t> more_holders_;  // more_words_ for each chunk
  std::uint32_t more_words_ = 0;
  std::vector<std::uint64_t> used_holders_{0b11};  // one bit each

  // Free chunks: first in, first out over as many as the caches hold, so that a large one is neither cold nor the very
  // one that a reader's core has just let go of; the others wait in the reserve.
  std::vector<Number> rotation_;
  std::uint64_t rotation_mask_ = 0;
  std::uint64_t rotation_begin_ = 0;
  std::uint64_t rotation_count_ = 0;
  std::uint64_t rotation_limit_ = 0;
  std::uint64_t low_water_ = 0;
  static constexpr std::uint64_t kTouchedAtOnce = 8;
  std::uint64_t touched_end_ = 0;  // a position of the rotation: those before have been touched
  std::vector<Number> reserve_;
};

}  // namespace baton::shm
