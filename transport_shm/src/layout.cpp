#include "layout.hpp"

#include <cstddef>

#include "baton/domain/member.hpp"
#include "reference.hpp"

namespace baton::shm {

std::uint64_t layout_fingerprint() noexcept {
  constexpr std::array<std::uint64_t, 48> kFacts{sizeof(SegmentHead),
                                                 offsetof(SegmentHead, payload_bytes),
                                                 offsetof(SegmentHead, payload_stride),
                                                 offsetof(SegmentHead, chunks),
                                                 sizeof(ChunkHead),
                                                 offsetof(ChunkHead, stamp),
                                                 offsetof(ChunkHead, bytes),
                                                 sizeof(RingHead),
                                                 offsetof(RingHead, entries),
                                                 kRingEntry,
                                                 sizeof(RecordsHead),
                                                 offsetof(RecordsHead, capacity),
                                                 offsetof(RecordsHead, index_shift),
                                                 offsetof(RecordsHead, floor),
                                                 offsetof(RecordsHead, tail),
                                                 offsetof(RecordsHead, armed),
                                                 sizeof(RecordNote),
                                                 offsetof(RecordNote, bytes),
                                                 offsetof(RecordNote, next),
                                                 offsetof(SlotHead, plane),
                                                 offsetof(SlotHead, first_position),
                                                 offsetof(SlotHead::Drops, gaps),
                                                 offsetof(SlotHead::Drops, passes),
                                                 offsetof(SlotHead::Consumed, passed),
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
                                                 offsetof(SlotHead::Drops, retiring),
                                                 offsetof(SlotHead::Drops, retired),
                                                 offsetof(SlotHead, consumed),
                                                 offsetof(SlotHead::Consumed, high_water),
                                                 offsetof(SlotHead::Consumed, retiring),
                                                 offsetof(SlotHead, room),
                                                 offsetof(SlotHead, head),
                                                 Reference::kChunkBits,
                                                 Reference::kSegmentBits,
                                                 Reference::kGenerationBits};
  static const std::uint64_t fingerprint = domain::fold_layout(domain::layout_fingerprint(), kFacts);
  return fingerprint;
}

}  // namespace baton::shm
