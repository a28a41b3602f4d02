#include "inlet.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace baton::shm {
namespace {

SlotHead* slot_of(const posix::Mapping& mapping) noexcept {
  return std::launder(reinterpret_cast<SlotHead*>(mapping.writable_bytes().data()));
}

/// What a publisher wrote, made valid.
Overflow overflow_of(std::uint8_t value) noexcept {
  return value <= static_cast<std::uint8_t>(Overflow::block) ? static_cast<Overflow>(value) : Overflow::drop_oldest;
}
Stamp stamp_of(std::uint8_t value) noexcept {
  return value <= static_cast<std::uint8_t>(Stamp::off) ? static_cast<Stamp>(value) : Stamp::off;
}
const std::atomic<std::uint64_t>* lossless_drops_of(const SlotHead& slot, Overflow overflow) noexcept {
  return overflow == Overflow::drop_newest ? &slot.dropped.newest : &slot.dropped.timeout;
}
/// The publisher's and ours together; a negative one is none.
std::uint64_t lifespan_of(const SlotHead& slot, std::chrono::nanoseconds ours) noexcept {
  const std::chrono::nanoseconds theirs(
      static_cast<std::int64_t>(std::min<std::uint64_t>(slot.lifespan_ns, INT64_MAX)));
  return static_cast<std::uint64_t>(connection_lifespan(theirs, ours).count());
}
std::string name_of(const SlotHead& slot) {
  const std::array<char, sizeof(slot.node)> copy = slot.node;
  return {copy.data(), ::strnlen(copy.data(), copy.size())};
}

}  // namespace

const ChunkHead Inlet::kNoHead{};

Inlet::Inlet(const Request& request, std::shared_ptr<const posix::Mapping> slot_mapping)
    : request_(request),
      slot_mapping_(std::move(slot_mapping)),
      slot_(slot_of(*slot_mapping_)),
      shape_(request.queue_shift),
      entries_(submissions(*slot_)),
      completions_(completions(*slot_, request.queue_shift)),
      overflow_(overflow_of(slot_->overflow)),
      plane_(slot_->plane == Plane::ring ? Plane::ring : Plane::queue),
      publisher_id_(slot_->port_id),
      publisher_node_(name_of(*slot_)),
      clock_(stamp_of(slot_->stamp)),
      lifespan_ns_(lifespan_of(*slot_, request.lifespan)),
      lossless_drops_(lossless_drops_of(*slot_, overflow_)) {
  set_era(0);
}

bool Inlet::ready() noexcept {
  if (plane_ == Plane::ring) return broken() ? !told_broken_ : ring_ != nullptr && ring_->ready();
  if (broken()) return false;
  if (overflow_ != Overflow::drop_oldest) {
    // W1, W2: after arming, or after clearing the ready bit. A plain load on x86.
    return shape_.is_at(entries_[shape_.index(position_)].load(std::memory_order_seq_cst), position_);
  }
  std::uint64_t head = slot_->head.position.load(std::memory_order_acquire);                   // H1
  while (!shape_.is_at(entries_[shape_.index(head)].load(std::memory_order_seq_cst), head)) {  // W1, W2
    const std::uint64_t again = slot_->head.position.load(std::memory_order_acquire);          // H1
    if (again == head) return false;
    head = again;  // the publisher took the oldest back meanwhile
  }
  return true;
}

bool Inlet::has_message(domain::Member& member) noexcept {
  if (lifespan_ns_ == 0) return ready();
  // No more often than there are places: a publisher may be as quick as this loop.
  for (std::uint64_t looked = 0; looked < shape_.entries() && ready(); ++looked) {
    if (!drop_next_if_expired(member)) return true;
  }
  return ready();
}

/// False if the oldest message is not too old, or cannot be read: `take` says why. It is looked at before it is
/// claimed, when the publisher may still take it back under `drop_oldest`, and so use its chunk for another one.
bool Inlet::drop_next_if_expired(domain::Member& member) noexcept {
  if (plane_ == Plane::ring) return drop_next_of_ring_if_expired();
  const bool drops_oldest = overflow_ == Overflow::drop_oldest;
  std::uint64_t head = drops_oldest ? slot_->head.position.load(std::memory_order_acquire) : position_;  // H1
  const std::uint64_t entry = entries_[shape_.index(head)].load(std::memory_order_acquire);              // E1
  if (!shape_.is_at(entry, head)) return true;  // taken back just now: look again
  const Reference reference = QueueShape::reference(entry);
  if (payload_of(member, reference) == nullptr) return false;
  if (!is_too_old(reference))
    return drops_oldest && slot_->head.position.load(std::memory_order_acquire) != head;  // H1
  Claim claim;
  if (drops_oldest ? !claim_at(head, entry, claim) : !claim_next(claim)) return true;
  domain::add(taken_);
  drop_expired(claim, count_missed(claim));
  return true;
}

