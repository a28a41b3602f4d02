#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "baton/clock.hpp"
#include "baton/domain/deadline.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/keep_last.hpp"
#include "baton/port.hpp"
#include "baton/thread_check.hpp"
#include "chunk_pool.hpp"
#include "dispatcher.hpp"
#include "footprint.hpp"
#include "guard.hpp"
#include "last_messages.hpp"
#include "outlet.hpp"

namespace baton::shm {

/// A publisher's end of a topic: the pool, the history, and an outlet for each reader.
///
/// Three parties come here: the user's thread, the node's keeper (`keep`), and the child of a fork (`forked`). The
/// guard keeps the first two apart in what a message touches; `cold_mutex_` keeps them apart in what opening and
/// mapping touch. Who changes what both look at (the lists of outlets) holds both, so holding either is enough to read.
class ShmPublisher final : public PublisherPort, public domain::Kept {
 public:
  static Result<PublisherPortHandle> open(const PortRequest& request, Plane plane);

  // The user's verbs.
  Chunk loan(std::size_t bytes) noexcept override;
  PublishResult publish(Chunk chunk, std::size_t bytes) noexcept override;
  void discard(Chunk chunk) noexcept override;
  std::size_t capacity(Chunk chunk) const noexcept override;
  Chunk exchange(Chunk chunk, std::size_t bytes, std::size_t front, std::size_t back) noexcept override;
  Error explain(LoanStatus status, std::size_t bytes) const override;
  const PortAnnouncement& announcement() const noexcept override { return announcement_; }
  PublisherCounters counters() const override;
  std::size_t connection_count() const noexcept override;
  bool flush(std::chrono::nanoseconds timeout) noexcept override;
  std::vector<std::string> audit() const override;
  bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept override;
  void close() noexcept override;
  void abandon() noexcept override;

  // The domain's.
  void keep(std::vector<Event>& to_announce) noexcept override;
  void forked() noexcept override { guard_.fork(); }

 private:
  using OutletPtr = std::shared_ptr<Outlet>;
  using Side = Guard::Side;

  /// How long the keeper waits for the user's thread to come out of a verb. Longer than any but one that was stopped.
  static constexpr std::chrono::milliseconds kPatience{20};

  /// A reader that could not be connected yet.
  struct SetAside {
    std::chrono::steady_clock::time_point since;
    bool said = false;
  };

  ShmPublisher(const PortRequest& request, Plane plane);
  ~ShmPublisher();

  // shm_publisher.cpp: the way of a message
  [[gnu::noinline]] Chunk loan_slowly(std::size_t bytes) noexcept;
  Chunk finish_loan(LoanStatus status, Chunk lent) noexcept;
  bool seems_full() noexcept {
    for (const OutletPtr& outlet : live_) {  // not any_of, which is unrolled: there is one, most of the time
      if (outlet->seems_full()) return true;
    }
    return false;
  }
  PublishStatus find_room() noexcept;
  template <class HasRoom>
  bool sleep_for_room(const OutletPtr& outlet, std::chrono::steady_clock::time_point deadline,
                      std::chrono::nanoseconds longest, bool& inside, HasRoom has_room) noexcept;
  std::uint64_t count_message(std::uint64_t sequence, std::size_t bytes) noexcept;
  void seal(ChunkPool::Number chunk, std::size_t bytes) noexcept;
  void collect_all() noexcept;
  bool is_ending() const noexcept { return abandoned_ || (closed_ && !left_); }
  void settle() noexcept;

  bool all_taken() noexcept;

  // shm_publisher_ring.cpp: the same, of a publisher with a ring
  std::uint64_t ring_capacity() const;
  Result<void> make_ring(const PortRequest& request, std::uint32_t depth);
  Chunk loan_in_ring(std::size_t bytes) noexcept;
  std::uint32_t reserve_slowly(std::size_t bytes, bool& inside) noexcept;
  std::uint32_t reserve_by_floor(std::size_t bytes) noexcept;
  OutletPtr holder_of_floor(bool& more) noexcept;
  void move_floor(std::uint64_t position) noexcept;
  void tell_whom_it_passes(std::uint64_t floor) noexcept;
  std::uint64_t history_from() const noexcept;
  std::uint64_t wanted_from() noexcept;
  std::uint64_t kept_from() noexcept;
  PublishResult publish_in_ring(std::uint32_t loan, std::size_t bytes) noexcept;
  PublishStatus look_at_readers(std::uint16_t& passed_by) noexcept;
  std::uint32_t ring_all() noexcept;
  bool extend_in_ring(Chunk chunk, std::size_t bytes, std::size_t back) noexcept;
  Error explain_ring(std::string where, std::size_t bytes) const;
  void count_ring(PublisherCounters& figures) noexcept;
  void audit_ring(std::vector<std::string>& findings) const;
  /// The files that readers map.
  const std::vector<Segment>& files() const noexcept { return ring_ ? ring_->segments() : pool_.segments(); }

