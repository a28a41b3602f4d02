// The publishing end of a connection of a publisher with a ring: what Outlet adds to RingOutlet. See ring.md.

#include <algorithm>

#include <fmt/format.h>

#include "outlet.hpp"

namespace baton::shm {

void Outlet::follow(const Ring& ring, std::uint64_t first) {
  claimed_.slot->first_position = first;
  // relaxed: `ready` orders. From here on the reader's.
  claimed_.slot->head.position.store(first, std::memory_order_relaxed);
  const std::uint64_t depth = std::min<std::uint64_t>(request_.depth, ring.most_behind());
  tap_ = std::make_unique<RingOutlet>(RingOutlet::Request{claimed_.slot, claimed_.queue_shift, request_.overflow, depth,
                                                          request_.max_held, ring.most_kept(), first});
  ring_ = &ring;
}

/// A reader that says what cannot be is let go of.
void Outlet::check_tap() noexcept {
  if (tap_->is_false() && !is_broken()) break_off();
}

std::uint64_t Outlet::ring_room() noexcept {
  const std::uint64_t room = tap_->room(ring_->tail(), ring_->floor());
  check_tap();
  return is_broken() ? 0 : room;
}

std::uint64_t Outlet::ring_given() const noexcept {
  const std::uint64_t tail = ring_->tail();
  // Of one that has left only what it holds is to come.
  return reader_leaves() ? tap_->held(tail) : tap_->given(tail, ring_->floor());
}

std::uint64_t Outlet::ring_credit() noexcept {
  if (is_broken()) return UINT64_MAX;
  std::uint64_t credit = ring_room();
  if (credit == 0) return 0;
  if (!tap_->is_counted() && queued() >= request_.depth) concern_.raise();  // something is dropped, or will be
  if (mark_ == UINT64_MAX || congested_) return credit;
  const std::uint64_t level = queued();
  if (level < mark_) return std::min(credit, mark_ - level);
  congested_ = true;
  concern_.raise();
  return credit;
}

void Outlet::audit_tap(std::optional<std::uint64_t> published, std::vector<std::string>& findings) const {
  const auto find = [&](std::string finding) { findings.push_back(request_.node + ": " + std::move(finding)); };
  if (published && *published != ring_->tail()) {
    find(fmt::format("the ring's tail is at {}, and {} were published", ring_->tail(), *published));
  }
  if (tap_->is_counted() && published && given() > share()) {
    find(fmt::format("it was given {} messages of {}", given(), share()));
  }
}

}  // namespace baton::shm
