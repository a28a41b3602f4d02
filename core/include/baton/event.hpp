#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "baton/export.hpp"
#include "baton/waker.hpp"

namespace baton {
inline namespace v1 {

enum class EventKind : std::uint8_t {
  matched,          ///< a publisher and a subscriber are connected
  unmatched,        ///< a connection ended: the peer closed, or, if there is a `reason`, ended in that way
  refused,          ///< two ports of one topic cannot be connected; `reason` says why
  hung,             ///< a peer's process shows no sign of life: nobody waits for it, and nothing is taken away from it
  back,             ///< a peer that was hung runs again
  domain_lost,      ///< the domain's files were removed from outside: connections go on, new ones cannot be made
  joined,           ///< a node has joined the domain, or was there when this one joined
  left,             ///< a node has left the domain in order
  died,             ///< a node's process ended without leaving, and what was its has been reaped
  dropped,          ///< `count` messages of a connection were dropped; `reason` says by which policy
  congested,        ///< a connection's queue is over its mark: its reader does not keep up
  relieved,         ///< the queue of a connection that was congested is under its mark again
  deadline_missed,  ///< no message came for the publisher's `deadline`
};

BATON_API std::string_view to_string(EventKind kind) noexcept;

/// Something that happened to one of a node's ports, or to the other nodes of its domain. docs/events.md says of each
/// kind when it comes, and in which order.
struct Event {
  EventKind kind = EventKind::matched;
  std::string topic;        ///< empty for what concerns a whole node: hung, back, domain_lost, joined, left, died
  std::string peer;         ///< the name of the other port's node, or of the node that is meant; empty for domain_lost
  std::string reason;       ///< of a refusal, seen from this side; how a connection or the domain was lost; by which
                            ///< policy messages were dropped; otherwise empty
  std::uint64_t count = 0;  ///< of dropped: messages, since the last such event of the connection
};

/// A node's events, in order. Written by transports, on any thread; read by the node's user. Bounded: when nobody
/// reads, the oldest events give way and `lost()` counts them.
class BATON_API EventQueue {
 public:
  static constexpr std::size_t kCapacity = 1'024;
  using Callback = std::function<void(const Event&)>;

  /// `node` is named in the log.
  explicit EventQueue(std::string node) : node_(std::move(node)) {}

  /// Appends the event. A transport does so in the order in which things happen, holding what lock it needs for that.
  void append(Event event);

  /// Appends an event, and notes it for its announcement when no lock is held any more. One that there is no memory for
  /// counts as lost.
  void report(EventKind kind, std::string_view topic, std::string_view peer, std::string_view reason,
              std::vector<Event>& to_announce, std::uint64_t count = 0) noexcept;

  /// Logs the event and calls the callback, if there is one, on the calling thread. After `append`, and without holding
  /// any lock, because the callback may open and close ports. What the callback throws is logged.
  void announce(const Event& event) noexcept;

  std::optional<Event> take();
  bool empty() const;
  void set_callback(Callback callback);
  std::uint64_t lost() const;

  /// How many events there have been in all, those lost included: for who waits for something that an event tells.
  std::uint64_t total() const;

  /// Has `waker` woken after each event; false if there is one already. For one thread at a time, as `detach`.
  bool attach(std::shared_ptr<Waker> waker) noexcept { return waker_.set(std::move(waker)); }
  void detach() noexcept { waker_.clear(); }

  /// Sleeps until `total()` is another than `seen`, or until the deadline.
  void wait_for_event(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) const;

 private:
  const std::string node_;
  mutable std::mutex mutex_;
  mutable std::condition_variable appended_;
  std::deque<Event> events_;
  std::shared_ptr<const Callback> callback_;
  std::uint64_t lost_ = 0;
  std::uint64_t total_ = 0;
  WakerPlace waker_;
};

}  // namespace v1
}  // namespace baton
