#pragma once

// The files of this transport, byte by byte: data segments and inboxes. docs/memory-layout.md draws them.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "baton/domain/layout.hpp"

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

/// An entry of it: this bit and the chunk's reference; 0: none yet.
inline constexpr std::uint64_t kRingEntry = std::uint64_t{1} << 63;

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
  std::array<std::uint8_t, 2> unused;
  std::uint64_t port_id;          ///< W: publisher, once
  std::uint64_t node_generation;  ///< W: publisher, once; the slot word has its low 24 bits
  std::array<char, 65> node;      ///< W: publisher, once; the node's name
  std::array<std::uint8_t, 3> unused_too;
  std::uint32_t port;         ///< W: publisher, once; the slot word has its low 20 bits
  std::uint64_t lifespan_ns;  ///< W: publisher, once; 0: its messages do not grow old
  std::array<std::uint8_t, 24> more_unused;

  /// What the publisher counts. W: publisher, when something is dropped or rung.
  struct alignas(64) Drops {
    std::atomic<std::uint64_t> oldest;
    std::atomic<std::uint64_t> newest;
    std::atomic<std::uint64_t> timeout;
    std::atomic<std::uint64_t> wakeups;
    std::atomic<std::uint32_t> congested;  ///< 1: the queue has been over its mark, and not yet under it again
    std::array<std::uint8_t, 28> unused;
  } dropped;

  Bell room;  ///< armed: W: publisher, who waits for room

  /// What the subscriber counts. Taken is what the head says, less what was dropped; released, what its completions
  /// say. W: subscriber, when one of them changes.
  struct alignas(64) Consumed {
    std::atomic<std::uint64_t> expired;
    std::atomic<std::uint64_t> undelivered;
    std::atomic<std::uint64_t> high_water;  ///< the most that were queued when one was taken
    std::array<std::uint8_t, 40> unused;
  } consumed;

  struct alignas(128) Head {
    std::atomic<std::uint64_t> position;  ///< H1. W: subscriber; under `drop_oldest` both, by compare-and-swap
    std::atomic<std::uint32_t> refuses;   ///< L1; 1: the subscriber takes nothing any more of this publisher
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
