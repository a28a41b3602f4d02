#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "baton/port.hpp"
#include "baton/sample.hpp"
#include "baton/timeout.hpp"

namespace baton {
inline namespace v1 {

class Node;
class WaitSet;
template <Message T>
class NextSample;

/// The outcome of a wait; true if there is something to take.
class WaitResult {
 public:
  explicit WaitResult(WaitStatus status) noexcept : status_(status) {}

  WaitStatus status() const noexcept { return status_; }
  explicit operator bool() const noexcept { return status_ == WaitStatus::ready; }

  friend bool operator==(WaitResult result, WaitStatus status) noexcept { return result.status_ == status; }

 private:
  WaitStatus status_;
};

/// Receives the messages of one type on one topic. Made by `Node::subscriber`; for one thread at a time (samples may
/// be released on any). One that was moved from may only be destroyed or assigned to.
///
/// One of a pattern has a queue for each topic, and takes from each topic in turn. `max_held` is of all topics
/// together, and of each topic's connections. A callback is called on a thread of the subscriber's own.
template <Message T>
class Subscriber {
 public:
  /// The next message, from each connected publisher in turn; empty if there is none, if `max_held` samples are held,
  /// or after `close`: see `Sample::status`.
  Sample<T> take() noexcept { return take_from(port_.get()); }

  /// Sleeps until there is something to take, or `timeout` is over. Zero or less only looks; the duration's `max()`
  /// waits for ever. Never ready while `max_held` samples are held.
  template <class Rep, class Period>
  WaitResult wait(std::chrono::duration<Rep, Period> timeout) noexcept {
    return WaitResult(port_->wait(to_timeout(timeout)));
  }

  /// A descriptor for epoll, poll or select: readable from when there is something to take until a `take` finds
  /// nothing. It belongs to the subscriber: do not read or close it.
  [[nodiscard]] Result<int> fd() { return port_->fd(); }

  /// Has `callback(const Sample<T>&)` called for every message, those queued already first. `take` finds nothing from
  /// then on. Calls never overlap. The sample is valid during the call. An exception that leaves the callback is
  /// logged and counted, and the next message is delivered. The transport decides which thread calls; in process it is
  /// the publishing one; of a pattern it is one of the subscriber's own, which also connects new topics, and which
  /// waits while `max_held` samples are held. Destroying the subscriber waits for a running call, except from inside
  /// it. An empty std::function is no callback.
  template <std::invocable<const Sample<T>&> Callback>
  void on_message(Callback callback) {
    if constexpr (std::is_same_v<Callback, std::function<void(const Sample<T>&)>> || std::is_pointer_v<Callback>) {
      if (callback == nullptr) return on_message(nullptr);
    }
    SubscriberPort* const port = port_.get();
    port_->on_message([port, function = std::move(callback)](Chunk chunk) mutable {
      if (const auto message = Sample<T>::open(*port, chunk)) [[likely]]
        std::invoke(function, Sample<T>(port, chunk, true, *message));
    });
  }

  /// Has `callback` called by who waits for `set`, for every message: `set.add(*this, callback)`. A program that wants
  /// all its callbacks on one thread gives them one set, for example that of `Node::executor`.
  template <class Callback>
  [[nodiscard]] Result<std::uint64_t> on_message(Callback callback, WaitSet& set);

  /// In a task of a wait set (baton/coroutine.hpp), `co_await subscriber.next()` is the next message, for which the
  /// task waits; empty once the subscriber is closed. One task at a time, and not while the subscriber is in a wait
  /// set.
  NextSample<T> next() noexcept;

  /// Ends the callback: messages are queued again.
  void on_message(std::nullptr_t) { port_->on_message(nullptr); }

  /// The topic's name, or the pattern.
  std::string_view topic() const noexcept { return port_->announcement().topic; }
  /// The transport's name; of a pattern "auto", for each topic has its publishers'.
  std::string_view transport() const noexcept { return port_->announcement().transport; }
  /// Of a pattern: of all topics, those that are gone included; the connections' peers are called "node on topic".
  SubscriberCounters counters() const { return port_->counters(); }

  /// Publishers connected now.
  std::size_t publisher_count() const noexcept { return port_->connection_count(); }

  /// Whether the subscriber's books agree with each other and with what it shares with its publishers: as
  /// `Publisher::audit`. Not while a callback is set.
  std::vector<std::string> audit() const { return port_->audit(); }

  /// Sleeps until at least `count` publishers are connected at the same time: true. False when `timeout` is over, or
  /// the subscriber is closed. Zero or less only looks; the duration's `max()` waits for ever. A node without a keeper
  /// is kept meanwhile: see `Node::keep`.
  template <class Rep, class Period>
  bool wait_for_publishers(std::size_t count, std::chrono::duration<Rep, Period> timeout) noexcept {
    return port_->wait_for_connections(count, to_timeout(timeout));
  }

  /// Disconnects and drops what is queued. Samples already taken stay valid.
  void close() noexcept { port_->close(); }

 private:
  friend class Node;
  friend class WaitSet;
  friend class NextSample<T>;

  explicit Subscriber(SubscriberPortHandle port) noexcept : port_(std::move(port)) {}

  static Sample<T> take_from(SubscriberPort* port) noexcept {
    while (true) {
      const Chunk chunk = port->take();
      if (!chunk) return Sample<T>(chunk.reason<TakeStatus>());
      if (const auto message = Sample<T>::open(*port, chunk)) [[likely]]
        return Sample<T>(port, chunk, false, *message);
      port->release(chunk);
    }
  }

  SubscriberPortHandle port_;
};

}  // namespace v1
}  // namespace baton