/// The first reference into a segment maps it. Null, and `error_`, if that cannot be.
const std::byte* Inlet::resolve(domain::Member& member, Reference reference) noexcept try {
  const auto not_there = [&] {
    return fmt::format("it gave a reference to chunk {} of segment {} of generation {}, which is not there",
                       reference.chunk(), reference.segment(), reference.generation());
  };
  auto& mapped = segments_[reference.segment()];
  if (mapped != nullptr && mapped->generation() == reference.generation()) {
    error_ = not_there();
    return nullptr;
  }
  if (mapped != nullptr) let_go_of(reference.segment());  // it was wanted back while it was being mapped
  std::unique_ptr<SegmentView> fresh = std::move(ahead_[reference.segment()]);
  if (fresh == nullptr || fresh->find(reference) == nullptr) {
    auto view = SegmentView::open(member, request_.bucket, request_.self, request_.publisher, reference.segment(),
                                  request_.payload_bytes);
    if (!view) {
      error_ = view.error().message();
      return nullptr;
    }
    fresh = std::make_unique<SegmentView>(*std::move(view));
  }
  const std::byte* const payload = fresh->find(reference);
  if (payload == nullptr) {
    error_ = not_there();
    return nullptr;
  }
  mapped = std::move(fresh);
  views_[reference.segment()].store(mapped.get(), std::memory_order_release);  // for who releases samples of it
  // relaxed: own counter. The first message of all, unless under `drop_oldest`, where nobody asks for it, and it may be
  // in use again.
  if (overflow_ != Overflow::drop_oldest && taken_.load(std::memory_order_relaxed) == 0)
    first_sequence_ = mapped->head(reference).sequence;
  return payload;
} catch (const std::bad_alloc&) {
  return nullptr;  // and no memory for an error
}

void Inlet::map_ahead(domain::Member& member, std::uint32_t segment) {
  if (segment >= Reference::kMaxSegments || broken()) return;
  auto view =
      SegmentView::open(member, request_.bucket, request_.self, request_.publisher, segment, request_.payload_bytes);
  if (view) ahead_[segment] = std::make_unique<SegmentView>(*std::move(view));
}

std::uint64_t Inlet::measure_depth(std::uint64_t head) const noexcept {
  std::uint64_t depth = high_water_.load(std::memory_order_relaxed);
  while (depth < shape_.entries() && is_queued(head + depth)) ++depth;
  return depth;
}

void Inlet::raise_high_water(std::uint64_t most) noexcept {
  high_water_.store(most, std::memory_order_relaxed);
  slot_->consumed.high_water.store(most, std::memory_order_relaxed);
}

/// The publisher has dropped something without giving it; before this message, or after. Every message that was
/// published has a number, and every one that was given a position: what lies between has been dropped.
std::uint64_t Inlet::count_dropped_before(Claim claim) noexcept {
  const std::uint64_t all = lossless_drops_->load(std::memory_order_relaxed);
  const std::uint64_t before = head(claim.reference).sequence - first_sequence_ - claim.position;
  if (before < missed_ || before > all) return 0;  // what a publisher writes need not be true
  return before - std::exchange(missed_, before);
}

bool Inlet::is_too_old(Reference reference) const noexcept {
  const std::uint64_t stamp = head(reference).stamp.load(std::memory_order_acquire);  // then the head: see has_message
  return stamp != 0 && clock_.age_ns(stamp) > lifespan_ns_;
}

void Inlet::drop_expired(Claim claim, std::uint64_t missed) noexcept {
  count_expired(missed);
  complete(claim.reference, era_);
}

void Inlet::count_expired(std::uint64_t missed) noexcept {
  domain::add(expired_);
  domain::add(slot_->consumed.expired);
  request_.concern->raise();
  skipped_ += missed + 1;
}

// --- Segments that the publisher wants back --------------------------------------------------------------------------