  // shm_publisher_keep.cpp: what its keeper tells
  bool tell_trouble(std::vector<Event>& to_announce) noexcept;
  void check_deadline(std::vector<Event>& to_announce) noexcept;

  // shm_publisher_memory.cpp: its memory, as much as those need who are connected
  Result<std::optional<Segment>> make_room_in_pool(Side side, std::uint64_t share);
  std::uint64_t allowed_bytes() const noexcept;
  Result<Segment> make_segment(std::uint64_t chunks, std::uint64_t payload_bytes);
  Result<void> add_segment(Side side, std::uint64_t chunks, std::uint64_t payload_bytes);
  bool grow(std::size_t bytes) noexcept;
  void shrink() noexcept;
  bool is_surplus(const Segment& segment) const noexcept;
  bool is_worth_making_anew() const noexcept;
  bool has_surplus() const noexcept;
  void retire_surplus();
  void retire_other_sizes(std::size_t bytes, std::uint64_t wanted);
  bool restore(Side side, std::uint64_t payload_bytes, std::uint64_t needed);
  void give_back_retired(Side side);
  void ask_for_retired(Side side);
  void remove_retired(Side side);
  std::string holders() const;
  std::string memory_limit() const;
  Footprint predicted(const PortRequest& request, std::size_t readers) const;
  void remove_names() noexcept;

  // shm_publisher_connect.cpp: who is connected
  Result<void> start(const PortRequest& request);
  bool changed() const noexcept {
    // relaxed: whoever makes a publisher look has made what it will see before, under the registry's file lock or by a
    // system call; the look itself begins with an acquire.
    return epoch_.load(std::memory_order_relaxed) != seen_epoch_.load(std::memory_order_relaxed);
  }
  void look(Side side, std::vector<Event>& to_announce) noexcept;
  void look_and_announce() noexcept;
  void look_quietly() noexcept;
  void announce(const std::vector<Event>& events) noexcept;
  bool is_short_of_slots() const noexcept;
  void look_again() noexcept;
  void connect_all(Side side, const std::vector<domain::Peers::Peer>& readers, std::vector<Event>& to_announce);
  void connect(Side side, const domain::Peers::Peer& peer, std::vector<Event>& to_announce);
  void refuse(const domain::Peers::Peer& peer, const Error& error, std::vector<Event>& to_announce);
  void say_once(const domain::Peers::Peer& peer, std::string_view reason, std::vector<Event>& to_announce);
  void ask_for_slots(const domain::Peers::Peer& peer, std::uint32_t slots, std::vector<Event>& to_announce);
  std::uint64_t history_for(const PortAnnouncement& reader) const noexcept;
  void give_history(Outlet& outlet, const PortAnnouncement& reader) noexcept;
  bool end_outlets(Side side, std::vector<Event>& to_announce) noexcept;
  void disconnect_all() noexcept;

  const PortAnnouncement announcement_;
  [[no_unique_address]] const ThreadCheck check_{};
  const std::shared_ptr<domain::Member> member_;
  const std::shared_ptr<EventQueue> events_;
  const domain::PortRef self_;
  const std::uint64_t port_id_;
  const std::uint32_t bucket_;
  const std::atomic<std::uint32_t>& epoch_;   // of the bucket, in the registry
  std::atomic<std::uint32_t> seen_epoch_{0};  // W: under cold_mutex_
  domain::Concern concern_;

