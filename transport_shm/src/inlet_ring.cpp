// The subscribing end of a connection whose publisher has a ring: what Inlet adds to RingInlet. See ring.md.

#include <algorithm>
#include <new>
#include <utility>

#include "inlet.hpp"

namespace baton::shm {

void Inlet::open_ring(domain::Member& member, bool only_looks) noexcept try {
  if (plane_ != Plane::ring || ring_ != nullptr || broken()) return;
  auto view = RingView::open(member, request_.bucket, request_.self, request_.publisher, only_looks);
  if (!view) {
    if (only_looks) return;
    return refuse_ring(view.error().message());
  }
  // relaxed: own figures. The cursor goes on where it is: of a slot that is only looked at it is somebody else's.
  RingInlet::Request request{slot_,
                             request_.queue_shift,
                             overflow_,
                             slot_->first_position,
                             request_.depth,
                             request_.max_held,
                             request_.least_bytes,
                             request_.from_end,
                             request_.inbox,
                             request_.concern};
  ring_ = std::make_unique<RingInlet>(request, *std::move(view));
} catch (const std::bad_alloc&) {
  if (!only_looks) refuse_ring({});
}

void Inlet::refuse_ring(std::string error) noexcept {
  error_ = std::move(error);
  broken_.store(true, std::memory_order_relaxed);           // own word; others make figures of it
  slot_->head.refuses.store(1, std::memory_order_seq_cst);  // L1: the last move of the cursor came before. W3
  wake_publisher();
}

Inlet::Taken Inlet::take_from_ring() noexcept {
  while (ring_ != nullptr && !broken()) {
    const RingInlet::Taken taken = ring_->take();
    switch (taken.found) {
      case RingInlet::Found::nothing: return {};
      case RingInlet::Found::broken:
        undelivered_.fetch_add(1, std::memory_order_relaxed);  // a figure
        slot_->consumed.undelivered.store(1, std::memory_order_relaxed);
        refuse_ring(ring_->error());
        return {};
      case RingInlet::Found::damaged:
        domain::add(taken_);
        request_.damaged->fetch_add(1, std::memory_order_relaxed);  // a figure
        complete(taken.reference, era_);
        continue;
      case RingInlet::Found::message: break;
    }
    domain::add(taken_);
    if (lifespan_ns_ == 0 || !is_too_old(taken.reference)) {
      return {taken.payload, taken.reference, taken.missed + std::exchange(skipped_, 0)};
    }
    count_expired(taken.missed);
    complete(taken.reference, era_);
  }
  return {};
}

/// As drop_next_if_expired. What is passed over for its age is not pinned, and so not completed.
bool Inlet::drop_next_of_ring_if_expired() noexcept {
  if (ring_ == nullptr || broken()) return false;
  const auto stamp = ring_->next_stamp();
  if (!stamp) return true;  // gone just now: look again
  if (*stamp == 0 || clock_.age_ns(*stamp) <= lifespan_ns_) return false;
  domain::add(taken_);
  count_expired(ring_->drop_next());
  wake_publisher();  // it may wait for the room
  return true;
}

ConnectionCounters Inlet::ring_counters() const noexcept {
  ConnectionCounters figures;
  figures.peer = publisher_node_;
  // relaxed: figures, each of one writer.
  figures.undelivered = undelivered_.load(std::memory_order_relaxed);
  figures.dropped_expired = expired_.load(std::memory_order_relaxed);
  const std::uint64_t ours = taken_.load(std::memory_order_relaxed);
  figures.taken = ours > figures.dropped_expired ? ours - figures.dropped_expired : 0;
  figures.held = held();
  figures.dropped_newest = slot_->dropped.newest.load(std::memory_order_relaxed);
  figures.dropped_timeout = slot_->dropped.timeout.load(std::memory_order_relaxed);
  if (ring_ != nullptr) {
    const RingInlet::Figures ring = ring_->figures();
    figures.queued = broken() ? 0 : ring.queued;
    figures.dropped_oldest = ring.dropped_oldest;
    figures.high_water = ring.high_water;
  }
  figures.offered = figures.taken + figures.queued + figures.dropped() + figures.undelivered;
  return figures;
}

}  // namespace baton::shm
