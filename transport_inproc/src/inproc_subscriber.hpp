#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/port.hpp"
#include "baton/posix/event_fd.hpp"
#include "baton/samples_out.hpp"
#include "baton/spin.hpp"
#include "baton/thread_check.hpp"
#include "connection.hpp"

namespace baton::inproc {

class Topic;

/// A subscriber's end of a topic: queues of its connections, a bell for its sleeper, and the callback with its role.
/// See the folder's README for the route of a message, the role's states and the edges E1 to E6, W1 and W2.
class InprocSubscriber final : public SubscriberPort, public domain::Kept {
 public:
  explicit InprocSubscriber(const PortRequest& request);

  /// Joins a topic, once, and keeps itself alive until it is abandoned and its last sample released.
  void open(std::shared_ptr<Topic> topic, std::shared_ptr<InprocSubscriber> self);

  // The domain's: tells of drops, congestion and missed deadlines.
  void keep(std::vector<Event>& to_announce) noexcept override;

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

  // What a publisher does with its reader, on the publisher's thread.

  /// Calls the callback with a chunk, if there is a callback that nobody else is running; else returns false.
  bool call(Connection& connection, ChunkHeader* chunk) noexcept {
    if (alone_.load(std::memory_order_relaxed)) {  // a hint, looked at again below
      runner_.store(this_thread(), std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);        // S1: the light half of a membarrier
      const bool alone = alone_.load(std::memory_order_acquire);  // E5 (acquire): what the grant speaks of
      if (alone) [[likely]] {
        call_now(connection, chunk);
      }
      leave_alone();
      if (alone) [[likely]] {
        return true;
      }
    }
    return direct_.load(std::memory_order_acquire) && call_if_free(connection, chunk);
  }

  /// After a push: wakes the sleeper, or has the callback drain the queue. True if a sleeper was rung.
  bool wake() noexcept {
    const std::uint32_t armed = armed_.load(std::memory_order_seq_cst);  // W1: after the push
    return armed != 0 && ring();
  }

  /// Sleeps until the connection has room. False at the deadline, or if only the calling thread itself could make room.
  bool wait_for_room(const Connection& connection, std::chrono::steady_clock::time_point deadline) noexcept;

  /// Something is to be told of one of its connections. Any thread.
  void concern() noexcept {
    if (concern_) concern_->raise();
  }

  // What the topic does, on a joiner's thread, under the topic's mutex.
  void add_connection(std::shared_ptr<Connection> connection, std::vector<Event>& to_announce);
  void tell_last(Connection& connection, std::vector<Event>& to_announce) noexcept;  // what was not told yet of it
  void publisher_left() noexcept;  // after the farewell of one of the connections
  void mark_closed() noexcept;     // tells all publishers that this reader is gone
  const std::shared_ptr<EventQueue>& events() const noexcept { return events_; }

 private:
  // Bits of `armed_`: what a publisher has to do after a push.
  static constexpr std::uint32_t kArmedFutex = 1;
  static constexpr std::uint32_t kArmedFd = 2;
  static constexpr std::uint32_t kArmedCallback = 4;
  static constexpr std::uint32_t kRingingFd = 8;  // the descriptor is about to be signalled
  static constexpr std::uint32_t kArmedSet = 16;  // as long as there is a waker, whose bell says whether it sleeps
  static constexpr std::uint32_t kArmedSemaphore = 32;
  static constexpr std::uint32_t kArmedOnce = kArmedFutex | kArmedFd | kArmedSemaphore;  // who rings clears them
  // Bits of `role_`.
  static constexpr std::uint32_t kRunning = 1;
  static constexpr std::uint32_t kPending = 2;
  static constexpr std::uint32_t kWaiter = 4;

