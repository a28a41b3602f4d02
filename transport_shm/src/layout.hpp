#pragma once

// The files of this transport, byte by byte: data segments and inboxes. docs/memory-layout.md draws them.

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "baton/domain/layout.hpp"
#include "baton/qos.hpp"

namespace baton::shm {

using domain::Bell;
using domain::FileHead;
using domain::kPageBytes;

/// The first page of a data segment. Written by the publisher, before the file has a name. The heads of its chunks
/// follow at kPageBytes, then their payloads.
struct SegmentHead {
  FileHead head;                       ///< head.number is the segment's
  std::uint64_t payload_bytes;         ///< room in each chunk
  std::uint64_t payload_stride;        ///< from one payload to the next, a multiple of 64
  std::uint32_t chunks;                ///<
  std::uint32_t generation;            ///< of the segment's number
  std::array<std::uint8_t, 104> rest;  ///< zero
};
static_assert(sizeof(SegmentHead) == 256);

/// What is known of a message beside its payload, in a line that a reader touches only if it asks. Away from the
/// payloads, because fetching a line fetches its neighbour too (docs/adr/0009-touching-chunks-ahead.md). W: publisher,
/// before E1.
struct alignas(64) ChunkHead {
  std::uint64_t sequence;
  /// A reading of the publisher's StampClock. Atomic, for a reader that asks before it claims the entry (H1).
  std::atomic<std::uint64_t> stamp;
  std::uint64_t bytes;  ///< of the payload that count
  std::array<std::uint8_t, 40> unused;
};
static_assert(sizeof(ChunkHead) == 64);

/// The file by which the last messages of a latched publisher are found when it is gone. Then `entries` words, W:
/// publisher, one for each message of its history, in the order of their numbers: that of message n is the one at
/// n modulo `entries`. L2: the chunk and its head were written before, and the message that gives way is released
/// after.
struct RingHead {
  FileHead head;
  std::uint32_t entries;  ///< the publisher's `history`. W: maker, once
  std::array<std::uint8_t, 124> rest;
};
static_assert(sizeof(RingHead) == 256);

constexpr std::uint64_t ring_bytes(std::uint32_t entries) noexcept {
  return sizeof(RingHead) + entries * sizeof(std::uint64_t);
}

/// An entry of it: this bit and the chunk's reference; 0: none yet.
inline constexpr std::uint64_t kRingEntry = std::uint64_t{1} << 63;

/// The file of a publisher with a ring: this page, one for its readers, the index of 2^index_shift entries (E1; W:
/// publisher), as many notes, and the buffer. See ring.md.
struct RecordsHead {
  FileHead head;
  std::uint64_t capacity;     ///< bytes of the buffer, a multiple of the page
  std::uint32_t index_shift;  ///< W: maker, once
  std::uint8_t checksum;      ///< W: maker, once; a baton::Checksum
  std::array<std::uint8_t, 51> unused;

  struct alignas(64) Floor {
    std::atomic<std::uint64_t> position;  ///< F1; below it nothing can be taken. W: publisher
    std::array<std::uint8_t, 56> unused;
  } floor;
  struct alignas(64) Tail {
    std::atomic<std::uint64_t> position;  ///< of the next message. W: publisher, after the entry of the one before
    std::array<std::uint8_t, 56> unused;
  } tail;
  std::array<std::uint8_t, kPageBytes - 320> rest;

