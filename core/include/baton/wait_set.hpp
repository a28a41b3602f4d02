#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "baton/error.hpp"
#include "baton/event.hpp"
#include "baton/export.hpp"
#include "baton/generic.hpp"
#include "baton/sample.hpp"
#include "baton/subscriber.hpp"
#include "baton/timeout.hpp"
#include "baton/waker.hpp"

namespace baton {
inline namespace v1 {

class Node;

/// Waits for many things at once, and handles what comes: subscribers of any transport, timers, a node's events, and
/// descriptors of files, sockets and the like. Made by `Node::wait_set`.
///
/// Each thing has a handler, which `wait` and `spin` call on the thread that calls them, one at a time and each that is
/// ready in turn, so that none keeps another one waiting for more than its own time. A thing that is still ready
/// afterwards is handled again by the next call. An exception that leaves a handler is logged.
///
/// For one thread at a time, with all subscribers that are in it: they are used, closed and destroyed on the thread
/// that waits, its handlers included, or while nobody waits. `stop` may be called by any thread and by signal handlers.
/// A handler may add and remove things, its own too, and destroy the set. Destroyed by another thread while it is
/// waited for, the set ends that wait first: `closed`.
class BATON_API WaitSet {
 public:
  using Id = std::uint64_t;  ///< of a thing in the set; never used again
  using Clock = std::chrono::steady_clock;

  /// So many messages of a subscriber are handled at most before others have their turn.
  static constexpr unsigned kBatch = 64;

  WaitSet(WaitSet&& other) noexcept;
  WaitSet& operator=(WaitSet&& other) noexcept;
  ~WaitSet();

  /// Has `handler` called when there is something to take: with each sample, if it takes a `const Sample<T>&`, or a
  /// `Sample<T>` to keep; or without anything, to take itself. The latter may be called though there is nothing to
  /// take. Until it is removed, the set or the subscriber destroyed, or the subscriber closed; the subscriber may be
  /// moved. Its `wait` still works meanwhile; its `fd` and `on_message` do not.
  ///
  /// Fails for a subscriber that is closed (`Errc::closed`), or in another set or has a callback (`in_use`).
  template <Message T, class Handler>
  [[nodiscard]] Result<Id> add(Subscriber<T>& subscriber, Handler handler) {
    SubscriberPort* const port = subscriber.port_.get();
    const std::string& topic = port->announcement().topic;
    if constexpr (std::invocable<Handler&, Sample<T>>) {
      return add_waitable(*port, topic, shared([port, function = std::move(handler)]() mutable {
        Sample<T> sample = Subscriber<T>::take_from(port);
        if (!sample) return false;
        std::invoke(function, std::move(sample));
        return true;
      }));
    } else {
      static_assert(std::invocable<Handler&>, "the handler takes a const Sample<T>&, a Sample<T>, or nothing");
      return add_waitable(*port, topic, shared([function = std::move(handler)]() mutable {
        std::invoke(function);
        return false;
      }));
    }
  }

  /// The same for one of any type; `handler` takes nothing, and takes samples itself.
  [[nodiscard]] Result<Id> add(GenericSubscriber& subscriber, std::function<void()> handler);

  /// Has `handler` called every `period`, first after one; with how many periods are over since the call before, if it
  /// takes a number: calls that come too late are not made up for. At least 1 us.
  template <class Rep, class Period, class Handler>
  [[nodiscard]] Result<Id> add_timer(std::chrono::duration<Rep, Period> period, Handler handler) {
    const std::chrono::nanoseconds each = std::min(to_timeout(period), kLongestPeriod);
    return add_clock(Clock::now() + each, each, counting(std::move(handler)));
  }

  /// Has `handler` called once, at that time, or at once if it is over.
  template <class Handler>
  [[nodiscard]] Result<Id> add_deadline(Clock::time_point when, Handler handler) {
    return add_clock(when, std::nullopt, counting(std::move(handler)));
  }

  /// Has `handler` take the node's events, in place of `Node::take_event`: those that wait, and all that come. Fails if
  /// another set does (`Errc::in_use`).
  [[nodiscard]] Result<Id> add_events(const Node& node, std::function<void(const Event&)> handler);

  /// Has `handler` called with what `poll` says of a descriptor, while it says any of `events` (POLLIN, POLLOUT, ...),
  /// or an error. The descriptor stays the caller's, and open until it is removed: one that is not open is removed, and
  /// its handler told POLLNVAL. The first one makes the set sleep in `poll`, which costs more than a futex.
  [[nodiscard]] Result<Id> add_descriptor(int descriptor, short events, std::function<void(short)> handler);

  /// Takes it out; its handler is not called any more. Fine if it is not there.
  void remove(Id id) noexcept;

  /// How many things are in the set.
  std::size_t size() const noexcept;

  /// Sleeps until something is ready, or `timeout` is over, and calls the handlers of what is ready. Zero or less only
  /// looks; the duration's `max()` waits for ever. `ready` if a handler was called; `closed` after `stop`, or if the
  /// set is destroyed meanwhile, or is already waited for.
  template <class Rep, class Period>
  WaitResult wait(std::chrono::duration<Rep, Period> timeout) noexcept {
    return WaitResult(wait_for(to_timeout(timeout)));
  }

  /// Waits again and again, until `stop`.
  void spin() noexcept {
    while (wait(std::chrono::nanoseconds::max()).status() != WaitStatus::closed) {
    }
  }

  /// Ends the `wait` or `spin` under way, or else the next one. Any thread; signal handlers.
  void stop() noexcept;

 private:
  class State;

 public:
  /// The set, as its tasks know it (baton/coroutine.hpp): it may be moved, and destroyed. Of the set's thread.
  class BATON_API Place {
   public:
    /// When `take` is true, takes the waitable out and calls `go_on`. Errors as of `add`, or `Errc::closed` if the set
    /// is gone. Neither is called after that.
    Result<void> add_once(SubscriberPort& port, std::function<bool()> take, std::function<void()> go_on) const;
    /// False if the set is gone.
    bool add_deadline(Clock::time_point when, std::function<void()> go_on) const;

   private:
    friend class WaitSet;
    std::weak_ptr<State> state_;
  };
  Place place() const noexcept;

 private:
  friend class Node;

  explicit WaitSet(std::shared_ptr<State> state) noexcept;

  /// What std::function does not take: a function that cannot be copied.
  template <class Function>
  static auto shared(Function function) {
    return
        [held = std::make_shared<Function>(std::move(function))](auto... arguments) { return (*held)(arguments...); };
  }

  template <class Handler>
  static std::function<void(std::uint64_t)> counting(Handler handler) {
    if constexpr (std::invocable<Handler&, std::uint64_t>) {
      return shared([function = std::move(handler)](std::uint64_t periods) mutable { std::invoke(function, periods); });
    } else {
      static_assert(std::invocable<Handler&>, "the handler takes a std::uint64_t, or nothing");
      return shared([function = std::move(handler)](std::uint64_t /*periods*/) mutable { std::invoke(function); });
    }
  }

  /// A longer one is no other for anybody, and time points must not overflow.
  static constexpr std::chrono::nanoseconds kLongestPeriod = std::chrono::hours(24 * 365 * 10);

  /// `handler` says whether there may be more.
  Result<Id> add_waitable(Waitable& waitable, const std::string& topic, std::function<bool()> handler);
  Result<Id> add_clock(Clock::time_point first, std::optional<std::chrono::nanoseconds> period,
                       std::function<void(std::uint64_t)> handler);
  WaitStatus wait_for(std::chrono::nanoseconds timeout) noexcept;

  std::shared_ptr<State> state_;
};

template <Message T>
template <class Callback>
Result<std::uint64_t> Subscriber<T>::on_message(Callback callback, WaitSet& set) {
  return set.add(*this, std::move(callback));
}

}  // namespace v1
}  // namespace baton
