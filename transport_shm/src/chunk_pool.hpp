#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "baton/size_classes.hpp"
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
  /// Of all chunks of a segment that is to go, so that they do not become free any more.
  static constexpr Holder kRetired{0, 4};

  struct Request {
    std::uint64_t payload_bytes = 0;  ///< of every message, or of the smallest
    bool variable = false;            ///< messages have sizes of their own, and chunks come in size classes
    std::uint64_t max_payload = 0;    ///< of such a message; 0: what `max_bytes` allows
    std::uint64_t max_bytes = 0;      ///< of all chunks
  };

  explicit ChunkPool(const Request& request);

  bool is_variable() const noexcept { return request_.variable; }
  std::uint64_t max_payload() const noexcept { return max_payload_; }

  /// The room that a chunk for so many bytes has, and the chunk with its head.
  std::uint64_t payload_bytes_for(std::uint64_t bytes) const noexcept {
    return request_.variable ? size_classes::bytes(size_classes::of(bytes)) : request_.payload_bytes;
  }
  std::uint64_t chunk_bytes_for(std::uint64_t bytes) const noexcept {
    return shm::chunk_bytes_for(payload_bytes_for(bytes));
  }

  /// How many chunks may be lent; those of retired segments may not.
  std::uint64_t size() const noexcept { return size_; }
  /// Of all segments.
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t count_free() const noexcept;

  /// How many chunks there are with room for so many bytes, of their class.
  std::uint64_t size_for(std::uint64_t bytes) const noexcept;

  /// Adds the chunks of a segment. Throws std::bad_alloc and changes nothing.
  void add(Segment segment);
  const std::vector<Segment>& segments() const noexcept { return segments_; }

  /// From now on no chunk of the segment is lent. What is out comes back.
  void retire(const Segment& segment) noexcept;
  bool is_retired(const Segment& segment) const noexcept { return places_[segment.number()].retired; }
  /// Lends its chunks again.
  void restore(const Segment& segment) noexcept;
  /// Whether somebody has a chunk of it.
  bool is_in_use(const Segment& segment) const noexcept;
  /// Takes out a retired segment that is not in use.
  Segment remove(std::uint32_t number) noexcept;
  /// How many chunks the messages of the segment's size have without it.
  std::uint64_t size_without(const Segment& segment) const noexcept {
    return rotations_[places_[segment.number()].size_class]->chunks - segment.chunks();
  }

  /// A place for a new connection. Throws std::bad_alloc and changes nothing.
  Holder take_holder();
  /// The connection is gone: clears its bit everywhere. Returns how many chunks it had.
  std::uint64_t give_back_holder(Holder holder) noexcept;

  /// Whether a chunk for so many bytes can be had without further ado: `pop_ready`. Else it is time to collect what
  /// readers have completed, or to add a segment.
  bool has_ready(std::uint64_t bytes) noexcept {
    if (request_.variable) {
      rotation_ = rotation_for(bytes);
      if (rotation_ == nullptr) return false;
    }
    return rotation_->count > rotation_->low_water;
  }

  /// Lends the chunk that `has_ready` found.
  Number pop_ready() noexcept {
    const Number chunk = rotation_->ring[rotation_->begin++ & rotation_->mask];
    --rotation_->count;
    chunks_[chunk].holders = kLoan.bit;  // of a free chunk no bit is set
    return chunk;
  }

  /// Lends a free chunk, or returns kNone.
  Number pop(std::uint64_t bytes) noexcept;

  /// Lends a free chunk of a larger class, or returns kNone.
  Number pop_larger(std::uint64_t bytes) noexcept;

  /// Takes the first lines of the chunks that come next away from their last readers, many at once. A message's first
  /// store would wait for its line, and every store behind it too: a core fetches lines ahead for the few oldest stores
  /// in its buffer only. Between stores that follow each other directly the waits overlap. Only after a `pop`.
  /// (docs/adr/0009-touching-chunks-ahead.md)
  void touch_next() noexcept {
    Rotation& next = *rotation_;
    if (next.begin < next.touched_end) [[likely]]
      return;
    const std::uint64_t end = next.begin + std::min(next.count, kTouchedAtOnce);
    for (std::uint64_t i = next.begin; i != end; ++i) {
      *reinterpret_cast<volatile std::uint64_t*>(chunks_[next.ring[i & next.mask]].payload) = 0;
    }
    next.touched_end = end;
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
  std::uint64_t capacity(Number chunk) const noexcept {
    return payload_stride_for(request_.variable ? size_classes::bytes(size_class_of(chunk)) : request_.payload_bytes);
  }

  bool is_held(Number chunk, Holder holder) const noexcept {
    return (const_cast<ChunkPool&>(*this).word(chunk, holder) & holder.bit) != 0;
  }
  /// How many chunks it has. Walks over all.
  std::uint64_t count_held(Holder holder) const noexcept;

  /// Whether each chunk is free, once, or held: a line for each that is not.
  void audit(std::vector<std::string>& findings) const;

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
    std::uint32_t size_class = 0;
    bool retired = false;
  };

  std::uint64_t& word(Number chunk, Holder holder) noexcept {
    if (holder.word == 0) [[likely]]
      return chunks_[chunk].holders;
    return more_holders_[chunk * more_words_ + holder.word - 1];
  }
  bool has_more_holders(Number chunk) const noexcept;
  bool is_free(Number chunk) const noexcept;
  void add_holder_word();
  Number find_room_for(std::uint32_t chunks) const;

  /// The free chunks of one size: first in, first out over as many as the caches hold, so that a large one is neither
  /// cold nor the very one that a reader's core has just let go of; the others wait in the reserve.
  struct Rotation {
    std::vector<Number> ring;
    std::uint64_t mask = 0;
    std::uint64_t begin = 0;
    std::uint64_t count = 0;
    std::uint64_t limit = 0;
    std::uint64_t low_water = 0;
    std::uint64_t touched_end = 0;  // a position: those before have been touched
    std::vector<Number> reserve;
    std::uint64_t chunks = 0;   // of this size, free or not, that may be lent
    std::uint64_t retired = 0;  // others of this size
  };
  static constexpr std::uint64_t kTouchedAtOnce = 8;

  std::uint32_t size_class_of(Number chunk) const noexcept {
    return places_[chunks_[chunk].reference.segment()].size_class;
  }

  static void set_limit(Rotation& rotation, std::uint64_t chunk_bytes) noexcept;
  Rotation* rotation_for(std::uint64_t bytes) const noexcept {
    return rotations_[request_.variable ? size_classes::of(bytes) : 0].get();
  }

  void put(Number chunk) noexcept {
    Rotation& rotation = request_.variable ? *rotations_[size_class_of(chunk)] : *rotation_;
    if (rotation.count == rotation.limit) [[unlikely]] {
      rotation.reserve.push_back(chunk);  // reserved when the segment was added
      return;
    }
    rotation.ring[(rotation.begin + rotation.count++) & rotation.mask] = chunk;
  }

  const Request request_;
  const std::uint64_t max_payload_;
  std::uint64_t size_ = 0;   // of chunks that may be lent
  std::uint64_t bytes_ = 0;  // of all chunks
  std::vector<Segment> segments_;
  std::array<Place, Reference::kMaxSegments> places_{};  // of segments_
  std::vector<ChunkState> chunks_;                       // those of one segment side by side; where one was, nobody's

  std::vector<std::uint64_t> more_holders_;  // more_words_ for each chunk
  std::uint32_t more_words_ = 0;
  std::vector<std::uint64_t> used_holders_{0b111};  // one bit each

  std::array<std::unique_ptr<Rotation>, size_classes::kCount> rotations_;  // by size class; made with the first segment
  Rotation* rotation_ = nullptr;  // of the last loan; where all messages have one size, the only one
};

}  // namespace baton::shm
