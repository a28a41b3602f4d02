#pragma once

/// The seam between the typed API and the transports.
///
/// A *port* is a node's end of a topic. The typed API (publisher.hpp, subscriber.hpp, sample.hpp) turns a user's verbs
/// into the verbs below and knows nothing else of a transport; a transport implements them and knows nothing of types:
/// it sees sizes, fingerprints and bytes. To write a transport, implement the three interfaces of this file, pass it in
/// `Options::transports`, and run the conformance suite (tests/conformance) over it.
///
/// ## Contract
///
/// *Ownership.* `Transport::create_…` hands a port to exactly one owner, the user's `Publisher` or `Subscriber`. The
/// owner ends with `abandon()`, never with `delete`: a port lives on until its last loan or sample has come back, and
/// frees itself then. A chunk belongs to the publisher port that made it, for life. `loan` lends it to the caller,
/// `publish` or `discard` takes it back; `take` lends it to a reader, `release` takes it back. Each chunk lent comes
/// back exactly once.
///
/// *Sizes.* A port's messages all have one size, or each its own (`PortRequest::variable`): then chunks come in size
/// classes, and the first loans of a class may make them, within `max_memory`. A chunk has a *capacity*, and a message
/// takes *bytes* of it, which need not be the first ones: where they are is the layout's business.
///
/// *Threads.* A port's verbs are called by one thread at a time, with two exceptions: `SubscriberPort::release` and
/// `info` may be called on any thread, at any time, also after `close` and `abandon`; and a subscriber port's
/// `counters` and `connection_count` may be called beside another verb. `Transport` is called by any number of threads
/// at once. A port calls its `MessageHandler` one message at a time, on a thread that the transport documents.
///
/// *Hot verbs* (`loan`, `publish`, `discard`, `take`, `release`) are `noexcept`, do not allocate, do not log, take no
/// lock shared with another process and make no system call, but to wake a sleeper or to sleep where the policy says
/// so (`Overflow::block`). The first one after a peer has joined or left may do what is needed to learn of it, and a
/// loan that needs memory which was not there before may make it: a larger chunk, or more of a ring's buffer.
///
/// *Order.* A subscriber gets the messages of one publisher in the order in which they were published, with no
/// duplicate; each one missing was counted as dropped, or was published before the two were connected.
///
/// *Errors.* Hot verbs return a status; `explain` turns one into a text when somebody asks. What a peer does wrong is a
/// status or an event, never an assertion.
///
/// *Lifetime.* Ports may outlive the node that opened them: a port keeps what it needs of its transport.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "baton/chunk.hpp"
#include "baton/error.hpp"
#include "baton/event.hpp"
#include "baton/export.hpp"
#include "baton/match.hpp"
#include "baton/message_handler.hpp"
#include "baton/qos.hpp"
#include "baton/type_info.hpp"
#include "baton/waker.hpp"

