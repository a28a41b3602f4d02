#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "baton/domain/deadline.hpp"
#include "baton/domain/figures.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/ringer.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/port.hpp"
#include "baton/samples_out.hpp"
#include "baton/spin.hpp"
#include "baton/thread_check.hpp"
#include "dispatcher.hpp"
#include "inlet.hpp"
#include "layout.hpp"
#include "socket_bell.hpp"

namespace baton::shm {

/// A subscriber's end of a topic: the inbox, and an inlet for each publisher that claimed one of its slots.
/// Events are announced where the port is whole, and no lock is held: an event's callback may close or destroy the
/// port, set and end its callback, and call its verbs. Verbs in which that can happen keep the port alive until they
/// return, and look afterwards at what has become of it.
///
/// Who comes here: the *consumer*, who takes (the user's thread, or, while a callback is set, the dispatcher, which
/// holds dispatch_mutex_); any thread, with `release` and `info`; the keeper, with `keep`. The consumer's queues are
/// its own. What the keeper touches too (the slots as such, and the list of inlets) is under cold_mutex_.
class ShmSubscriber final : public SubscriberPort, public domain::Kept, public Dispatched {
 public:
  static Result<SubscriberPortHandle> open(const PortRequest& request);

  explicit ShmSubscriber(const PortRequest& request);
  ~ShmSubscriber();

  // The user's verbs.
  Chunk take() noexcept override;
  void release(Chunk chunk) noexcept override;
  SampleInfo info(Chunk chunk) const noexcept override;
  std::size_t capacity(Chunk chunk) const noexcept override;
  std::size_t bytes(Chunk chunk) const noexcept override;
  void report_damaged(Chunk chunk) noexcept override;
  WaitStatus wait(std::chrono::nanoseconds timeout) noexcept override;
  Result<int> fd() override;
  Attachment attach(std::shared_ptr<Waker> waker) override;
  void detach() noexcept override;
  std::shared_ptr<domain::Member> member() const noexcept override { return member_; }
  void on_message(MessageHandler handler) override;
  const PortAnnouncement& announcement() const noexcept override { return announcement_; }
  SubscriberCounters counters() const override;
  std::size_t connection_count() const noexcept override;
  std::vector<std::string> audit() const override;
  bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept override;
  void close() noexcept override;
  void abandon() noexcept override;

  // The domain's and the dispatcher's.
  void keep(std::vector<Event>& to_announce) noexcept override;
  void forked() noexcept override { open_.store(false, std::memory_order_relaxed); }  // no other thread is here
  bool dispatch() noexcept override;

 private:
  /// What has been reported of a slot, to report each change once.
  struct Reported {
    std::uint64_t claim = 0;       // the slot word, as claimed; 0: nobody
    std::uint64_t half_claim = 0;  // one whose claimer died before it was complete; the consumer was told
    std::string node;
    std::optional<domain::NodeId> owner;  // while it is watched
    bool ended = true;
    bool gone = false;  // its node; the consumer was told
    bool hung = false;
    domain::Told told;
    bool deadline_wanted = false;  // and the publisher's file has not been seen yet
    std::optional<domain::Deadline> deadline;
  };

  // shm_subscriber.cpp: the way of a message
  [[gnu::noinline]] Chunk look_and_take() noexcept;
  Chunk take_known() noexcept;
  [[gnu::noinline]] Chunk take_after_all() noexcept;
  TakeStatus after_events() const noexcept;
  Chunk pop_next() noexcept;
  Chunk take_from(Inlet& inlet) noexcept;
  bool gather_ready() noexcept;
  bool ready() noexcept;
  bool has_message() noexcept;
  void sleep_until(std::chrono::steady_clock::time_point deadline) noexcept;
  template <class Sleep>
  void sleep_in_parts(std::chrono::steady_clock::time_point deadline, Sleep sleep) noexcept;
  void sleep_on_bell(std::chrono::steady_clock::time_point deadline) noexcept;
  void sleep_on_socket(std::chrono::steady_clock::time_point deadline) noexcept;
  void look_until(std::chrono::steady_clock::time_point deadline) noexcept;
  Result<void> open_socket();
  bool has_socket() noexcept;
  bool slots_changed() const noexcept {
    return inbox_->slot_epoch.value.load(std::memory_order_seq_cst) != seen_slot_epoch_;  // W1: after arming
  }
  bool rearm_fd() noexcept;
  void signal_fd() noexcept;
  void wake_self() noexcept;
  void free_self() noexcept;
  bool is_open() const noexcept { return open_.load(std::memory_order_relaxed); }  // own word
  /// In the child of a fork, to whom nothing here belongs. A port is told of a fork for as long as it is open; one that
  /// was closed before has to ask.
  bool in_child() const noexcept { return !is_open() && member_->forked(); }