  // Of who holds cold_mutex_.
  mutable std::mutex cold_mutex_;
  domain::Peers peers_;
  std::shared_ptr<domain::Presence> presence_;
  std::map<domain::PortRef, SetAside> set_aside_;
  std::uint64_t reserved_ = 0;  // chunks promised: loans, history, and each connection's share
  std::uint32_t next_segment_generation_ = 1;
  std::optional<std::chrono::steady_clock::time_point> surplus_since_;
  std::uint64_t asked_back_ = 0;    // retired segments that readers are to let go of, one bit for each number
  bool short_of_slots_ = false;     // at the last look a reader had none free
  std::vector<Event> unannounced_;  // of a loan's wait, in which nothing of the user's may be called
  std::string why_not_grown_;       // at the last loan that found no chunk of its size; empty if it may not
  std::optional<domain::Deadline> deadline_;

  // Guarded. First what every verb looks at.
  mutable Guard guard_;
  const StampClock clock_;
  const std::uint32_t max_loans_;
  const Overflow overflow_;
  const bool makes_room_;  // under `reject` and `block`: for lossless readers, before anything is handed over
  std::uint32_t open_loans_ = 0;
  bool closed_ = false;                          // by the user
  bool left_ = false;                            // the topic
  bool abandoned_ = false;                       // nobody but open loans uses the port
  bool announcing_ = false;                      // events, whose callbacks may do anything
  const bool sizes_vary_;                        // of the messages; chunks may still have one size, see pool_request
  const bool counts_more_;                       // than messages: bytes, or the time of the last one
  std::shared_ptr<domain::PortFile> page_;       // of the port's file, once it has one
  domain::PublisherFigures* figures_ = nullptr;  // in there
  const Plane plane_;
  ChunkPool pool_;                   // of one without a ring
  std::unique_ptr<Ring> ring_;       // of one with
  std::uint64_t ring_credit_ = 0;    // how many can be published before the readers are to be looked at
  std::uint64_t full_until_ns_ = 0;  // a message was refused, and until then nobody is looked at again
  std::vector<OutletPtr> live_;
  std::vector<OutletPtr> departing_;  // nothing more is given, something is still held
  KeepLast<ChunkPool::Number> history_;
  std::optional<LastMessages> last_;  // of a latched publisher: where the history stands for those who come after us
};

/// Counts a loan, or that there was none; inside the guard, which it leaves.
inline Chunk ShmPublisher::finish_loan(LoanStatus status, Chunk lent) noexcept {
  if (status == LoanStatus::ok) [[likely]] {
    ++open_loans_;
  } else {
    lent = Chunk::refusal(status);
    domain::add(figures_->failed_loans);
  }
  guard_.leave();
  return lent;
}

/// Counts a message that is about to be given, and returns its stamp.
inline std::uint64_t ShmPublisher::count_message(std::uint64_t sequence, std::size_t bytes) noexcept {
  // relaxed: figures.
  figures_->published.store(sequence + 1, std::memory_order_relaxed);
  const std::uint64_t stamp = clock_.read();
  if (counts_more_) [[unlikely]] {
    if (sizes_vary_) domain::add(figures_->bytes, bytes);
    figures_->last_stamp.store(stamp, std::memory_order_relaxed);
  }
  return stamp;
}

/// Sleeps until the reader may have made room, for `longest` at most, unless there is some. False at the deadline, or
/// if only the calling thread itself could make it. Afterwards no longer `inside` the guard in a forked child.
template <class HasRoom>
bool ShmPublisher::sleep_for_room(const OutletPtr& outlet, std::chrono::steady_clock::time_point deadline,
                                  std::chrono::nanoseconds longest, bool& inside, HasRoom has_room) noexcept {
  if (Dispatcher::serves_here(outlet->request().reader)) return false;
  domain::Sleeper& sleeper = outlet->sleeper();
  const std::uint32_t sequence = sleeper.sequence();
  sleeper.arm(domain::kRingFutex);
  const bool found = has_room();  // W3: after arming
  const auto now = std::chrono::steady_clock::now();
  if (found || now >= deadline) {
    sleeper.disarm();
    return found;
  }
  if (outlet->reader_leaves()) {
    sleeper.disarm();
  } else {
    // Somebody has to notice that the reader died: the keeper, or this thread from time to time.
    const bool alone = !member_->has_keeper();
    if (alone) longest = std::min<std::chrono::nanoseconds>(longest, domain::kLongestSleep);
    guard_.leave();
    sleeper.sleep(sequence, deadline - now > longest ? now + longest : deadline);
    sleeper.disarm();
    if (alone) member_->check(outlet->request().reader.node);
    inside = guard_.enter();
  }
  return true;
}

}  // namespace baton::shm