namespace baton {
inline namespace v1 {

enum class LoanStatus : std::uint8_t {
  ok,
  too_many_loans,  ///< `max_loans` are open
  out_of_chunks,   ///< the pool is empty, or nothing in the ring is free side by side that is large enough
  too_large,       ///< more bytes than a message of the port may have
  closed,
};

enum class PublishStatus : std::uint8_t {
  ok,              ///< handed over to every subscriber that takes part; see `dropped` for those that had no room. From
                   ///< inside a callback that this publisher is calling: it will be, when that callback has returned
  rejected,        ///< under `reject`: nobody got it, the loan stays valid
  timed_out,       ///< under `block`: some had no room until the deadline; the others got it
  too_many_loans,  ///< `publish(value)` could not get a loan
  out_of_chunks,   ///< `publish(value)` could not get a loan, or a table one that it fits into
  too_large,       ///< more than the type's `max_size`. Of a table, as with `out_of_chunks`, the loan stays valid
  not_finished,    ///< a table whose root has not been given to `finish`: the loan stays valid
  no_loan,         ///< the loan is empty: already published, discarded or moved from
  closed,
};

enum class TakeStatus : std::uint8_t {
  ok,
  empty,       ///< nothing is queued
  held_limit,  ///< `max_held` samples are held: release one first
  closed,
};

BATON_API std::string_view to_string(LoanStatus status) noexcept;
BATON_API std::string_view to_string(PublishStatus status) noexcept;
BATON_API std::string_view to_string(TakeStatus status) noexcept;
BATON_API std::string_view to_string(WaitStatus status) noexcept;

/// The outcome of a publish. True if the message was handed over to everyone who had not chosen to drop.
struct PublishResult {
  PublishStatus status = PublishStatus::ok;
  std::uint16_t delivered = 0;  ///< subscribers that were called, or have it queued; it may be too old for them by then
  std::uint32_t dropped = 0;    ///< messages, this or older ones, that gave way on a full queue; not over a ring

  explicit operator bool() const noexcept { return status == PublishStatus::ok; }
};
static_assert(sizeof(PublishResult) == 8, "travels in one register");

/// What is known of a sample beside its payload. The views are valid as long as the sample is held.
struct SampleInfo {
  std::string_view topic;
  std::string_view publisher;      ///< the name of the publishing node
  std::uint64_t publisher_id = 0;  ///< tells the publishers of a domain apart, also those of one name
  std::uint64_t sequence = 0;      ///< 0, 1, 2 … for each publisher; a gap is a message this reader did not get
  std::uint64_t stamp_ns = 0;      ///< when it was published, CLOCK_MONOTONIC; 0 with `stamp = "off"`
  /// Messages that this publisher published between the one that this reader got before and this one, or since the two
  /// were connected, and that did not reach it. From 16,383 on it is no more than that.
  std::uint32_t dropped_before = 0;
};

/// The counters of one publisher–subscriber pair. `offered` = taken + queued + the four kinds of dropped +
/// undelivered.
struct ConnectionCounters {
  std::string peer;                   ///< the other node's name
  std::uint64_t offered = 0;          ///< messages published since the match, history included
  std::uint64_t taken = 0;            ///< samples taken, or callbacks called
  std::uint64_t queued = 0;           ///< waiting to be taken
  std::uint64_t held = 0;             ///< taken and not yet released
  std::uint64_t dropped_oldest = 0;   ///< gave way to a newer message (`drop_oldest`)
  std::uint64_t dropped_newest = 0;   ///< found no room (`drop_newest`)
  std::uint64_t dropped_timeout = 0;  ///< found no room until the deadline (`block`)
  std::uint64_t dropped_expired = 0;  ///< older than their `lifespan` when they would have been taken
  std::uint64_t undelivered = 0;      ///< still queued when the subscriber closed
  std::uint64_t high_water = 0;       ///< the most that were queued when one was taken, that one included

  friend bool operator==(const ConnectionCounters&, const ConnectionCounters&) = default;

  std::uint64_t dropped() const noexcept { return dropped_oldest + dropped_newest + dropped_timeout + dropped_expired; }

  /// Adds up the figures, not the peers; of the high-water marks it keeps the higher one.
  ConnectionCounters& operator+=(const ConnectionCounters& other) noexcept {
    offered += other.offered;
    taken += other.taken;
    queued += other.queued;
    held += other.held;
    dropped_oldest += other.dropped_oldest;
    dropped_newest += other.dropped_newest;
    dropped_timeout += other.dropped_timeout;
    dropped_expired += other.dropped_expired;
    undelivered += other.undelivered;
    high_water = std::max(high_water, other.high_water);
    return *this;
  }
};

/// How long messages took from the publisher's stamp until they were taken, or handed to the callback. Of one in 128,
/// and of each that ended a wait. Percentiles are the upper bounds of buckets, of which four share a power of two.
struct LatencyCounters {
  std::uint64_t samples = 0;  ///< messages looked at; none where there are no stamps
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
};

/// What `Event::reason` says of a dropped message.
namespace drop_reason {
inline constexpr std::string_view kOldest = "drop_oldest: the queue was full";
inline constexpr std::string_view kNewest = "drop_newest: the queue was full";
inline constexpr std::string_view kTimeout = "there was no room in time, or the reader is hung";
inline constexpr std::string_view kExpired = "lifespan: they were too old when they would have been taken";
}  // namespace drop_reason

struct PublisherCounters {
  std::uint64_t published = 0;     ///< messages handed over, whoever got them
  std::uint64_t bytes = 0;         ///< of their payloads
  std::uint64_t rejected = 0;      ///< publishes refused (`reject`)
  std::uint64_t timed_out = 0;     ///< publishes that waited in vain (`block`)
  std::uint64_t failed_loans = 0;  ///< loans refused
  std::uint64_t wakeups = 0;       ///< sleeping readers that were rung
  std::uint64_t open_loans = 0;    ///< loans out now
  std::uint64_t chunks = 0;        ///< the pool's size; in a ring the records in use
  std::uint64_t free_chunks = 0;   ///< of these, neither lent, queued, held nor kept as history; 0 in a ring
  std::vector<ConnectionCounters> connections;  ///< live ones
};

struct SubscriberCounters {
  ConnectionCounters total;            ///< over all connections, those that ended included; `peer` is empty
  std::uint64_t failed_callbacks = 0;  ///< callbacks that threw
  std::uint64_t damaged = 0;  ///< tables that did not verify, and what its checksum did not fit: taken, not given
  LatencyCounters latency;
  std::vector<ConnectionCounters> connections;  ///< live ones
};

class BATON_API PublisherPort {
 public:
  /// Lends a chunk with room for `bytes`; its content is undefined. Or a refusal with a `LoanStatus`.
  virtual Chunk loan(std::size_t bytes) noexcept = 0;

  /// Hands over the first `bytes` of a lent chunk. With `rejected` the caller keeps the chunk, else it is gone.
  virtual PublishResult publish(Chunk chunk, std::size_t bytes) noexcept = 0;

  /// Takes back a lent chunk unpublished.
  virtual void discard(Chunk chunk) noexcept = 0;

  /// Room in a lent chunk; at least what was asked for, a multiple of 64.
  virtual std::size_t capacity(Chunk chunk) const noexcept = 0;

  /// Lends a chunk with room for `bytes` in place of a lent one, with the first `front` and the last `back` bytes of
  /// that; the rest is undefined. After a refusal, which is as `loan`'s, the caller has the old one. Only where
  /// messages have sizes of their own.
  virtual Chunk exchange(Chunk chunk, std::size_t bytes, std::size_t front, std::size_t back) noexcept = 0;

  /// Why `loan` or `exchange` refused `bytes`, in words.
  virtual Error explain(LoanStatus status, std::size_t bytes) const = 0;

  /// What the port announces to its peers. Valid as long as the port.
  virtual const PortAnnouncement& announcement() const noexcept = 0;

  virtual PublisherCounters counters() const = 0;

  /// Subscribers connected now.
  virtual std::size_t connection_count() const noexcept = 0;

  /// Sleeps until every connected subscriber has taken all that was given to it, or until `timeout` has passed. False
  /// then, and if the port is closed.
  virtual bool flush(std::chrono::nanoseconds timeout) noexcept = 0;

  /// Whether the port's books agree with each other and with what is shared: a line for each thing that does not. Where
  /// each chunk is, and where each message went (docs/qos.md, "What is counted"). A walk over all chunks.
  virtual std::vector<std::string> audit() const = 0;

  /// Sleeps until at least `count` subscribers are connected at the same time, or until `timeout` has passed: at once
  /// if it is zero or negative, never if it is `std::chrono::nanoseconds::max()`. False then, and when the port is
  /// closed. Events' callbacks that it calls may close and abandon the port.
  virtual bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept = 0;

  /// Disconnects. Everything already published stays takable; every later verb but `discard` says closed. Idempotent.
  /// With `Qos::latched` the history stays for subscribers that come later, until the topic's next publisher of
  /// the same reach: each that matches, and was not connected, gets it as a connection that has ended.
  virtual void close() noexcept = 0;

  /// Ends the owner's use of the port. Loans still open may be published or discarded; with the last one the port
  /// closes and frees itself.
  virtual void abandon() noexcept = 0;

 protected:
  ~PublisherPort() = default;
};

class BATON_API SubscriberPort : public Waitable {
 public:
  /// Lends the next message, from each connected publisher in turn. Or a refusal with a `TakeStatus`. While a handler
  /// is set there is nothing to take.
  virtual Chunk take() noexcept = 0;

  /// Gives a taken chunk back, after the last read of its payload. Any thread.
  virtual void release(Chunk chunk) noexcept = 0;

  /// What is known of a taken chunk. Any thread.
  virtual SampleInfo info(Chunk chunk) const noexcept = 0;

  /// Room in a taken chunk, a multiple of 64. Any thread. From the reader's own knowledge: whatever a publisher writes,
  /// so many bytes can be read.
  virtual std::size_t capacity(Chunk chunk) const noexcept = 0;

  /// What the publisher said the message takes of it, no more than `capacity`. Any thread.
  virtual std::size_t bytes(Chunk chunk) const noexcept = 0;

  /// Counts and reports a taken chunk whose content is not what its type says, before it is released. Any thread.
  virtual void report_damaged(Chunk chunk) noexcept = 0;

  // From Waitable: `wait` sleeps until `take` would give a message; the descriptor of `fd` belongs to the port.

  /// Has every message handled instead of queued, those queued already first; an empty handler ends that. Waits for a
  /// running call of the former handler, except when called from inside it.
  virtual void on_message(MessageHandler handler) = 0;

  virtual const PortAnnouncement& announcement() const noexcept = 0;

  virtual SubscriberCounters counters() const = 0;

  /// Publishers connected now.
  virtual std::size_t connection_count() const noexcept = 0;

  /// As a publisher's. Not while a handler is set.
  virtual std::vector<std::string> audit() const = 0;

  /// Sleeps until at least `count` publishers are connected at the same time; otherwise as
  /// `PublisherPort::wait_for_connections`.
  virtual bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept = 0;

  /// Disconnects and drops what is queued; samples already taken stay valid. Waits for a running handler, except when
  /// called from inside it. Idempotent.
  virtual void close() noexcept = 0;

  /// Ends the owner's use of the port: closes it, and frees it once the last sample has been released.
  virtual void abandon() noexcept = 0;

 protected:
  ~SubscriberPort() = default;
};

/// Ends the owner's use of a port; makes `std::unique_ptr` own one.
struct AbandonPort {
  template <class Port>
  void operator()(Port* port) const noexcept {
    port->abandon();
  }
};
using PublisherPortHandle = std::unique_ptr<PublisherPort, AbandonPort>;
using SubscriberPortHandle = std::unique_ptr<SubscriberPort, AbandonPort>;

namespace domain {
class Member;
class Presence;
}  // namespace domain

/// How large the messages of a port are.
struct MessageShape {
  std::uint64_t payload_bytes = 0;  ///< of every message, or of the smallest; its alignment is at most 64
  bool variable = false;            ///< messages have sizes of their own
  std::uint64_t max_bytes = 0;      ///< of such a message, if it has a limit; 0: what `max_memory` allows
  bool from_end = false;            ///< such a message takes the last bytes of its chunk, not the first
};

/// How well a transport suits a publisher, for `transport = "auto"`: the one with the highest rank gets it, of several
/// the first.
struct Suitability {
  std::uint32_t rank = 1;
  std::string reason;  ///< why so high: "raw messages"
};

/// What a node asks of a transport when it opens a port.
struct PortRequest : MessageShape {
  PortAnnouncement announcement;
  std::string domain;
  std::uint64_t port_id = 0;           ///< becomes `SampleInfo::publisher_id`
  std::shared_ptr<EventQueue> events;  ///< where to report matches and refusals
  /// The node's membership in the domain on this machine. Never null for a transport that reaches the machine; for one
  /// that reaches the process, null where the domain cannot be joined.
  std::shared_ptr<domain::Member> member;
  /// For a transport that reaches the process: what announces the port to other processes, whose ports are told why
  /// they cannot be connected. The port lets go of it when it closes. Null for other transports, which announce
  /// themselves.
  std::shared_ptr<domain::Presence> presence;
};

/// The publishers that are there, of all topics of a domain, as one transport knows them. For one thread at a time.
class BATON_API PublisherDirectory {
 public:
  /// Puts what each of them announces into `found`, in place of what was in it. False if nothing has changed since the
  /// last call: then `found` is left alone. As long as a publisher is there its announcement is the same object.
  virtual bool look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) = 0;

  virtual ~PublisherDirectory() = default;
};

/// What a node asks of a transport when it looks for publishers.
struct DirectoryRequest {
  std::string domain;
  std::shared_ptr<domain::Member> member;  ///< as in PortRequest
  /// To be called, on any thread, whenever there may be other publishers, as long as the directory lives. It may be
  /// called with locks held, and only wakes somebody.
  std::function<void()> changed;
};

struct Footprint;
struct FootprintRequest;

/// A way to carry a topic. Shared by the nodes that use it.
class BATON_API Transport {
 public:
  /// The name in configuration files: "inproc".
  virtual std::string_view name() const noexcept = 0;

  virtual Reach reach() const noexcept = 0;

  /// For "auto".
  virtual Suitability suits(const MessageShape& shape, const Qos& qos) const;

  /// The name of another transport whose publishers can reach this one's subscribers, where those do not say otherwise;
  /// empty if there is none.
  virtual std::string_view also_reached_by() const noexcept { return {}; }

  /// Both connect the new port to its peers before they return, and report each match and refusal to both sides.
  virtual Result<PublisherPortHandle> create_publisher(const PortRequest& request) = 0;
  virtual Result<SubscriberPortHandle> create_subscriber(const PortRequest& request) = 0;

  /// For subscribers that do not know their topics: those to a pattern, and GenericSubscriber. A transport that cannot
  /// tell returns null, and they get nothing that it carries.
  virtual Result<std::unique_ptr<PublisherDirectory>> watch_publishers(DirectoryRequest request);

  /// What a topic with such ports takes of shared memory; see footprint.hpp. By default what its ports announce, which
  /// is right for a transport that has no shared memory of its own.
  virtual Footprint footprint(const FootprintRequest& request) const;

  virtual ~Transport() = default;
};

}  // namespace v1
}  // namespace baton