  /// On a page of its own, which readers may write to.
  struct alignas(64) Armed {
    std::atomic<std::uint32_t>
        any;  ///< A1; 1: some reader's bell may be armed. W: readers set it, the publisher clears
    std::array<std::uint8_t, kPageBytes - 4> unused;
  } armed;
};
static_assert(offsetof(RecordsHead, floor) == 192);
static_assert(offsetof(RecordsHead, tail) == 256);
static_assert(offsetof(RecordsHead, armed) == kPageBytes);
static_assert(sizeof(RecordsHead) == 2 * kPageBytes);

/// What is said of a message in a ring, on a line that readers do not poll. W: publisher, before the entry.
struct alignas(32) RecordNote {
  std::atomic<std::uint64_t> stamp;  ///< as in a ChunkHead
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint32_t> checksum;  ///< of those, in a ring that has checksums
  std::array<std::uint8_t, 4> unused;
  std::atomic<std::uint64_t> next;  ///< where in the buffer the record after it will begin, probably
};
static_assert(sizeof(RecordNote) == 32);

/// How the messages of a connection travel.
enum class Plane : std::uint8_t { queue = 0, ring = 1 };

/// The transports' names, as ports announce them.
inline constexpr std::string_view kQueueTransport = "shm";
inline constexpr std::string_view kRingTransport = "ring";

inline constexpr std::uint32_t kMaxSlots = 1'024;
inline constexpr std::uint32_t kFirstSlots = 8;
inline constexpr std::uint32_t kSlotsWanted = 2;  // free ones; below, the subscriber makes more

/// The first four pages of an inbox. Slots follow.
struct InboxHead {
  FileHead head;
  std::uint32_t queue_shift;  ///< W: maker, once; each queue has 2^queue_shift entries
  std::uint32_t slot_bytes;   ///< W: maker, once; from one slot to the next, a multiple of the page
  std::array<std::uint8_t, 56> unused;

  /// Rarely changed, looked at by publishers after every message. W: subscriber.
  struct alignas(64) Notes {
    std::atomic<std::uint32_t> slots;    ///< how many there are; grows
    std::atomic<std::uint32_t> leaving;  ///< L1; 1: the subscriber takes nothing any more
    std::atomic<std::uint32_t> bell;     ///< W1; which to ring: 0 this inbox's, k the node's number k - 1
    std::array<std::uint8_t, 52> unused;
  } notes;

  Bell bell;  ///< armed: W: subscriber

  struct alignas(64) Epoch {
    std::atomic<std::uint32_t> value;  ///< W1; changes when a slot was claimed or closed. W: publishers, by fetch_add
    std::array<std::uint8_t, 60> unused;
  } slot_epoch;
  std::array<std::uint8_t, 3'648> rest;

  /// One bit for each slot: its queue is not empty. W2. W: publishers set, the subscriber clears, by fetch_or,
  /// fetch_and.
  std::array<std::atomic<std::uint64_t>, kMaxSlots / 64> ready;
  std::array<std::uint8_t, kPageBytes - kMaxSlots / 8> rest_of_ready;

  std::array<std::atomic<std::uint64_t>, kMaxSlots> slot_words;  ///< S1, S3. W: claims by compare-and-swap
};
static_assert(offsetof(InboxHead, notes) == 192);
static_assert(offsetof(InboxHead, bell) == 256);
static_assert(offsetof(InboxHead, slot_epoch) == 384);
static_assert(offsetof(InboxHead, ready) == kPageBytes);
static_assert(offsetof(InboxHead, slot_words) == 2 * kPageBytes);
static_assert(sizeof(InboxHead) == 4 * kPageBytes);

/// A slot: one connection. Then 2^queue_shift submission entries (W: publisher), and as many completion entries (W:
/// subscriber).
struct SlotHead {
  std::atomic<std::uint32_t> ready;  ///< S2. W: publisher, once
  std::uint8_t stamp;                ///< W: publisher, once; a baton::Stamp
  std::uint8_t overflow;             ///< W: publisher, once; the connection's baton::Overflow
  Plane plane;                       ///< W: publisher, once
  std::array<std::uint8_t, 1> unused;
  std::uint64_t port_id;          ///< W: publisher, once
  std::uint64_t node_generation;  ///< W: publisher, once; the slot word has its low 24 bits
  std::array<char, 65> node;      ///< W: publisher, once; the node's name
  std::array<std::uint8_t, 3> unused_too;
  std::uint32_t port;            ///< W: publisher, once; the slot word has its low 20 bits
  std::uint64_t lifespan_ns;     ///< W: publisher, once; 0: its messages do not grow old
  std::uint64_t first_position;  ///< W: publisher, once; of a ring: where this reader begins
  std::array<std::uint8_t, 16> more_unused;

