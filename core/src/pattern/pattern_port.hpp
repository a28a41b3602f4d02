// The subscriber of one type on all topics that fit a pattern, as the typed API sees it: one port.
//
// Roles:      the *consumer*, who takes: the user's thread, or, while a callback is set, the port's own thread; any
//             thread, with `release` and what else concerns a taken chunk.
// A sample:   has a record, which says from which topic's port it is. A chunk's token is the record's index, so the way
//             back is two loads. There are `max_held` records: they are the limit of what is held.
// Hand-over:  dispatch_mutex_: who changes the callback comes after the call under way, and the consumer's state
//             goes from one thread to the other with it. handling_ is the last that is changed when a callback ends:
//             from then on the consumer is the user's thread.
// Inside:     The verbs of topics' ports call the callbacks of events, and the thread calls the user's: both may call
//             any verb. What these cannot carry out inside of another verb (a change of the callback, the end of the
//             port) is done when the outermost one is over: `settle`, or `change_handler` on the port's thread.
// Edges:      R1: a record is written by the consumer, and pushed by who releases, with release; the consumer takes
//             them all, with acquire. L1: "limit_reached_ set, then looked for records" and "record pushed, then looked
//             at limit_reached_" are seq_cst, so one sees the other, and nobody sleeps at a limit that is none.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "baton/domain/figures.hpp"
#include "baton/port.hpp"
#include "baton/posix/epoll.hpp"
#include "baton/thread_check.hpp"
#include "pattern/topic_ports.hpp"