  // inproc_subscriber.cpp: taking and waiting
  void refresh() noexcept;
  void copy_connections() noexcept;
  Chunk pop_next() noexcept;
  bool ready() noexcept;
  void note_sleep() noexcept {  // while a callback is set it is who runs that who counts
    if (!direct_.load(std::memory_order_acquire)) until_sampled_ = 1;
  }
  void sleep_until(std::chrono::steady_clock::time_point deadline) noexcept;
  void sleep_on_bell(std::chrono::steady_clock::time_point deadline) noexcept;
  void sleep_on_descriptor(std::chrono::steady_clock::time_point deadline) noexcept;
  void look_until(std::chrono::steady_clock::time_point deadline) noexcept;
  Result<void> open_descriptor();
  bool has_descriptor() noexcept;
  bool rearm_fd() noexcept;
  void signal_fd() noexcept;
  TakeStatus forget_departed() noexcept;
  std::vector<std::shared_ptr<Connection>> remove_departed(std::vector<Event>& to_announce);
  bool tell_of(Connection& connection, std::vector<Event>& to_announce) noexcept;
  bool ring() noexcept;
  bool wake_sleeper() noexcept;
  void give_back(Connection& connection, ChunkHeader* chunk) noexcept;
  void count_down_to_sample(const Connection& connection, const ChunkHeader& chunk) noexcept {
    if (--until_sampled_ == 0) [[unlikely]]
      sample_latency(connection, chunk);
  }
  void note_depth(Connection& connection, std::uint64_t queued) noexcept {
    if (queued > connection.high_water.load(std::memory_order_relaxed)) [[unlikely]]  // a figure of this writer
      connection.high_water.store(queued, std::memory_order_relaxed);
  }
  bool has_young(Connection& connection) noexcept;
  void drop_expired(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept;
  void count_expired(Connection& connection, std::uint64_t missed) noexcept;
  [[gnu::noinline]] Chunk lend_if_young(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept;
  [[gnu::noinline]] void sample_latency(const Connection& connection, const ChunkHeader& chunk) noexcept;
  void free_self() noexcept;

  // callback_role.cpp: the callback
  void leave_alone() noexcept {
    runner_.store(0, std::memory_order_release);          // E5 (release)
    std::atomic_signal_fence(std::memory_order_seq_cst);  // S1
    if (!alone_.load(std::memory_order_relaxed)) [[unlikely]] {
      after_revocation();
    }
  }
  void after_revocation() noexcept;
  void update_alone() noexcept;
  void bar_alone() noexcept;
  void unbar_alone() noexcept;
  bool call_if_free(Connection& connection, ChunkHeader* chunk) noexcept;
  /// With what was not queued. Who runs the callback.
  void call_now(Connection& connection, ChunkHeader* chunk) noexcept {
    const std::uint64_t missed = connection.count_missed(chunk->sequence);
    if (connection.lifespan_ns == 0) [[likely]] {
      invoke(connection, chunk, missed);
    } else {
      invoke_if_young(connection, chunk, missed);
    }
    add(connection.called);
  }
  void request_drain() noexcept;
  void acquire_role() noexcept;
  void give_up_role() noexcept;
  void finish_role() noexcept;
  void drain() noexcept;
  void invoke(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept;
  [[gnu::noinline]] void invoke_if_young(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept;
  void report_failure() noexcept;
  void install_handler(MessageHandler handler) noexcept;
  void set_handler(MessageHandler handler) noexcept;
  bool runs_here() const noexcept { return runner_.load(std::memory_order_relaxed) == this_thread(); }  // own value
  ThreadCheck::Verb checks(const char* verb) const noexcept {
    return {check_, verb, announcement_, ThreadCheck::kActive && runs_here()};
  }

  const PortAnnouncement announcement_;
  [[no_unique_address]] const ThreadCheck check_{};
  const std::uint32_t max_held_;
  const std::shared_ptr<EventQueue> events_;
  std::shared_ptr<Topic> topic_;
  std::shared_ptr<domain::Presence> presence_;  // until the port has left the topic
  std::shared_ptr<InprocSubscriber> self_;      // reset when abandoned and nothing is held

  const std::shared_ptr<domain::PortFile> page_;  // of the port's file, if it has one
  domain::SubscriberFigures& figures_;            // in there

  // The keeper's; none without a domain.
  const std::shared_ptr<domain::Member> member_;
  const std::uint32_t bucket_;
  std::optional<domain::Concern> concern_;

  // The list of connections, as joiners see it.
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Connection>> connections_;
  ConnectionCounters departed_;          // sums over connections that have ended
  std::uint32_t alone_bars_ = 0;         // reasons why `alone_` must not be granted now
  std::atomic<std::uint32_t> epoch_{0};  // E6; bumped under the mutex with every change

  // The consumer's: of the user's thread, or, while a callback is set, of who has the role.
  std::vector<std::shared_ptr<Connection>> active_;  // a copy of `connections_` as of `seen_epoch_`
  std::uint32_t seen_epoch_ = 0;
  std::size_t turn_ = 0;             // the connection to be asked next
  std::uint32_t until_sampled_ = 1;  // messages, until the latency of one is noted
  Spin spin_;
  std::optional<posix::EventFd> event_fd_;

  // The callback.
  alignas(64) std::atomic<std::uint32_t> role_{0};  // E5
  std::atomic<bool> alone_{false};                  // S1; a callback is set and has one publisher; W: under the mutex
  std::atomic<bool> direct_{false};                 // whether a callback is set; W: holder of the role
  std::atomic<std::uintptr_t> runner_{0};           // S1; the thread that runs the callback
  std::atomic<std::uint32_t> idle_{0};              // the futex of who waits for a call that began alone
  MessageHandler handler_;                          // of the holder of the role
  std::optional<MessageHandler> next_handler_;      // set from inside the callback, installed when it returns

  // The bell. On a line of its own: publishers look at `armed_` after every push.
  alignas(64) std::atomic<std::uint32_t> armed_{0};  // W1; set by the reader, cleared by who rings
  std::atomic<std::uint32_t> bell_{0};               // the sleeper's futex: bumped by each ring
  ::sem_t semaphore_{};                              // of a sleeper who does not use that
  WakerPlace waker_;                                 // of a wait set, which has a bell of its own
  std::atomic<bool> closed_{false};                  // W: the user's thread, once

  // What releases on any thread touch.
  SamplesOut samples_;                          // the consumer adds
  std::atomic<std::uint32_t> room_waiters_{0};  // W2
  std::atomic<std::uint32_t> room_{0};          // the futex of publishers that wait for room
};

}  // namespace baton::inproc
