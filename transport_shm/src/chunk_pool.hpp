#pragma once

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

  // Holders.
  static constexpr std::uint32_t kLoan = 0;
  static constexpr std::uint32_t kHistory = 1;
  static constexpr std::uint32_t kFirstConnection = 2;

  explicit ChunkPool(std::uint64_t payload_bytes) noexcept;

  std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  std::uint64_t chunk_bytes() const noexcept { return chunk_bytes_for(payload_bytes_); }
  std::uint64_t size() const noexcept { return chunks_.size(); }
  std::uint64_t count_free() const noexcept { return rotation_count_ + reserve_.size(); }

  /// Adds the chunks of a segment. Throws std::bad_alloc and changes nothing.
  void add(Segment segment);
  const std::vector<Segment>& segments() const noexcept { return segments_; }

  /// A holder number for a new connection. Throws std::bad_alloc and changes nothing.
  std::uint32_t take_holder();
  /// The connection is gone: clears its bit everywhere. Returns how many chunks it had.
  std::uint64_t give_back_holder(std::uint32_t holder) noexcept;

  /// Whether it is time to collect what readers have completed, before the next `pop`.
  bool is_low() const noexcept { return rotation_count_ <= low_water_; }

  /// Lends a free chunk, or returns kNone.
  Number pop() noexcept {
    if (rotation_count_ == 0) [[unlikely]] {
      if (reserve_.empty()) return kNone;
      const Number chunk = reserve_.back();
      reserve_.pop_back();
      hold(chunk, kLoan);
      return chunk;
    }
    const Number chunk = rotation_[rotation_begin_++ & rotation_mask_];
    --rotation_count_;
    hold(chunk, kLoan);
    return chunk;
  }

  void hold(Number chunk, std::uint32_t holder) noexcept { word(chunk, holder) |= bit(holder); }

  /// Ends a hold; the last one makes the chunk free. False if there was none.
  bool release(Number chunk, std::uint32_t holder) noexcept {
    std::uint64_t& holders = word(chunk, holder);
    const std::uint64_t left = holders & ~bit(holder);
    if (left == holders) [[unlikely]]
      return false;
    holders = left;
    if (left == 0 && (more_words_ == 0 || is_free(chunk))) put(chunk);
    return true;
  }

  std::byte* payload(Number chunk) const noexcept { return chunks_[chunk].payload; }
  Reference reference(Number chunk) const noexcept { return chunks_[chunk].reference; }

  /// The chunk that a reference names, or kNone if it names none: the reference was written by somebody else.
  Number find(Reference reference) const noexcept {
    if (reference.segment() >= segments_.size()) return kNone;
    const Place& place = places_[reference.segment()];
    if (reference.generation() != place.generation || reference.chunk() >= place.chunks) return kNone;
    return place.first + reference.chunk();
  }

 private:
  struct ChunkState {
    std::byte* payload;
    Reference reference;
    std::uint64_t holders;  // the first 64; few publishers have more
  };
  struct Place {
    Number first;
    std::uint32_t chunks;
    std::uint32_t generation;
  };

  static constexpr std::uint64_t bit(std::uint32_t holder) noexcept { return std::uint64_t{1} << holder % 64; }
  std::uint64_t& word(Number chunk, std::uint32_t holder) noexcept {
    if (holder < 64) [[likely]]
      return chunks_[chunk].holders;
    return more_holders_[chunk * more_words_ + holder / 64 - 1];
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
  std::vector<Place> places_;  // of segments_
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
  std::vector<Number> reserve_;
};

}  // namespace baton::shm