  /// What the publisher counts, and wants back. W: publisher, when something is dropped or rung, or readers leave.
  struct alignas(64) Drops {
    std::atomic<std::uint64_t> oldest;
    std::atomic<std::uint64_t> newest;
    std::atomic<std::uint64_t> timeout;
    std::atomic<std::uint64_t> wakeups;
    std::atomic<std::uint32_t> congested;  ///< 1: the queue has been over its mark, and not yet under it again
    std::atomic<std::uint32_t> retiring;   ///< R1; changes when segments are wanted back
    std::atomic<std::uint64_t> retired;    ///< R1; which, one bit for each number
    std::atomic<std::uint64_t> gaps;       ///< P2; of a ring: how many gaps there have been. W: publisher
    std::atomic<std::uint32_t> passes;     ///< F2; of a ring: 1: the floor may pass this reader's cursor. W: publisher
    std::array<std::uint8_t, 4> unused;
  } dropped;

  Bell room;  ///< armed: W: publisher, who waits for room

  /// What the subscriber counts. Taken is what the head says, less what was dropped; released, what its completions
  /// say. W: subscriber, when one of them changes.
  struct alignas(64) Consumed {
    std::atomic<std::uint64_t> expired;
    std::atomic<std::uint64_t> undelivered;
    std::atomic<std::uint64_t> high_water;  ///< the most that were queued when one was taken
    std::atomic<std::uint32_t> retiring;    ///< R1; as of the publisher's: those segments are not mapped any more
    std::array<std::uint8_t, 4> unused_before;
    std::atomic<std::uint64_t> passed;  ///< of a ring: messages that the reader has passed over
    std::array<std::uint8_t, 24> unused;
  } consumed;

  struct alignas(128) Head {
    /// H1. W: subscriber; under `drop_oldest` both, by compare-and-swap. P1, of a ring: subscriber, publisher at first.
    std::atomic<std::uint64_t> position;
    std::atomic<std::uint32_t> refuses;  ///< L1; 1: the subscriber takes nothing any more of this publisher
    std::array<std::uint8_t, 116> unused;
  } head;
};
static_assert(offsetof(SlotHead, dropped) == 128);
static_assert(offsetof(SlotHead, room) == 192);
static_assert(offsetof(SlotHead, consumed) == 320);
static_assert(offsetof(SlotHead, head) == 384);
static_assert(sizeof(SlotHead) == 512);

inline std::atomic<std::uint64_t>* submissions(SlotHead& slot) noexcept {
  return reinterpret_cast<std::atomic<std::uint64_t>*>(&slot + 1);
}
inline std::atomic<std::uint64_t>* completions(SlotHead& slot, std::uint32_t queue_shift) noexcept {
  return submissions(slot) + (std::uint64_t{1} << queue_shift);
}

/// In a slot of a ring's connection: the reader's pins, of which there are `pins_for(max_held)`. F1, E2; a position and
/// 1, or 0. W: subscriber.
inline std::atomic<std::uint64_t>* pins(SlotHead& slot, std::uint32_t queue_shift) noexcept {
  return completions(slot, queue_shift);
}
constexpr std::uint64_t pins_for(std::uint32_t max_held) noexcept { return std::uint64_t{max_held} + 1; }

/// In the same: gaps, each a run of messages that pass the reader by. P2. W: publisher.
inline std::atomic<std::uint64_t>& gap_word(SlotHead& slot, std::uint32_t queue_shift, std::uint64_t number) noexcept {
  return submissions(slot)[number & ((std::uint64_t{1} << queue_shift) - 1)];
}

/// Whether of a connection under this policy the publisher keeps in a ring what the reader has not taken.
constexpr bool keeps_floor(Overflow overflow) noexcept {
  return overflow == Overflow::block || overflow == Overflow::reject;
}

/// A gap: the low 32 bits of the position after it, and how many positions it has, 2^32 - 1 if there are more. Who
/// reads it is no further away than the index of the ring is long.
struct GapWord {
  static constexpr std::uint64_t pack(std::uint64_t from, std::uint64_t to) noexcept {
    const std::uint64_t length = to - from;
    return (to & UINT32_MAX) | (length < UINT32_MAX ? length : UINT32_MAX) << 32;
  }
  /// How many positions there are from one to the end of the gap; negative if that lies before it.
  static constexpr std::int64_t ahead(std::uint64_t word, std::uint64_t position) noexcept {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(word) - static_cast<std::uint32_t>(position));
  }
  static constexpr std::int64_t length(std::uint64_t word) noexcept { return static_cast<std::int64_t>(word >> 32); }
};

