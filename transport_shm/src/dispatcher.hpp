#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "baton/domain/bell.hpp"
#include "baton/domain/member.hpp"

namespace baton::shm {

/// Something that has messages to be handled.
class Dispatched {
 public:
  /// Handles some of what is queued. True if there may be more.
  virtual bool dispatch() noexcept = 0;

 protected:
  ~Dispatched() = default;
};

/// The thread that runs the callbacks of a node's subscribers, one at a time. It sleeps on a bell of the node's file,
/// which the subscribers' inboxes name. Made when the first callback is set, gone with the last subscriber that has had
/// one.
class Dispatcher {
 public:
  /// The node's dispatcher; null, with a line in the log, if there can be none.
  static std::shared_ptr<Dispatcher> of(const std::shared_ptr<domain::Member>& member);

  Dispatcher(std::shared_ptr<domain::Member> member, domain::Member::NodeView view, std::uint32_t bell);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// What an inbox says to have this dispatcher rung.
  std::uint32_t bell_name() const noexcept { return state_->bell + 1; }

  void add(std::shared_ptr<Dispatched> dispatched);

  /// Afterwards nothing here refers to it. Waits for a call under way, except from inside it.
  void remove(const Dispatched& dispatched) noexcept;

  /// Has it look at its subscribers.
  void wake() noexcept { domain::ring_futex(*state_->view.bell(state_->bell)); }

  /// Whether the calling thread runs callbacks of that port's node: what is queued for one of them, nobody else takes.
  static bool serves_here(const domain::PortRef& port) noexcept;

  /// What the calling thread is dispatching just now, or null.
  static const Dispatched* running_here() noexcept;

  /// The callback that the calling thread runs has closed its own port: the rest of its end, leaving the domain
  /// perhaps, is left to this thread, and a process that ends waits for it.
  static void finish_here() noexcept;

 private:
  /// What the thread needs; it may outlive the dispatcher when a callback destroys that. It does not keep the node in
  /// its domain: whoever ends the last port and node in the main thread has left when that returns.
  struct State {
    domain::NodeId node;
    domain::Member::NodeView view;
    std::uint32_t bell = 0;
    bool keeper = true;
    std::atomic<bool> stop{false};
    std::mutex mutex;
    std::vector<std::shared_ptr<Dispatched>> list;
    const Dispatched* current = nullptr;  // the thread may hold a reference to it
    std::condition_variable moved_on;
  };

  static void run(const std::shared_ptr<State>& state) noexcept;
  static bool dispatch_all(State& state) noexcept;

  const std::shared_ptr<domain::Member> member_;
  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace baton::shm
