// The way of a message of a publisher with a ring: see ring.md. Guarded as in shm_publisher.cpp.

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "baton/domain/figures.hpp"
#include "baton/log.hpp"
#include "baton/posix/membarrier.hpp"
#include "shm_publisher.hpp"
#include "step_aside.hpp"

namespace baton::shm {

using std::chrono::steady_clock;

/// That the settings allow. The default is for machines; where the file system is small, as a container's own one is,
/// it would leave nothing to others.
std::uint64_t ShmPublisher::ring_capacity() const {
  const Qos& qos = announcement_.qos;
  std::uint64_t capacity = std::min(qos.capacity, qos.max_memory);
  if (qos.capacity != Qos().capacity) return capacity;
  const auto directory = member_->directory(bucket_);
  const std::uint64_t all = directory ? posix::file_system_bytes(**directory) : 0;
  const std::uint64_t share = std::max(all / 8 / kPageBytes * kPageBytes, Qos::kMinCapacity);
  if (all == 0 || capacity <= share) return capacity;
  log::info("[{}] topic '{}': a capacity of {} bytes, an eighth of the file system, instead of {}", announcement_.node,
            announcement_.topic, share, capacity);
  return share;
}

/// `depth`: of the deepest reader that is there already.
Result<void> ShmPublisher::make_ring(const PortRequest& request, std::uint32_t depth) {
  const Qos& qos = announcement_.qos;
  const std::string where = fmt::format("topic '{}': publisher in {}", announcement_.topic, announcement_.node);
  const std::uint64_t capacity = ring_capacity();
  const std::uint64_t record = payload_stride_for(std::max<std::uint64_t>(request.payload_bytes, 1));
  const std::uint64_t records = std::uint64_t{max_loans_} + qos.history;
  if (records * record > capacity) {
    return fail(
        Errc::no_space, where,
        fmt::format("max_loans {} and history {} take {} records of {} bytes, more than the ring's capacity, {} "
                    "bytes, the less of capacity and max_memory",
                    max_loans_, qos.history, records, record, capacity),
        "raise capacity or max_memory, or lower the others");
  }
  const std::string name =
      qos.latched ? domain::latched_segment_name(announcement_.topic, self_, 0) : domain::segment_name(self_, 0);
  auto ring =
      Ring::create(*member_, {bucket_, self_, announcement_.topic, name, capacity,
                              std::max({qos.depth, depth, qos.history}), max_loans_, request.from_end, qos.checksum});
  if (!ring) {
    return fail(ring.error().code(), where,
                fmt::format("its ring of {} bytes cannot be made: {}", capacity, ring.error().message()), "",
                ring.error().os_errno());
  }
  ring_ = *std::move(ring);
  return {};
}

/// Inside the guard, which it leaves.
Chunk ShmPublisher::loan_in_ring(std::size_t bytes) noexcept {
  LoanStatus status = LoanStatus::ok;
  std::uint32_t loan = Ring::kNoLoan;
  bool inside = true;
  if (closed_) {
    status = LoanStatus::closed;
  } else if (open_loans_ >= max_loans_) {
    status = LoanStatus::too_many_loans;
  } else if (bytes > pool_.max_payload()) {
    status = LoanStatus::too_large;
  } else {
    loan = ring_->reserve(bytes);
    if (loan == Ring::kNoLoan) [[unlikely]]
      loan = reserve_slowly(bytes, inside);
    if (!inside) return Chunk::refusal(LoanStatus::closed);
    if (loan == Ring::kNoLoan) status = closed_ ? LoanStatus::closed : LoanStatus::out_of_chunks;
  }
  return finish_loan(status, loan != Ring::kNoLoan ? Chunk{ring_->payload(loan), loan} : Chunk{});
}

/// Of readers that lose nothing those that hang, or that too many messages have passed by.
void ShmPublisher::tell_whom_it_passes(std::uint64_t floor) noexcept {
  bool some_are_told = false;
  for (const auto* outlets : {&live_, &departing_}) {
    for (const OutletPtr& outlet : *outlets) {
      // One that leaves takes nothing any more, and what it holds it has pinned before.
      if (!outlet->reader_leaves()) some_are_told |= outlet->tap().tell_if_passed(floor);
    }
  }
  if (some_are_told) posix::membarrier_everywhere();  // F2: the heavy half
}

/// Moves the floor to there, and frees what nobody pins below it.
void ShmPublisher::move_floor(std::uint64_t position) noexcept {
  tell_whom_it_passes(position);
  ring_->raise_floor(position);
  std::vector<std::uint64_t>& pins = ring_->pins();
  pins.clear();
  for (const auto* outlets : {&live_, &departing_}) {
    for (const OutletPtr& outlet : *outlets) outlet->tap().add_pins(ring_->floor(), pins);
  }
  std::sort(pins.begin(), pins.end());
  ring_->give_up(pins);
}

/// The position of the oldest message that the history keeps.
std::uint64_t ShmPublisher::history_from() const noexcept {
  return ring_->tail() - std::min<std::uint64_t>(ring_->tail(), announcement_.qos.history);
}

/// From which position on somebody may still want a message.
std::uint64_t ShmPublisher::wanted_from() noexcept {
  const std::uint64_t tail = ring_->tail();
  std::uint64_t from = history_from();
  for (const OutletPtr& outlet : live_) from = std::min(from, outlet->tap().wants_from(tail));
  return from;
}

/// From which position on messages are kept, whatever else has no place: for the history, and for readers that lose
/// nothing.
std::uint64_t ShmPublisher::kept_from() noexcept {
  const std::uint64_t tail = ring_->tail();
  std::uint64_t from = history_from();
  for (const OutletPtr& outlet : live_) {
    if (outlet->holds_floor()) from = std::min(from, outlet->tap().cursor(tail));
  }
  return from;
}

std::uint32_t ShmPublisher::reserve_by_floor(std::size_t bytes) noexcept {
  move_floor(wanted_from());
  std::uint32_t loan = ring_->reserve(bytes);
  while (loan == Ring::kNoLoan && ring_->widen()) loan = ring_->reserve(bytes);
  if (loan != Ring::kNoLoan) return loan;
  // Nobody's queue is too long, but the buffer is full. In steps, so that the pins are not read for every message.
  const std::uint64_t kept = kept_from();
  while (loan == Ring::kNoLoan && ring_->floor() < kept) {
    const std::uint64_t step = std::max<std::uint64_t>(1, (ring_->tail() - ring_->floor()) / 16);
    move_floor(std::min(kept, ring_->floor() + step));
    loan = ring_->reserve(bytes);
    concern_.raise();  // somebody loses something
  }
  return loan;
}

/// A reader that holds the floor, or something below it, if it makes sense to wait for one; and whether there are more.
ShmPublisher::OutletPtr ShmPublisher::holder_of_floor(bool& more) noexcept {
  OutletPtr holder;
  more = false;
  const std::uint64_t tail = ring_->tail();
  for (const OutletPtr& outlet : live_) {
    if (!outlet->holds_floor()) continue;
    if (outlet->tap().cursor(tail) == tail && outlet->tap().held(tail) == 0) continue;
    more |= holder != nullptr;
    if (holder == nullptr || outlet->tap().cursor(tail) < holder->tap().cursor(tail)) holder = outlet;
  }
  return holder;
}

/// Room is to be made, and under `block` to be waited for. Afterwards no longer `inside` the guard in a forked child.
std::uint32_t ShmPublisher::reserve_slowly(std::size_t bytes, bool& inside) noexcept {
  if (bytes > ring_->max_payload()) return Ring::kNoLoan;
  std::uint32_t loan = reserve_by_floor(bytes);
  if (loan != Ring::kNoLoan || overflow_ != Overflow::block) return loan;
  const auto deadline = steady_clock::now() + announcement_.qos.block_timeout;
  while (loan == Ring::kNoLoan && inside && !closed_) {
    bool more = false;
    const OutletPtr outlet = holder_of_floor(more);
    if (outlet == nullptr) return reserve_by_floor(bytes);  // the last one has let go of everything just now
    const auto has_room = [&] { return (loan = reserve_by_floor(bytes)) != Ring::kNoLoan; };
    // One bell can be listened to. What another one lets go of is seen a little later.
    constexpr std::chrono::milliseconds kWhileThereAreMore{1};
    const auto longest = more ? kWhileThereAreMore : std::chrono::nanoseconds::max();
    if (!sleep_for_room(outlet, deadline, longest, inside, has_room)) return Ring::kNoLoan;
    if (loan == Ring::kNoLoan && inside && changed()) {
      guard_.leave();
      look_quietly();
      inside = guard_.enter();
    }
  }
  return loan;
}

/// The loan becomes larger where it is, with the last `back` bytes at its new end. False if it cannot be.
bool ShmPublisher::extend_in_ring(Chunk chunk, std::size_t bytes, std::size_t back) noexcept {
  const Guard::Visit inside(guard_);
  const auto loan = static_cast<std::uint32_t>(chunk.token);
  if (!inside || bytes > pool_.max_payload()) return false;
  const std::uint64_t before = ring_->capacity(loan);
  if (!ring_->extend(loan, bytes)) return false;
  std::memmove(chunk.payload + ring_->capacity(loan) - back, chunk.payload + before - back, back);
  return true;
}

/// Sees who has room for the next message, when that is not known any more: waits or refuses by the policy, and passes
/// by those who have none.
PublishStatus ShmPublisher::look_at_readers(std::uint16_t& passed_by) noexcept {
  PublishStatus status = PublishStatus::ok;
  if (makes_room_) {
    if (full_until_ns_ != 0) stay_aside(std::exchange(full_until_ns_, 0));
    const bool full =
        std::any_of(live_.begin(), live_.end(), [this](const OutletPtr& outlet) { return outlet->is_full(pool_); });
    if (full) {
      status = find_room();
      if (status == PublishStatus::rejected) full_until_ns_ = monotonic_ns() + kAsideNs;
    }
    if (status == PublishStatus::rejected || status == PublishStatus::closed) return status;
  }
  constexpr std::uint64_t kMost = 1U << 20U;
  ring_credit_ = kMost;
  for (const OutletPtr& outlet : live_) {
    const std::uint64_t credit = outlet->ring_credit();
    if (credit == 0) {
      outlet->pass_by();
      ++passed_by;
    }
    ring_credit_ = std::min(ring_credit_, credit);
  }
  ring_credit_ = std::max<std::uint64_t>(ring_credit_, 1);  // of which this message takes one
  return status;
}

/// Some reader's bell may be armed.
std::uint32_t ShmPublisher::ring_all() noexcept {
  std::uint32_t rung = 0;
  for (const OutletPtr& outlet : live_) rung += outlet->ring() ? 1 : 0;
  return rung;
}

/// Inside the guard, which it leaves.
PublishResult ShmPublisher::publish_in_ring(std::uint32_t loan, std::size_t bytes) noexcept {
  PublishStatus status = PublishStatus::ok;
  std::uint16_t passed_by = 0;
  std::uint16_t delivered = 0;
  if (ring_credit_ == 0) [[unlikely]] {
    status = look_at_readers(passed_by);
    if (status == PublishStatus::closed) return {status};  // outside of the guard
    if (status == PublishStatus::rejected) {
      guard_.leave();
      return {status};
    }
  }
  if (!closed_) [[likely]] {
    --ring_credit_;
    if (ring_->must_move_floor()) [[unlikely]] {  // whatever somebody has not taken: the index is no longer
      const std::uint64_t least = ring_->tail() - ring_->index_entries() + ring_->index_step();
      move_floor(std::max(wanted_from(), least));
    }
    ring_->commit(loan, bytes, count_message(ring_->tail(), bytes));
    delivered = static_cast<std::uint16_t>(live_.size() - passed_by);
    if (ring_->take_armed()) [[unlikely]] {
      if (const std::uint32_t rung = ring_all(); rung != 0) domain::add(figures_->wakeups, rung);
    }
    ring_->touch_next();
  } else {
    status = PublishStatus::closed;
    ring_->discard(loan);
  }
  --open_loans_;
  guard_.leave();
  if (is_ending()) [[unlikely]]
    settle();
  return {status, delivered, passed_by};
}

Error ShmPublisher::explain_ring(std::string where, std::size_t bytes) const {
  const std::uint64_t capacity = ring_->capacity();
  if (bytes > ring_->max_payload()) {
    return {
        Errc::out_of_chunks, std::move(where),
        fmt::format("a record of {} bytes, where the ring's capacity is {} bytes, the less of capacity and max_memory",
                    bytes, capacity),
        "raise capacity, and max_memory if that is less, or publish less at once"};
  }
  if (!ring_->trouble().empty()) {
    return {Errc::out_of_chunks, std::move(where),
            fmt::format("{} of the ring's {} bytes are in use, and no more can be had: {}", ring_->backed(), capacity,
                        ring_->trouble()),
            "make the shared memory larger, or the capacity smaller"};
  }
  std::string holders;
  const std::uint64_t tail = ring_->tail();
  for (const auto* outlets : {&live_, &departing_}) {
    for (const OutletPtr& outlet : *outlets) {
      RingOutlet& tap = outlet->tap();
      const std::uint64_t held = tap.held(tail);
      const std::uint64_t waiting = outlets == &live_ && outlet->holds_floor() ? outlet->queued() : 0;
      if (held + waiting == 0) continue;
      holders += fmt::format("{}{} holds {} and has {} to take", holders.empty() ? "" : ", ", outlet->request().node,
                             held, waiting);
    }
  }
  return {Errc::out_of_chunks, std::move(where),
          fmt::format("no {} bytes are free side by side in the ring's {}, the less of capacity and max_memory; "
                      "history {} and {} loans are in it; {}",
                      bytes, capacity, announcement_.qos.history, open_loans_,
                      holders.empty() ? "no subscriber holds any" : holders),
          "have the readers release their samples, or raise capacity"};
}

void ShmPublisher::count_ring(PublisherCounters& figures) noexcept {
  if (!closed_) move_floor(wanted_from());  // else those who still take are not known any more
  figures.chunks = ring_->space().records();
  figures.free_chunks = 0;  // a record is made when it is lent
}

void ShmPublisher::audit_ring(std::vector<std::string>& findings) const {
  if (ring_->space().overlaps()) findings.push_back("records of the ring overlap");
  if (ring_->floor() > ring_->tail()) findings.push_back("the ring's floor is above its tail");
}

}  // namespace baton::shm
