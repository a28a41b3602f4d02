#pragma once

// Ports for types that the program was not built with: for bridges, recorders and tools. See docs/generic.md.

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "baton/json.hpp"
#include "baton/port.hpp"
#include "baton/subscriber.hpp"
#include "baton/timeout.hpp"
#include "baton/type_description.hpp"

namespace baton {
inline namespace v1 {

class Node;

/// A chunk that a generic publisher is filling: write the whole message into `bytes()`, then `publish()`; destroying
/// the loan discards it. Stays on its publisher's thread, and may outlive it.
class [[nodiscard]] BATON_API GenericLoan {
 public:
  GenericLoan(GenericLoan&& other) noexcept
      : port_(std::exchange(other.port_, nullptr)), chunk_(other.chunk_), bytes_(other.bytes_) {}
  GenericLoan& operator=(GenericLoan&& other) noexcept;
  ~GenericLoan() { discard(); }

  /// False once published, discarded or moved from.
  explicit operator bool() const noexcept { return port_ != nullptr; }

  /// As many as were asked for; undefined until they are written. Empty in an empty loan.
  std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Hands over what is there, unchecked. Empty afterwards, unless the result is `rejected`.
  PublishResult publish() noexcept;

  void discard() noexcept;

 private:
  friend class GenericPublisher;
  GenericLoan(PublisherPort* port, Chunk chunk, std::span<std::byte> bytes) noexcept
      : port_(port), chunk_(chunk), bytes_(bytes) {}

  PublisherPort* port_;  // null: empty
  Chunk chunk_;
  std::span<std::byte> bytes_;
};

/// Publishes messages of a type that is known by its description. Made by `Node::generic_publisher`; for one thread at
/// a time. One that was moved from may only be destroyed or assigned to.
class BATON_API GenericPublisher {
 public:
  /// Publishes what a JSON text says: see `from_json`. Fails where that fails, and where a loan does.
  [[nodiscard]] Result<PublishResult> publish_json(std::string_view text);

  /// Publishes a copy of a message, as `GenericSample::bytes` has it. Fails with `Errc::invalid_argument` if its size
  /// is none that a message of the type can have, or its structure leads astray; and where a loan does.
  [[nodiscard]] Result<PublishResult> publish(std::span<const std::byte> message);

  /// Memory for a message of so many bytes. Of a fixed type they have to be its size. Fails as `Publisher::loan` does.
  [[nodiscard]] Result<GenericLoan> loan(std::size_t bytes);

  const TypeDescription& description() const noexcept { return description_; }
  std::string_view topic() const noexcept { return port_->announcement().topic; }
  std::string_view transport() const noexcept { return port_->announcement().transport; }
  PublisherCounters counters() const { return port_->counters(); }
  std::size_t subscriber_count() const noexcept { return port_->connection_count(); }
  /// As `Publisher::wait_for_subscribers`.
  template <class Rep, class Period>
  bool wait_for_subscribers(std::size_t count, std::chrono::duration<Rep, Period> timeout) noexcept {
    return port_->wait_for_connections(count, to_timeout(timeout));
  }
  void close() noexcept { port_->close(); }

 private:
  friend class Node;
  GenericPublisher(PublisherPortHandle port, TypeDescription description) noexcept
      : port_(std::move(port)), description_(std::move(description)) {}

  PublisherPortHandle port_;
  TypeDescription description_;
};

/// A message of any type that a generic subscriber holds; otherwise a `Sample`: read-only, unchanged until it is
/// destroyed, may be moved to another thread, outlives its subscriber.
class [[nodiscard]] BATON_API GenericSample {
 public:
  GenericSample() = default;
  GenericSample(GenericSample&& other) noexcept { swap(other); }
  GenericSample& operator=(GenericSample&& other) noexcept {
    GenericSample(std::move(other)).swap(*this);
    return *this;
  }
  ~GenericSample() { release(); }

  explicit operator bool() const noexcept { return port_ != nullptr; }
  /// `ok` for a message; otherwise why there is none.
  TakeStatus status() const noexcept { return status_; }

  // All that follows only for a sample that holds a message.

  /// The topic that it came by, valid as long as the sample is held.
  std::string_view topic() const noexcept { return port_->announcement().topic; }
  /// Its type. The reference is valid as long as the sample.
  const TypeDescription& description() const noexcept { return *description_; }
  SampleInfo info() const noexcept { return port_->info(chunk_); }

  /// The message alone: of a fixed type the struct; of a raw one the head to the last element; of a table the
  /// FlatBuffer. What a peer has written, unchecked, but for that all of it can be read.
  std::span<const std::byte> bytes() const noexcept;

  /// See `baton::to_json`.
  [[nodiscard]] Result<std::string> to_json(const JsonStyle& style = {}) const {
    return v1::to_json(*description_, bytes(), style);
  }

  /// Gives the chunk back now instead of at destruction; the sample is empty then.
  void release() noexcept;

  void swap(GenericSample& other) noexcept;

 private:
  friend class GenericSubscriber;
  explicit GenericSample(TakeStatus status) noexcept : status_(status) {}
  GenericSample(SubscriberPort* port, Chunk chunk, std::shared_ptr<const TypeDescription> description) noexcept
      : port_(port), chunk_(chunk), description_(std::move(description)), status_(TakeStatus::ok) {}

  SubscriberPort* port_ = nullptr;  // null: holds nothing
  Chunk chunk_;
  std::shared_ptr<const TypeDescription> description_;
  TakeStatus status_ = TakeStatus::empty;
};

/// Receives the messages of all topics whose names fit a pattern, whatever their types and transports, also of topics
/// that come later. Made by `Node::generic_subscriber`; for one thread at a time (samples may be released on any). One
/// that was moved from may only be destroyed or assigned to.
///
/// For each topic, type and transport that somebody publishes it has a subscriber port of its own, with a queue of
/// `depth` and `max_held` of its own. New ones are opened in `take` and `wait`: what was published before, and is no
/// history, is not received. A port is closed when its publishers have gone and its queue is empty.
class BATON_API GenericSubscriber {
 public:
  GenericSubscriber(GenericSubscriber&& other) noexcept;
  GenericSubscriber& operator=(GenericSubscriber&& other) noexcept;
  ~GenericSubscriber();

  /// The next message, from each topic in turn; empty if there is none, if `max_held` samples of every topic that has
  /// one are held, or after `close`: see `GenericSample::status`. A message that comes is what its publisher wrote:
  /// nothing of it has been checked.
  GenericSample take();

  /// Sleeps until there is something to take, or `timeout` is over; as `Subscriber::wait`.
  template <class Rep, class Period>
  WaitResult wait(std::chrono::duration<Rep, Period> timeout) {
    return WaitResult(wait_for(to_timeout(timeout)));
  }

  /// A descriptor for epoll, poll or select: readable from when there is something to take, or may be, until a `take`
  /// finds nothing. It belongs to the subscriber: do not read or close it.
  [[nodiscard]] Result<int> fd();

  /// One topic, type and transport that it receives from.
  struct Source {
    std::string topic;
    std::string transport;
    TypeDescription description;
    std::size_t publisher_count;  ///< connected now
    SubscriberCounters counters;
  };
  /// All that there are now.
  std::vector<Source> sources();

  const std::string& pattern() const noexcept;

  /// Disconnects, and drops what is queued. Samples already taken stay valid.
  void close() noexcept;

 private:
  friend class Node;
  friend class WaitSet;
  class State;
  explicit GenericSubscriber(std::shared_ptr<State> state) noexcept;
  WaitStatus wait_for(std::chrono::nanoseconds timeout);

  std::shared_ptr<State> state_;  // each verb has a copy: an event's callback may destroy the subscriber
};

}  // namespace v1
}  // namespace baton