bool Inlet::let_go_of_segments() noexcept try {
  const std::uint32_t asked = slot_->dropped.retiring.load(std::memory_order_acquire);  // R1
  const bool is_asked = asked != let_go_ && !broken();
  if (is_asked) {
    const std::uint64_t numbers = slot_->dropped.retired.load(std::memory_order_acquire);  // R1
    for (std::uint32_t number = 0; number < segments_.size(); ++number) {
      if ((numbers >> number & 1U) == 0) continue;
      ahead_[number].reset();  // no sample lies there
      if (segments_[number] != nullptr) let_go_of(number);
    }
    let_go_ = asked;
  }
  drop_husks();
  if (is_asked) slot_->consumed.retiring.store(asked, std::memory_order_seq_cst);  // R1: after the last look at them
  return is_asked;
} catch (const std::bad_alloc&) {
  return false;  // at the next look
}

void Inlet::let_go_of(std::uint32_t segment) {
  later_husks_.push_back({nullptr});
  views_[segment].store(nullptr, std::memory_order_relaxed);  // no honest publisher's sample is looked up there
  later_husks_.back().view = std::move(segments_[segment]);
}

void Inlet::drop_husks() noexcept {
  for (auto* husks : {&husks_, &later_husks_}) {
    for (Husk& husk : *husks) {
      if (!husk.forgotten) husk.forgotten = domain::forget_unshared(husk.view->mapping());
    }
  }
  while (true) {
    if (era_ != 0 && held_from_before() != 0) return;
    husks_.clear();
    set_era(0);
    if (later_husks_.empty()) return;
    husks_.swap(later_husks_);
    begin_era();
  }
}

/// What is taken from now on can be told from what was taken before.
void Inlet::begin_era() noexcept {
  last_era_ = last_era_ % kEras + 1;
  set_era(last_era_);
  released_in_[era_].store(0, std::memory_order_relaxed);
  taken_before_ = taken_.load(std::memory_order_relaxed);  // W: the consumer
}

/// Samples that were taken before the era began and are still out; never too few. Who releases one of the era counts it
/// first, and a second sample of an era of the same number counts as one from before.
std::uint64_t Inlet::held_from_before() const noexcept {
  const std::uint64_t completed = completed_.load(std::memory_order_seq_cst);  // before those of the era
  return taken_before_ + released_in_[era_].load(std::memory_order_seq_cst) - completed;
}

/// What cannot be read goes back, as the last. The publisher, which may be waiting for room, learns that nothing more
/// will be taken.
void Inlet::refuse(Reference reference) noexcept {
  broken_.store(true, std::memory_order_relaxed);        // own word; others make figures of it
  undelivered_.fetch_add(1, std::memory_order_relaxed);  // a figure
  slot_->consumed.undelivered.store(1, std::memory_order_relaxed);
  complete(reference, era_);
  slot_->head.refuses.store(1, std::memory_order_seq_cst);  // L1: the last move of the head came before. W3
  wake_publisher();
}

bool Inlet::all_completed() const noexcept {
  if (plane_ == Plane::ring) return ring_ == nullptr || ring_->held() == 0;
  const std::uint64_t completed = completed_.load(std::memory_order_acquire);
  if (completed != taken_.load(std::memory_order_relaxed)) return false;  // W: the consumer, who asks
  if (overflow_ == Overflow::block) return finished_.load(std::memory_order_acquire) == completed;
  // Positions are claimed before they are written: somebody may still be about to.
  for (std::uint64_t back = 0; back < std::min(completed, shape_.entries()); ++back) {
    const std::uint64_t position = completed - 1 - back;
    const std::uint64_t entry = completions_[shape_.index(position)].load(std::memory_order_acquire);  // then the wipe
    if (!shape_.is_at(entry, position)) return false;
  }
  return true;
}

void Inlet::give_up() noexcept {
  ConnectionCounters figures = counters();
  figures.undelivered += std::exchange(figures.queued, 0);
  final_ = std::move(figures);
}