  // shm_subscriber_slots.cpp: who is connected
  Result<void> start(const PortRequest& request, std::shared_ptr<ShmSubscriber> self);
  bool promises_to_look(const domain::NodeId& node) noexcept;
  void wait_for_publishers(const std::vector<domain::Peers::Peer>& publishers) noexcept;
  void look_at_slots() noexcept;
  void look(std::vector<Event>& to_announce);
  SlotHead* slot(std::uint32_t index);
  void forget_ended() noexcept;
  std::unique_ptr<Inlet> make_inlet(std::uint32_t index);
  void free_half_claimed(std::uint32_t index);
  void free_slot(std::uint32_t index, const std::optional<domain::PortRef>& publisher) noexcept;
  void remove_names(const std::string& prefix) noexcept;
  void remove_orphaned_names() noexcept;
  std::string names_of(const domain::PortRef& publisher) const;
  std::string names_prefix() const;
  bool connected(std::uint32_t index) const noexcept;
  bool report_slots(std::vector<Event>& to_announce);
  bool tell_trouble(std::uint32_t index, std::vector<Event>& to_announce) noexcept;
  void check_deadline(std::uint32_t index, std::vector<Event>& to_announce);
  void watch_deadline(std::uint32_t index);
  void report_slot(std::uint32_t index, std::vector<Event>& to_announce, bool& news);
  void end_broken(Inlet& inlet) noexcept;
  void let_go_of_segments() noexcept;
  void grow_slots();
  void map_ahead();

  // shm_subscriber_left.cpp: the last messages of latched publishers that are gone
  bool reap_latched(const std::vector<domain::Peers::Peer>& publishers) noexcept;
  bool give_what_is_left(std::vector<domain::Peers::Peer> left, std::vector<Event>& to_announce);
  bool give_left(const domain::Peers::Peer& publisher, std::vector<Event>& to_announce, bool& given);
  Result<void> link_left(const domain::Peers::Peer& publisher, const std::vector<Reference>& references);
  std::optional<std::uint32_t> claim_for(const domain::PortRef& publisher);
  bool has_met(const domain::PortRef& publisher);
  bool note_met(const domain::PortRef& publisher) noexcept;
  void announce(const std::vector<Event>& events) noexcept;
  void leave(std::vector<Event>& to_announce) noexcept;

  // shm_subscriber_callback.cpp: the callback
  bool runs_here() const noexcept { return Dispatcher::running_here() == static_cast<const Dispatched*>(this); }
  ThreadCheck::Verb checks(const char* verb) const noexcept {
    return {check_, verb, announcement_, ThreadCheck::kActive && runs_here()};
  }
  std::unique_lock<std::mutex> hold_callback() noexcept;
  void install(MessageHandler handler) noexcept;
  void invoke(Chunk chunk) noexcept;
  struct Former {
    MessageHandler handler;
    std::optional<MessageHandler> never_installed;
  };
  bool change_handler(Former& former) noexcept;
  void report_failure() noexcept;

  // A token: the reference, in its spare bits the era (see Inlet), the slot, and how many messages are missing before
  // this one.
  static constexpr unsigned kSlotBits = 10;
  static constexpr unsigned kMissedShift = Reference::kBits + kSlotBits;
  static constexpr std::uint64_t kMostMissed = (std::uint64_t{1} << (64 - kMissedShift)) - 1;
  static_assert(kMaxSlots == 1U << kSlotBits);

  static Chunk lend(const Inlet& inlet, const Inlet::Taken& taken) noexcept {
    std::uint64_t token = inlet.mark() | taken.reference.bits;
    if (taken.missed != 0) [[unlikely]]
      token |= std::min(taken.missed, kMostMissed) << kMissedShift;
    return {const_cast<std::byte*>(taken.payload), token};  // the seam hands it to readers only
  }
  Inlet& inlet_of(Chunk chunk) const noexcept {
    const std::uint64_t slot = chunk.token >> Reference::kBits & (kMaxSlots - 1);
    return *by_slot_[slot].load(std::memory_order_acquire);  // made before the sample was
  }
  static std::uint32_t missed_before(Chunk chunk) noexcept {
    return static_cast<std::uint32_t>(chunk.token >> kMissedShift);
  }
  void count_down_to_sample(Chunk chunk) noexcept {
    if (--until_sampled_ == 0) [[unlikely]]
      sample_latency(chunk);
  }
  [[gnu::noinline]] void sample_latency(Chunk chunk) noexcept;
  static Reference reference_of(Chunk chunk) noexcept {
    return QueueShape::reference(chunk.token & ~Reference::kSpareMask);
  }
  static std::uint64_t era_of(Chunk chunk) noexcept {
    return (chunk.token & Reference::kSpareMask) >> Reference::kSpareShift;
  }

