#pragma once

// What travels instead of a message: the 64-bit entries of both queues. The README says why the widths are what they
// are.

#include <cstdint>

namespace baton::shm {

/// Names a chunk among those of its publisher, in the low 40 bits of an entry.
struct Reference {
  static constexpr unsigned kChunkBits = 24;
  static constexpr unsigned kSegmentBits = 6;
  static constexpr unsigned kGenerationBits = 10;
  static constexpr unsigned kBits = kChunkBits + kSegmentBits + kGenerationBits;
  /// Two bits are left for who keeps a reference.
  static constexpr unsigned kSpareShift = 22;
  static constexpr std::uint64_t kSpareMask = std::uint64_t{3} << kSpareShift;
  static constexpr std::uint32_t kMaxChunks = 1U << kSpareShift;
  static constexpr std::uint32_t kMaxSegments = 1U << kSegmentBits;
  static constexpr std::uint32_t kGenerationMask = (1U << kGenerationBits) - 1;

  std::uint64_t bits = 0;

  static constexpr Reference make(std::uint32_t segment, std::uint32_t generation, std::uint32_t chunk) noexcept {
    return {chunk | std::uint64_t{segment} << kChunkBits |
            std::uint64_t{generation & kGenerationMask} << (kChunkBits + kSegmentBits)};
  }

  constexpr std::uint32_t chunk() const noexcept { return static_cast<std::uint32_t>(bits) & ((1U << kChunkBits) - 1); }
  constexpr std::uint32_t segment() const noexcept {
    return static_cast<std::uint32_t>(bits >> kChunkBits) & (kMaxSegments - 1);
  }
  constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(bits >> (kChunkBits + kSegmentBits)) & kGenerationMask;
  }

  friend constexpr bool operator==(const Reference&, const Reference&) = default;
};
static_assert(Reference::kBits == 40);

/// The positions of a queue of 2^shift entries, and the entries that may stand there. Positions are 64-bit counts that
/// never wrap; an entry carries the lap of its position, so that one left from an earlier lap is not mistaken for it.
class QueueShape {
 public:
  QueueShape() = default;
  explicit QueueShape(std::uint32_t shift) noexcept : shift_(shift), mask_((std::uint64_t{1} << shift) - 1) {}

  std::uint64_t entries() const noexcept { return mask_ + 1; }
  std::uint64_t index(std::uint64_t position) const noexcept { return position & mask_; }

  std::uint64_t entry(std::uint64_t position, Reference reference) const noexcept {
    return tag(position) | reference.bits;
  }
  bool is_at(std::uint64_t entry, std::uint64_t position) const noexcept {
    return (entry ^ tag(position)) >> Reference::kBits == 0;
  }
  /// Whether the entry is that of a position some laps further on.
  bool is_beyond(std::uint64_t entry, std::uint64_t position) const noexcept {
    const std::uint64_t laps =
        (entry - tag(position)) >> Reference::kBits;  // the low bits borrow nothing: tag has none
    return laps != 0 && laps < kLaps / 2;
  }
  static Reference reference(std::uint64_t entry) noexcept {
    return {entry & ((std::uint64_t{1} << Reference::kBits) - 1)};
  }

 private:
  /// The first lap is 1: a zeroed entry is none. Later ones come round at 2^24, when no zeroed entry is left.
  std::uint64_t tag(std::uint64_t position) const noexcept { return ((position >> shift_) + 1) << Reference::kBits; }

  static constexpr std::uint64_t kLaps = std::uint64_t{1} << (64 - Reference::kBits);

  std::uint32_t shift_ = 0;
  std::uint64_t mask_ = 0;
};

}  // namespace baton::shm