/// What a publisher may have given a reader under any policy: the reader's share of the pool, and the entries that each
/// queue has at least. Why one more: see the README, "Publish".
constexpr std::uint64_t share_of(std::uint32_t depth, std::uint32_t max_held) noexcept {
  return std::uint64_t{depth} + max_held + 1;
}
inline constexpr std::uint32_t kMaxQueueShift = 20;

/// The bytes of a slot, rounded up to pages, so that each can be mapped by itself.
constexpr std::uint64_t slot_bytes(std::uint32_t queue_shift) noexcept {
  const std::uint64_t bytes = sizeof(SlotHead) + 2 * sizeof(std::uint64_t) * (std::uint64_t{1} << queue_shift);
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

/// Of the queues of a subscriber with these settings.
constexpr std::uint32_t queue_shift_for(std::uint32_t depth, std::uint32_t max_held) noexcept {
  return static_cast<std::uint32_t>(std::bit_width(share_of(depth, max_held) - 1));
}

/// An inbox with so many slots.
constexpr std::uint64_t inbox_bytes(std::uint32_t slots, std::uint32_t queue_shift) noexcept {
  return sizeof(InboxHead) + slots * slot_bytes(queue_shift);
}

/// A slot word.
struct SlotWord {
  enum class State : std::uint64_t { free = 0, claimed = 1, closed = 2 };

  State state = State::free;
  std::uint32_t slot_generation = 0;  // counts the lives of the slot, for people who look at it; 8 bits
  std::uint32_t node_slot = 0;        // 10 bits
  std::uint32_t node_generation = 0;  // the low 24 bits
  std::uint32_t port = 0;             // the low 20 bits

  static constexpr std::uint32_t kNodeGenerationMask = (1U << 24) - 1;
  static constexpr std::uint32_t kPortMask = (1U << 20) - 1;

  constexpr std::uint64_t pack() const noexcept {
    return static_cast<std::uint64_t>(state) | std::uint64_t{slot_generation & 0xFFU} << 2 |
           std::uint64_t{node_slot & 0x3FFU} << 10 | std::uint64_t{node_generation & kNodeGenerationMask} << 20 |
           std::uint64_t{port & kPortMask} << 44;
  }
  static constexpr SlotWord unpack(std::uint64_t word) noexcept {
    return {static_cast<State>(word & 3U), static_cast<std::uint32_t>(word >> 2) & 0xFFU,
            static_cast<std::uint32_t>(word >> 10) & 0x3FFU,
            static_cast<std::uint32_t>(word >> 20) & kNodeGenerationMask,
            static_cast<std::uint32_t>(word >> 44) & kPortMask};
  }
};
static_assert(domain::kMaxNodes <= 1U << 10);

/// Of all that is laid down here, and of what that relies on: two builds that differ refuse each other's files.
std::uint64_t layout_fingerprint() noexcept;

}  // namespace baton::shm
