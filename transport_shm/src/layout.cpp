#include "layout.hpp"

#include <cstddef>

#include "baton/domain/member.hpp"
#include "reference.hpp"

namespace baton::shm {

std::uint64_t layout_fingerprint() noexcept {
  constexpr std::array<std::uint64_t, 31> kFacts{sizeof(SegmentHead),
                                                 offsetof(SegmentHead, payload_bytes),
                                                 offsetof(SegmentHead, payload_stride),
                                                 offsetof(SegmentHead, chunks),
                                                 sizeof(ChunkHead),
                                                 offsetof(ChunkHead, stamp),
                                                 offsetof(ChunkHead, bytes),
                                                 sizeof(RingHead),
                                                 offsetof(RingHead, entries),
                                                 kRingEntry,
                                                 sizeof(InboxHead),
                                                 offsetof(InboxHead, queue_shift),
                                                 offsetof(InboxHead, notes),
                                                 offsetof(InboxHead, bell),
                                                 offsetof(InboxHead, slot_epoch),
                                                 offsetof(InboxHead, ready),
                                                 offsetof(InboxHead, slot_words),
                                                 kMaxSlots,
                                                 sizeof(SlotHead),
                                                 offsetof(SlotHead, node),
                                                 offsetof(SlotHead, port),
                                                 offsetof(SlotHead, lifespan_ns),
                                                 offsetof(SlotHead, dropped),
                                                 offsetof(SlotHead::Drops, congested),
                                                 offsetof(SlotHead, consumed),
                                                 offsetof(SlotHead::Consumed, high_water),
                                                 offsetof(SlotHead, room),
                                                 offsetof(SlotHead, head),
                                                 Reference::kChunkBits,
                                                 Reference::kSegmentBits,
                                                 Reference::kGenerationBits};
  static const std::uint64_t fingerprint = domain::fold_layout(domain::layout_fingerprint(), kFacts);
  return fingerprint;
}

}  // namespace baton::shm
