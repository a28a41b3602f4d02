// What latched publishers that are gone have left for a subscriber that comes later: it gives itself their last
// messages, in a slot of its own inbox, as they would have. All else is as with a publisher that has closed.

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <new>
#include <utility>

#include "claimed_slot.hpp"
#include "last_messages.hpp"
#include "ring.hpp"
#include "shm_subscriber.hpp"

namespace baton::shm {

/// Finds out at once which of them have died, so that a new subscriber gets what they have left without waiting for
/// somebody to notice. True if there are such.
bool ShmSubscriber::reap_latched(const std::vector<domain::Peers::Peer>& publishers) noexcept {
  bool any = false;
  for (const domain::Peers::Peer& publisher : publishers) {
    if (publisher.announcement.qos.latched) any |= member_->check(publisher.port.node) == domain::Health::gone;
  }
  return any;
}

/// Those that were found now, and those for which something was lacking before. True if there is something in the slots
/// that the consumer is to be told of. Under the mutex, as all here.
bool ShmSubscriber::give_what_is_left(std::vector<domain::Peers::Peer> left, std::vector<Event>& to_announce) {
  left_.insert(left_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
  bool any = false;
  std::erase_if(left_, [&](const domain::Peers::Peer& publisher) {
    bool given = false;
    const bool done = has_met(publisher.port) || give_left(publisher, to_announce, given);
    any |= given;
    return done;
  });
  if (any) inbox_->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // W1: the consumer looks
  return any;
}

/// False if it is to be tried again.
bool ShmSubscriber::give_left(const domain::Peers::Peer& publisher, std::vector<Event>& to_announce, bool& given) {
  const PortAnnouncement& theirs = publisher.announcement;
  const auto refuse = [&](const Error& error) {
    // By the topic's next publisher, meanwhile: it has ended. The announcement goes first.
    if (error.os_errno() == ENOENT && !member_->has(bucket_, domain::latched_name(theirs.topic, publisher.port))) {
      return true;
    }
    if (is_passing(error)) {
      member_->look_again(bucket_);
      return false;
    }
    events_->report(EventKind::refused, announcement_.topic, theirs.node,
                    "its last messages cannot be used: " + error.message(), to_announce);
    return true;
  };
  const bool has_ring = theirs.transport == kRingTransport;
  Result<std::vector<Reference>> references;
  std::uint64_t end = 0;  // of the positions in a ring
  std::size_t there = 0;
  if (has_ring) {
    const auto ring =
        RingView::map(*member_, bucket_, domain::latched_segment_name(theirs.topic, publisher.port, 0), publisher.port);
    if (!ring) return refuse(ring.error());
    end = ring->tail();
    if (ring->shape().is_at(ring->entry(end), end)) ++end;  // it was killed in between
    there = std::min<std::uint64_t>(theirs.qos.history, end - std::min(ring->floor(), end));
    references->push_back({});  // all of them are in one file
  } else {
    references = read_last_messages(*member_, bucket_, publisher, payload_bytes_);
    if (!references) return refuse(references.error());
    there = references->size();
  }
  const std::uint32_t wanted = announcement_.asked.history ? announcement_.qos.history : announcement_.qos.depth;
  const auto count = std::min<std::size_t>({there, wanted, announcement_.qos.depth});
  if (count == 0) return true;
  if (!has_ring) references->erase(references->begin(), references->end() - static_cast<std::ptrdiff_t>(count));
  if (auto linked = link_left(publisher, *references); !linked) return refuse(linked.error());
  auto index = claim_for(publisher.port);
  if (!index) {
    grow_slots();
    index = claim_for(publisher.port);
  }
  if (!index) {  // until a slot is free, or can be made
    remove_names(names_of(publisher.port));
    member_->look_again(bucket_);
    return false;
  }

  SlotHead& head = *slot(*index);
  std::atomic<std::uint64_t>* const entries = submissions(head);
  const QueueShape shape(queue_shift_);
  for (std::size_t i = 0; i < count && !has_ring; ++i) {
    entries[i].store(shape.entry(i, (*references)[i]), std::memory_order_release);  // E1: written when its maker lived
  }
  if (has_ring) {
    head.first_position = end - count;
    head.head.position.store(end - count, std::memory_order_relaxed);  // `ready` orders
  }
  complete_slot(
      head, {publisher.port, publisher.port_id, theirs.node, theirs.qos.stamp,
             connection_overflow(theirs, announcement_), theirs.qos.lifespan, has_ring ? Plane::ring : Plane::queue});
  auto& word = inbox_->slot_words[*index];
  SlotWord closed = SlotWord::unpack(word.load(std::memory_order_relaxed));  // ours since we claimed it
  Reported& reported = reported_[*index];
  reported = {};
  reported.claim = closed.pack();
  reported.node = theirs.node;
  reported.gone = true;  // and has ended: nothing more is to be said of it
  closed.state = SlotWord::State::closed;
  word.store(closed.pack(), std::memory_order_release);  // S3: the last entry came before
  member_->report_newcomers(to_announce);
  events_->report(EventKind::matched, announcement_.topic, theirs.node, {}, to_announce);
  events_->report(EventKind::unmatched, announcement_.topic, theirs.node, "it has ended; these were its last messages",
                  to_announce);
  given = true;
  return true;
}

/// Names of our own for the segments, as their publisher would have made them.
Result<void> ShmSubscriber::link_left(const domain::Peers::Peer& publisher, const std::vector<Reference>& references) {
  std::set<std::uint32_t> segments;
  for (const Reference reference : references) segments.insert(reference.segment());
  for (const std::uint32_t number : segments) {
    auto linked =
        member_->link(bucket_, domain::latched_segment_name(publisher.announcement.topic, publisher.port, number),
                      domain::segment_name_for_reader(self_, publisher.port, number));
    if (linked) continue;
    remove_names(names_of(publisher.port));
    return linked;
  }
  return {};
}

/// Claims a free slot for a publisher that cannot do so any more.
std::optional<std::uint32_t> ShmSubscriber::claim_for(const domain::PortRef& publisher) {
  for (std::uint32_t index = 0; index < slots_.load(std::memory_order_relaxed); ++index) {  // under the mutex
    auto& word = inbox_->slot_words[index];
    std::uint64_t seen = word.load(std::memory_order_relaxed);  // a guess; the claim decides
    if (SlotWord::unpack(seen).state != SlotWord::State::free || slot(index) == nullptr) continue;
    // S1 (acquire): against publishers that live.
    if (word.compare_exchange_strong(seen, claim_of(seen, publisher), std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      return index;
    }
  }
  return std::nullopt;
}

/// Whether a publisher that is gone had connected us: then it gave us its history itself. Exact: whoever is gone
/// completes no slot any more, and one that was complete is freed only by us.
bool ShmSubscriber::has_met(const domain::PortRef& publisher) {
  if (met_.contains(publisher)) return true;
  for (std::uint32_t index = 0; index < slots_.load(std::memory_order_relaxed); ++index) {  // under the mutex
    const SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_acquire));  // S3
    if (word.state == SlotWord::State::free || word.node_slot != publisher.node.slot) continue;
    const SlotHead* const head = slot(index);
    if (head != nullptr && head->ready.load(std::memory_order_acquire) != 0 &&  // S2
        head->node_generation == publisher.node.generation && head->port == publisher.port) {
      return true;
    }
  }
  return false;
}

/// Before the slot of a publisher is freed. False if there is no memory for it now.
bool ShmSubscriber::note_met(const domain::PortRef& publisher) noexcept try {
  const auto leaves = [this](const domain::PortRef& port) {
    return member_->has(bucket_, domain::latched_name(announcement_.topic, port));
  };
  std::erase_if(met_, [&](const domain::PortRef& port) { return !leaves(port); });
  if (leaves(publisher)) met_.insert(publisher);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

}  // namespace baton::shm