namespace baton {
inline namespace v1 {

class PatternPort final : public SubscriberPort {
 public:
  /// `announcement` says what the port is like; the ports of its topics announce themselves. `member` is the node's,
  /// and null where none of its transports reaches further than the process.
  static SubscriberPortHandle open(PortAnnouncement announcement, std::unique_ptr<TopicPorts> ports,
                                   std::shared_ptr<domain::Member> member);

  Chunk take() noexcept override;
  void release(Chunk chunk) noexcept override;
  SampleInfo info(Chunk chunk) const noexcept override;
  std::size_t capacity(Chunk chunk) const noexcept override;
  std::size_t bytes(Chunk chunk) const noexcept override;
  void report_damaged(Chunk chunk) noexcept override;
  WaitStatus wait(std::chrono::nanoseconds timeout) noexcept override;
  Result<int> fd() override;
  Attachment attach(std::shared_ptr<Waker> waker) override;
  void detach() noexcept override { waker_.clear(); }
  std::shared_ptr<domain::Member> member() const noexcept override { return member_; }
  void on_message(MessageHandler handler) override;
  const PortAnnouncement& announcement() const noexcept override { return announcement_; }
  SubscriberCounters counters() const override;
  std::size_t connection_count() const noexcept override { return ports_->connection_count(); }
  bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept override;
  std::vector<std::string> audit() const override;
  void close() noexcept override;
  void abandon() noexcept override;

 private:
  using Clock = TopicPorts::Clock;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// Where a taken chunk is from, or a free place in one of two lists.
  struct Record {
    SubscriberPort* port = nullptr;
    std::uint64_t token = 0;
    std::uint32_t next = kNone;
  };
  /// What the descriptor shows: nothing while a callback is set, only what makes room at the limit.
  enum class Shown : std::uint8_t { nothing, signal, everything };

  /// Marks the calling thread as inside a verb of the consumer.
  class Inside {
   public:
    explicit Inside(PatternPort& port) noexcept : port_(port), outermost_(!port.is_inside_here()) {
      // relaxed: compared only by the thread that it names
      if (outermost_) port_.inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    ~Inside() {
      if (outermost_) port_.inside_.store({}, std::memory_order_relaxed);
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    PatternPort& port_;
    const bool outermost_;
  };

  PatternPort(PortAnnouncement announcement, std::unique_ptr<TopicPorts> ports, std::shared_ptr<domain::Member> member);
  ~PatternPort() = default;

  // pattern_port.cpp: the way of a message
  Chunk take_next() noexcept;
  void sample_latency(const SampleInfo& about) noexcept;
  void undo(Chunk chunk) noexcept;
  bool has_room() noexcept;
  void look_first() noexcept;
  std::optional<WaitStatus> wait_once(Clock::time_point deadline) noexcept;
  Result<int> source() noexcept;
  void show(Shown shown) noexcept;
  bool keep_node() noexcept;
  void shut() noexcept;
  bool settle() noexcept;
  void finish() noexcept;
  bool is_open() const noexcept { return open_.load(std::memory_order_acquire) && !in_child(); }
  bool is_handling() const noexcept { return handling_.load(std::memory_order_acquire) != 0; }
  bool is_inside_here() const noexcept {
    return inside_.load(std::memory_order_relaxed) == std::this_thread::get_id();  // own id only
  }
  bool in_child() const noexcept { return ports_->in_child(); }
  Chunk inner(Chunk chunk) const noexcept { return {chunk.payload, records_[chunk.token].token}; }

  // pattern_callback.cpp: the callback, and the thread that calls it
  struct Former {
    MessageHandler handler;
    std::optional<MessageHandler> never_installed;
  };
  bool start_thread() noexcept;
  void end_thread() noexcept;
  bool is_on_thread() const noexcept;
  ThreadCheck::Verb checks(const char* verb) const noexcept {
    return {check_, verb, announcement_, ThreadCheck::kActive && is_on_thread()};
  }
  void finish_on_thread() const noexcept;
  void run() noexcept;
  bool dispatch(Former& former) noexcept;
  void change_handler(Former& former) noexcept;
  MessageHandler install(MessageHandler handler) noexcept;
  void invoke(Chunk chunk) noexcept;
  void report_failure() noexcept;
  std::unique_lock<std::mutex> hold_callback() noexcept;

  const PortAnnouncement announcement_;
  [[no_unique_address]] const ThreadCheck check_{};
  const std::shared_ptr<domain::Member> member_;
  const std::unique_ptr<TopicPorts> ports_;
  const std::unique_ptr<Record[]> records_;

  // The consumer's.
  std::uint32_t free_ = 0;                 // records that are free, as a list
  std::atomic<std::uint64_t> samples_{0};  // handed out in all; read as a figure
  std::uint32_t until_sampled_ = 1;        // messages, until the latency of one is noted
  bool looked_ = false;                    // for topics, for the first time
  bool limited_ = false;                   // `max_held` samples were held at the last look
  bool unsettled_ = false;                 // something waits for the end of the outermost verb
  bool abandoned_ = false;                 // from inside of one
  bool abandoned_on_thread_ = false;       // from the port's own thread; W: that
  std::optional<MessageHandler> next_handler_;
  // The user's thread's.
  bool keeping_ = false;            // the node, in which the callbacks of events are called
  bool finish_after_keep_ = false;  // one of these has abandoned the port

  int source_ = -1;  // the descriptor of all ports, once somebody waits

  std::atomic<std::thread::id> inside_{};
  std::atomic<bool> open_{true};
  std::mutex descriptor_mutex_;
  std::optional<posix::Epoll> descriptor_;  // the user's: of `source_`, the signal, or nothing
  Shown shown_ = Shown::nothing;

  // The callback.
  std::mutex dispatch_mutex_;               // held while it runs, and while it is changed
  std::atomic<std::uint32_t> wanted_{0};    // how many wait for that mutex
  std::condition_variable changed_;         // there is a handler, or the end
  std::atomic<std::uint32_t> handling_{0};  // 1 while there is one; a futex
  MessageHandler handler_;
  std::thread thread_;

  domain::SubscriberFigures figures_{};
  WakerPlace waker_;

  // What releases on any thread touch.
  alignas(64) std::atomic<std::uint32_t> returned_{kNone};  // records, as a list
  std::atomic<bool> limit_reached_{false};                  // a release must raise the signal
  std::atomic<std::int64_t> outstanding_{0};                // counts releases up; see `finish`
};

}  // namespace v1
}  // namespace baton
