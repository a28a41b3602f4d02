#pragma once

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

namespace baton {
inline namespace v1 {

enum class EventKind : std::uint8_t {
  matched,      ///< a publisher and a subscriber are connected
  unmatched,    ///< a connection ended: the peer closed, or, if there is a `reason`, ended in that way
  refused,      ///< two ports of one topic cannot be connected; `reason` says why
  hung,         ///< a peer's process shows no sign of life: nobody waits for it, and nothing is taken away from it
  back,         ///< a peer that was hung runs again
  domain_lost,  ///< the domain's files were removed from outside: connections go on, new ones cannot be made
};

BATON_API std::string_view to_string(EventKind kind) noexcept;

/// Something that happened to one of a node's ports, or to the nodes that it is connected to.
struct Event {
  EventKind kind = EventKind::matched;
  std::string topic;   ///< empty for what concerns a whole node: hung, back, domain_lost
  std::string peer;    ///< the name of the other port's node; empty for domain_lost
  std::string reason;  ///< of a refusal, seen from this side; how a connection or the domain was lost; otherwise empty
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
              std::vector<Event>& to_announce) noexcept;

  /// Logs the event and calls the callback, if there is one, on the calling thread. After `append`, and without holding
  /// any lock, because the callback may open and close ports. What the callback throws is logged.
  void announce(const Event& event) noexcept;

  std::optional<Event> take();
  void set_callback(Callback callback);
  std::uint64_t lost() const;

 private:
  const std::string node_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::shared_ptr<const Callback> callback_;
  std::uint64_t lost_ = 0;
};

}  // namespace v1
}  // namespace baton
