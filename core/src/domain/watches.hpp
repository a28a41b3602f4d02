// The peers that a node keeps an eye on: whether they live, and whether they run. Used by Membership.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/posix/poll.hpp"
#include "domain/registration.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct Watch;

/// Death is news that a pidfd brings, where one can be had, and else the locks, looked at every 100 ms; in both cases
/// the lock decides. A hang is a heartbeat word that does not change: it is told apart from death, and nothing is taken
/// away for it.
class Watches {
 public:
  using Clock = std::chrono::steady_clock;

  Watches(Registration& registration, std::chrono::nanoseconds hung_after);

  /// `page` is the first of the node's file; null if that cannot be opened. Counted. The own node is not watched.
  void add(const NodeId& node, std::shared_ptr<const posix::Mapping> page);
  void remove(const NodeId& node) noexcept;

  Health health(const NodeId& node) const noexcept;

  /// Adds the pidfds to what is waited for. They stay open as long as the result lives.
  class Waiting {
    friend class Watches;
    std::vector<std::pair<std::shared_ptr<Watch>, std::size_t>> watched_;
  };
  Waiting prepare(posix::Poll& poll);

  /// When to look at the locks of those without a pidfd; never, if there is nobody.
  Clock::time_point next_look() const;

  struct Found {
    bool gone = false;    ///< one that was watched is not there any more
    bool reaped = false;  ///< by this look: nobody else knows yet
  };
  /// Looks at the locks of those whose pidfd says that they ended, and of those without one.
  Found look(const Waiting& waiting, const posix::Poll& poll);

  /// Looks at the heartbeats; for each that has stopped or come back an event is added. `after_pause`: this process did
  /// not run for a while itself, so that nobody can be judged by what happened in that time.
  void sample(bool after_pause, std::vector<Event>& events);

 private:
  void not_hung(const NodeId& node) noexcept;

  Registration& registration_;
  const std::chrono::nanoseconds hung_after_;
  mutable std::mutex mutex_;  // guards the map, and what is in it
  std::map<NodeId, std::shared_ptr<Watch>> watches_;
  // The generation of the slot's node while that is hung, else 0. Read without the mutex, by ports that wait.
  std::array<std::atomic<std::uint64_t>, kMaxNodes> hung_{};
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
