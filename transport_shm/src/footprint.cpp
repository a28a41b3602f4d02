#include "footprint.hpp"

#include <algorithm>

#include "baton/size_classes.hpp"
#include "layout.hpp"
#include "ring.hpp"
#include "segment.hpp"

namespace baton::shm {
namespace {

constexpr std::uint64_t whole_pages(std::uint64_t bytes) noexcept {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

/// As a subscriber makes them when publishers come.
std::uint32_t slots_for(std::uint32_t publishers) noexcept {
  std::uint32_t slots = kFirstSlots;
  while (slots < kMaxSlots && slots < publishers + kSlotsWanted) slots *= 2;
  return slots;
}

}  // namespace

Footprint footprint_of(const FootprintRequest& request, Plane plane) {
  const Qos& publisher = request.publisher.qos;
  const Qos& subscriber = request.subscriber.qos;
  const bool classes = request.variable && !request.preallocate;
  const std::uint64_t payload_bytes = !request.variable ? request.payload_bytes
                                      : classes         ? size_classes::bytes(size_classes::of(request.message_bytes))
                                                        : request.max_bytes;
  Footprint footprint;
  footprint.publishers = request.publishers;
  footprint.subscribers = request.subscribers;
  if (plane == Plane::ring) {
    footprint.segments =
        Ring::file_bytes(std::min(publisher.capacity, publisher.max_memory),
                         std::max({publisher.depth, subscriber.depth + subscriber.max_held, publisher.history}));
  } else if (!classes || request.message_bytes != 0) {
    footprint.chunks = std::uint64_t{publisher.max_loans} + publisher.history + (classes ? 1 : 0) +
                       request.subscribers * share_of(subscriber.depth, subscriber.max_held);
    footprint.chunk_bytes = chunk_bytes_for(payload_bytes);
    footprint.segments = segment_bytes(footprint.chunks, payload_bytes);
  }
  if (publisher.latched && plane == Plane::queue) footprint.last_messages = whole_pages(ring_bytes(publisher.history));
  footprint.inbox = inbox_bytes(slots_for(request.publishers), queue_shift_for(subscriber.depth, subscriber.max_held));
  footprint.publisher_file = whole_pages(domain::port_file_bytes(request.publisher));
  footprint.subscriber_file = whole_pages(domain::port_file_bytes(request.subscriber));
  return footprint;
}

}  // namespace baton::shm
