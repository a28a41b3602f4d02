// The ports that follow a pattern: one for each topic, type and transport that somebody publishes and that is wanted,
// opened and closed as publishers come and go. Used by the generic subscriber, and by the subscriber of one type
// (PatternPort), which differ in what they want and what they make of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "baton/port.hpp"
#include "baton/posix/epoll.hpp"
#include "baton/posix/event_fd.hpp"
#include "baton/type_description.hpp"
#include "domain/process.hpp"

namespace baton {
inline namespace v1 {

/// For one thread at a time, but for what says otherwise. The verbs of ports call the callbacks of events, and these
/// may call the verbs here: nothing that a verb walks is taken away then. Destroyed outside of all verbs. In a forked
/// child it is closed, and does nothing to what it shares with the parent: descriptors, and what they belong to.
class TopicPorts {
 public:
  using Clock = std::chrono::steady_clock;

  struct Key {
    std::string topic;
    std::string transport;
    std::array<std::uint8_t, 16> fingerprint;

    auto operator<=>(const Key&) const = default;
  };
  struct Port {
    SubscriberPortHandle handle;
    std::shared_ptr<const TypeDescription> description = {};  ///< null where the type is known
  };

  /// What is wanted of the topics that fit.
  class Opener {
   public:
    /// The type of the port that receives from such a publisher, or nothing if none does.
    virtual std::optional<Fingerprint> type_for(const PortAnnouncement& publisher) = 0;
    virtual Result<Port> open(const PortAnnouncement& publisher) = 0;
    virtual ~Opener() = default;
  };

  /// A chunk that was taken from one of the ports, which lives until it is released; or a refusal.
  struct Taken {
    SubscriberPort* port = nullptr;
    Chunk chunk = Chunk::refusal(TakeStatus::empty);
    std::shared_ptr<const TypeDescription> description = {};

    explicit operator bool() const noexcept { return port != nullptr; }
  };

  static Result<std::unique_ptr<TopicPorts>> make(std::string node, std::string pattern,
                                                  std::unique_ptr<Opener> opener);

  /// Before the first look: where publishers are looked for. `watch` is given what is to be called when there may be
  /// others.
  using Watch = std::function<Result<std::unique_ptr<PublisherDirectory>>(std::function<void()> changed)>;
  Result<void> add_directory(const Watch& watch);

  /// The next message, of each port in turn. New ports are opened first, if there may be any.
  Taken take() noexcept;

  /// Makes it what `take` gives next. Only what `take` has just given.
  void put_back(Taken taken) noexcept;

  /// One look and, if there is nothing to take, one sleep. Nothing: something may have happened meanwhile.
  std::optional<WaitStatus> wait_once(Clock::time_point deadline) noexcept;

  /// Readable while there may be something for `take`; quiet after one that found nothing.
  Result<int> fd();

  /// Readable from `raise` until a `take` or `hear`.
  int signal_fd() const noexcept { return signal_->wake.fd().get(); }
  /// Any thread.
  void raise() noexcept { signal_->raise(); }
  /// Makes `signal_fd` quiet. What it may have meant is looked at by the next `take`.
  void hear() noexcept;

  /// When a sleeper has to look again although nothing tells it to; `max()` if never.
  Clock::time_point next_look() const noexcept;

  /// Asks the directories, and opens and closes ports. True if one was opened.
  bool look() noexcept;

  /// Calls `function(key, port)` for each port.
  template <class Function>
  void for_each(Function function) {
    const Verb verb(*this);
    look();
    for (const auto& [key, port] : ports_) {
      if (is_closed()) break;
      function(key, port);
    }
  }

  bool is_empty() const noexcept { return ports_.empty(); }
  bool is_closed() const noexcept { return closed_ || in_child(); }
  /// Whether it belongs to the process that this one was forked from. Cheap. relaxed: set before `fork` returns.
  bool in_child() const noexcept { return signal_->forked.load(std::memory_order_relaxed); }
  const std::string& pattern() const noexcept { return pattern_; }

  /// Of all ports, those that are gone included; peers are called "node on topic". Any thread.
  SubscriberCounters counters() const;
  /// Of all ports. Any thread.
  std::size_t connection_count() const noexcept;
  /// Of all ports, as theirs.
  std::vector<std::string> audit() const;

  /// Disconnects. What was taken stays.
  void close() noexcept;

 private:
  /// Shared with the directories, which call from other threads.
  struct Signal final : private domain::ForkAware {
    explicit Signal(posix::EventFd made) : wake(std::move(made)) { enlist(); }
    ~Signal() { delist(); }

    /// Whoever raises first signals, once, and nobody lowers before that is done: so the descriptor is readable
    /// whenever the signal is up, and stays quiet when it has been lowered. S1: all change `state` by
    /// read-modify-write, so that who lowers comes after those whom he spared the signalling, and finds what they had
    /// stored.
    void raise() noexcept {
      if (forked.load(std::memory_order_relaxed)) return;
      if ((state.fetch_or(kRaised, std::memory_order_acq_rel) & kRaised) != 0) return;  // S1
      wake.signal();
      state.fetch_or(kSignalled, std::memory_order_release);  // the descriptor before
    }

    /// True if it was raised; quiet again then, unless the signalling is still under way.
    bool lower() noexcept {
      if (forked.load(std::memory_order_relaxed)) return false;
      const std::uint32_t seen = state.load(std::memory_order_acquire);  // the descriptor is to be read after
      if (seen == 0) return false;                                       // a hint: the next call sees it
      if ((seen & kSignalled) == 0) return true;
      wake.drain();
      state.exchange(0, std::memory_order_acq_rel);  // S1
      return true;
    }

    void in_child() noexcept override { forked.store(true, std::memory_order_relaxed); }

    static constexpr std::uint32_t kRaised = 1;
    static constexpr std::uint32_t kSignalled = 2;  // and the descriptor can be read

    std::atomic<std::uint32_t> state{0};
    std::atomic<bool> forked{false};  // the descriptor is the parent's
    posix::EventFd wake;
  };
  struct Directory {
    std::unique_ptr<PublisherDirectory> directory;
    std::vector<std::shared_ptr<const PortAnnouncement>> found;
  };
  /// A publisher that fits, and the port that it is for.
  struct Wanted {
    Key key;
    std::shared_ptr<const PortAnnouncement> publisher;
  };

  TopicPorts(std::string node, std::string pattern, std::unique_ptr<Opener> opener, std::shared_ptr<Signal> signal)
      : node_(std::move(node)), pattern_(std::move(pattern)), opener_(std::move(opener)), signal_(std::move(signal)) {
    pending_.reserve(16);
  }

  class Verb {
   public:
    explicit Verb(TopicPorts& ports) noexcept : ports_(ports) { ++ports_.nesting_; }
    ~Verb() {
      if (--ports_.nesting_ == 0 && ports_.closed_ && !ports_.in_child()) ports_.clear();
    }
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;

   private:
    TopicPorts& ports_;
  };

  Taken take_known(TakeStatus& status) noexcept;
  Taken take_pending() noexcept;
  void look_if_due() noexcept;
  bool ready() noexcept;
  std::vector<Wanted> wanted();
  bool open_new(const std::vector<Wanted>& wanted);
  void close_old(const std::vector<Wanted>& wanted);
  void close_all(std::vector<Port> ports) noexcept;
  void clear() noexcept;
  void count_departed(const Port& port);
  Result<void> watch(const Port& port);
  void unwatch(const Port& port) noexcept;

  const std::string node_;
  const std::string pattern_;
  const std::unique_ptr<Opener> opener_;
  const std::shared_ptr<Signal> signal_;
  std::vector<Directory> directories_;

  mutable std::mutex mutex_;  // held when what follows is changed, and by who reads it on another thread
  std::map<Key, Port> ports_;
  SubscriberCounters departed_;  // sums over ports that are gone

  std::map<Key, Port>::iterator turn_ = ports_.end();  // to be asked next
  // By which no port could be opened, why, and that was said; and those that are not wanted, which was said, too.
  std::map<std::shared_ptr<const PortAnnouncement>, Errc> failed_;
  std::set<std::shared_ptr<const PortAnnouncement>> passed_by_;
  // Found by waits, to know that there is something: by one, and by those that callbacks called inside of it. Has room
  // for more of these than there are.
  std::vector<Taken> pending_;
  std::optional<posix::Epoll> epoll_;  // of the signal and all ports, once somebody waits
  bool look_is_due_ = true;
  bool leftovers_ = false;  // of a port whose publishers are gone
  bool again_ = false;      // one may be opened now for which there was no room
  bool closed_ = false;
  std::uint32_t nesting_ = 0;  // of verbs, which an event's callback may call inside of another one
};

/// Sleeps until the descriptor can be read, the deadline at most.
void sleep_on(int fd, TopicPorts::Clock::time_point deadline, const std::string& node) noexcept;

}  // namespace v1
}  // namespace baton