  const PortAnnouncement announcement_;
  [[no_unique_address]] const ThreadCheck check_{};
  const std::shared_ptr<domain::Member> member_;
  const std::shared_ptr<EventQueue> events_;
  const domain::PortRef self_;
  const std::uint32_t bucket_;
  const std::uint64_t payload_bytes_;  // of every message; 0: they have sizes of their own
  const std::uint64_t least_bytes_;    // of any message
  const bool from_end_;                // messages lie at the end of their chunks
  const std::uint32_t max_held_;
  const std::uint32_t queue_shift_;
  const SocketBell own_socket_;
  domain::Concern concern_;
  std::shared_ptr<domain::PortFile> page_;  // of the port's file, once it has one
  domain::SubscriberFigures* figures_;      // in there
  std::shared_ptr<ShmSubscriber> alive_;    // reset when abandoned and nothing is held

  std::optional<posix::SharedMemory> file_;
  std::vector<std::shared_ptr<const domain::MemoryShare>> shares_;  // of it: one for each time it grew
  std::shared_ptr<const posix::Mapping> header_;
  InboxHead* inbox_ = nullptr;

  // Under cold_mutex_.
  mutable std::mutex cold_mutex_;
  std::atomic<std::uint32_t> slots_{kFirstSlots};  // what the inbox says of it is for publishers, who can write there
  std::optional<domain::Peers> peers_;
  std::shared_ptr<domain::Presence> presence_;
  std::vector<std::shared_ptr<const posix::Mapping>> slot_mappings_;
  std::vector<Reported> reported_;
  std::vector<domain::Peers::Peer> left_;       // publishers that are gone, whose last messages are still to be given
  std::set<domain::PortRef> met_;               // that were connected, are not any more, and whose names stay
  std::uint32_t seen_node_epoch_ = 0;           // when names of publishers that have died were looked for
  bool growth_failed_ = false;                  // of the inbox, and it was said
  ConnectionCounters departed_;                 // sums over connections that have ended
  std::vector<std::unique_ptr<Inlet>> inlets_;  // changed by the consumer

  // The consumer's.
  std::atomic<bool> open_{true};
  std::uint32_t seen_slot_epoch_ = 0;
  std::size_t turn_ = 0;             // the inlet to be asked next
  std::vector<Inlet*> active_;       // W2: of many inlets those that may have something
  bool some_have_husks_ = false;     // some inlet: see Inlet::let_go_of_segments
  bool some_ended_ = false;          // some inlet, which is to be forgotten; or something is unannounced
  std::vector<Event> unannounced_;   // of connections that broke in the middle of a verb
  std::uint32_t until_sampled_ = 1;  // messages, until the latency of one is noted
  std::optional<domain::Sleeper> sleeper_;
  Spin spin_;
  std::optional<posix::Socket> socket_;  // behind fd()
  bool fd_is_quiet_ = false;             // drained, and its bell armed
  bool fd_given_ = false;                // to the user, who polls it

  // The callback.
  std::mutex dispatch_mutex_;             // held while it runs, and while it is changed
  std::atomic<std::uint32_t> wanted_{0};  // how many wait for that mutex
  std::atomic<bool> has_handler_{false};  // W: holder of dispatch_mutex_
  MessageHandler handler_;
  std::optional<MessageHandler> next_handler_;  // set from inside the callback, installed when it returns
  std::shared_ptr<Dispatcher> dispatcher_;

  // What releases on any thread touch.
  std::array<std::atomic<Inlet*>, kMaxSlots> by_slot_{};
  SamplesOut samples_;  // the consumer adds
  domain::Ringer own_ringer_;

  WakerPlace waker_;
  std::uint32_t waker_bell_ = 0;  // what the inbox says of it; 0: nothing
};

}  // namespace baton::shm
