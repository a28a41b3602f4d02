#pragma once

// A subscriber's inbox as a publisher sees it: the header, and the slot that the publisher claimed.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "baton/domain/member.hpp"
#include "layout.hpp"

namespace baton::shm {

/// What a publisher says of itself in its slot.
struct SlotOwner {
  domain::PortRef port;
  std::uint64_t port_id = 0;
  std::string_view node;
  Stamp stamp = Stamp::monotonic;
  Overflow overflow = Overflow::drop_oldest;
  std::chrono::nanoseconds lifespan{0};  ///< 0: none
  Plane plane = Plane::queue;
};

/// The word by which a publisher claims a slot, in place of that of a free one.
std::uint64_t claim_of(std::uint64_t free_word, const domain::PortRef& publisher) noexcept;

/// Completes a claim: from now on the subscriber looks at the slot, if it is told to.
void complete_slot(SlotHead& slot, const SlotOwner& publisher) noexcept;

/// From `open` to `claim` it is an inbox that is known to be what it should be; then it has a slot as well.
struct ClaimedSlot {
  /// Maps a subscriber's inbox and checks it. `reader` is what the subscriber has announced.
  static Result<ClaimedSlot> open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& port,
                                  const Qos& reader);

  /// Claims a free slot whose memory is there. False if there is none.
  Result<bool> claim(const domain::PortRef& publisher);

  /// How many slots there are, as the subscriber says.
  std::uint32_t slots() const noexcept { return inbox->notes.slots.load(std::memory_order_acquire); }

  /// Gives the slot back.
  void close() const noexcept;

  std::shared_ptr<const posix::SharedMemory> memory;  // until a slot is claimed
  std::shared_ptr<const posix::Mapping> header_mapping;
  std::shared_ptr<const posix::Mapping> slot_mapping;
  InboxHead* inbox = nullptr;
  SlotHead* slot = nullptr;
  std::uint32_t index = 0;
  posix::MapOptions map_options;
  std::uint32_t queue_shift = 0;
};

}  // namespace baton::shm