void wipe_slot(SlotHead& slot, std::uint32_t queue_shift) noexcept {
  // relaxed: nobody else looks here. The publisher has gone, and the next one claims the slot by S1. Lap 0 is never
  // valid.
  std::atomic<std::uint64_t>* const entries = submissions(slot);
  for (std::uint64_t i = 0; i < 2ULL << queue_shift; ++i) entries[i].store(0, std::memory_order_relaxed);
  slot.head.position.store(0, std::memory_order_relaxed);
  slot.head.refuses.store(0, std::memory_order_relaxed);
  for (auto* const figure : {&slot.dropped.oldest, &slot.dropped.newest, &slot.dropped.timeout, &slot.dropped.wakeups,
                             &slot.consumed.expired, &slot.consumed.undelivered, &slot.consumed.high_water}) {
    figure->store(0, std::memory_order_relaxed);
  }
  slot.dropped.congested.store(0, std::memory_order_relaxed);
  slot.dropped.gaps.store(0, std::memory_order_relaxed);
  slot.dropped.passes.store(0, std::memory_order_relaxed);
  slot.consumed.passed.store(0, std::memory_order_relaxed);
  slot.plane = Plane::queue;
  slot.dropped.retiring.store(0, std::memory_order_relaxed);
  slot.dropped.retired.store(0, std::memory_order_relaxed);
  slot.consumed.retiring.store(0, std::memory_order_relaxed);
  slot.room.armed.store(0, std::memory_order_relaxed);
  slot.ready.store(0, std::memory_order_relaxed);
}

void Inlet::audit(std::vector<std::string>& findings) const {
  if (broken() || final_ || plane_ == Plane::ring) return;
  const auto find = [&](std::string finding) { findings.push_back(publisher_node_ + ": " + std::move(finding)); };
  const std::uint64_t completed = completed_.load(std::memory_order_relaxed);  // first: it only follows what was taken
  const std::uint64_t ours = taken_.load(std::memory_order_relaxed);           // W: the consumer, who asks
  if (completed > ours) find(fmt::format("{} were given back of {} taken", completed, ours));
  // acquire, and first: the publisher counts after it has moved the head, so the head is seen behind what was counted.
  const std::uint64_t dropped = slot_->dropped.oldest.load(std::memory_order_acquire);
  const std::uint64_t head = slot_->head.position.load(std::memory_order_acquire);
  if (overflow_ != Overflow::drop_oldest && head != position_) {
    find(fmt::format("the head is at {}, and the next entry is {}", head, position_));
  }
  if (overflow_ != Overflow::drop_oldest && ours != position_) {
    find(fmt::format("{} were taken of the {} before the head", ours, position_));
  }
  if (overflow_ == Overflow::drop_oldest && ours + dropped > head) {
    find(fmt::format("{} were taken and {} dropped of the {} before the head", ours, dropped, head));
  }
}

std::uint64_t Inlet::held() const noexcept {
  if (ring_ != nullptr) return ring_->held();
  const std::uint64_t completed = completed_.load(std::memory_order_acquire);  // first: it only follows what was taken
  const std::uint64_t ours = taken_.load(std::memory_order_relaxed);
  return ours > completed ? ours - completed : 0;
}

ConnectionCounters Inlet::counters() const noexcept {
  if (final_) {
    ConnectionCounters figures = *final_;
    figures.held = held();
    return figures;
  }
  if (plane_ == Plane::ring) return ring_counters();
  ConnectionCounters figures;
  figures.peer = publisher_node_;
  const std::uint64_t head = slot_->head.position.load(std::memory_order_acquire);
  figures.undelivered = undelivered_.load(std::memory_order_relaxed);
  // Ours, not the slot's copies, which the publisher could write to.
  figures.dropped_expired = expired_.load(std::memory_order_relaxed);
  figures.high_water = high_water_.load(std::memory_order_relaxed);
  const std::uint64_t ours = taken_.load(std::memory_order_relaxed);
  const std::uint64_t not_given = figures.undelivered + figures.dropped_expired;
  figures.taken = ours > not_given ? ours - not_given : 0;
  figures.held = held();
  figures.dropped_newest = slot_->dropped.newest.load(std::memory_order_relaxed);
  figures.dropped_timeout = slot_->dropped.timeout.load(std::memory_order_relaxed);
  // What moved the head and was neither taken nor given up was taken back by the publisher.
  figures.dropped_oldest = overflow_ == Overflow::drop_oldest && head > ours ? head - ours : 0;
  std::uint64_t end = head;
  while (end - head < shape_.entries() &&
         shape_.is_at(entries_[shape_.index(end)].load(std::memory_order_acquire), end)) {
    ++end;
  }
  figures.queued = broken() ? 0 : end - head;
  figures.offered = figures.taken + figures.queued + figures.dropped() + figures.undelivered;
  return figures;
}

}  // namespace baton::shm
