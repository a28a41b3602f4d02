#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "baton/domain/deadline.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/trouble.hpp"
#include "baton/keep_last.hpp"
#include "baton/port.hpp"
#include "baton/thread_check.hpp"
#include "connection.hpp"
#include "inproc_subscriber.hpp"

namespace baton::inproc {

class Topic;

/// A connection as its publisher keeps it: together with the reader, whom it keeps alive.
struct Link {
  std::shared_ptr<Connection> connection;
  std::shared_ptr<InprocSubscriber> reader;
};

/// A publisher's end of a topic: the pool, the history, and the delivery to each reader.
class InprocPublisher final : public PublisherPort, public domain::Kept {
 public:
  explicit InprocPublisher(const PortRequest& request);

  /// Joins a topic, once. From then on the port frees itself: see `abandon`.
  void open(std::shared_ptr<Topic> topic);

  // The domain's: tells of drops, congestion and missed deadlines.
  void keep(std::vector<Event>& to_announce) noexcept override;

  // The user's verbs.
  Chunk loan(std::size_t bytes) noexcept override;
  PublishResult publish(Chunk chunk, std::size_t bytes) noexcept override;
  void discard(Chunk chunk) noexcept override;
  std::size_t capacity(Chunk chunk) const noexcept override;
  Chunk exchange(Chunk chunk, std::size_t bytes, std::size_t front, std::size_t back) noexcept override;
  Error explain(LoanStatus status, std::size_t bytes) const override;
  const PortAnnouncement& announcement() const noexcept override { return announcement_; }
  /// For directories: always the same one, which may outlive the port.
  const std::shared_ptr<const PortAnnouncement>& announced() const noexcept { return announced_; }
  PublisherCounters counters() const override;
  std::size_t connection_count() const noexcept override;
  bool flush(std::chrono::nanoseconds timeout) noexcept override;
  std::vector<std::string> audit() const override;
  bool wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept override;
  void close() noexcept override;
  void abandon() noexcept override;

  // What the topic does, on a joiner's thread, under the topic's mutex.
  std::optional<Refusal> refuse_beyond_max_memory(const PortAnnouncement& reader) const;
  void add_link(Link link, std::uint32_t history_wanted);
  Link remove_link(const InprocSubscriber& reader) noexcept;  ///< an empty one if there was none
  std::vector<Link> unlink() noexcept;                        ///< ends all connections and returns them
  std::vector<ChunkHeader*> take_history();  ///< oldest first, with its references; throws std::bad_alloc
  /// What the keeper has not told yet of a connection that is none of the port's any more.
  void tell_last(Connection& connection, std::vector<Event>& to_announce) noexcept;
  const std::shared_ptr<ChunkPool>& pool() const noexcept { return pool_; }
  const std::shared_ptr<const PublisherIdentity>& identity() const noexcept { return identity_; }
  const std::shared_ptr<EventQueue>& events() const noexcept { return events_; }

 private:
  ~InprocPublisher() = default;  // only by itself

  // Bits of `state_`. None is set between the verbs of an ordinary publisher.
  static constexpr std::uint8_t kDelivering = 1;  // or saying farewell
  static constexpr std::uint8_t kUnfinished = 2;  // something is left to do when the delivery is over
  static constexpr std::uint8_t kClosed = 4;      // by the user
  static constexpr std::uint8_t kLeft = 8;        // the topic; a close in the middle of a delivery waits for its end
  static constexpr std::uint8_t kAbandoned = 16;
  static constexpr std::uint8_t kWaiting = 32;  // keeps the node, and so calls events' callbacks, which may do anything

  /// A message that a callback published while its publisher was still delivering another.
  struct Later {
    ChunkHeader* chunk;
    const std::vector<Link>* links;
  };

  bool tell_of(Connection& connection, std::vector<Event>& to_announce) noexcept;
  PublishStatus find_room(const std::vector<Link>& links) noexcept;
  PublishResult publish_later(ChunkHeader* chunk) noexcept;
  void finish_delivery() noexcept;
  bool everyone_has_room(const std::vector<Link>& links, std::uint64_t chunks) const noexcept;
  void refresh_if_changed() noexcept;
  void refresh() noexcept;
  void seal(ChunkHeader* chunk) noexcept;
  ChunkHeader* keep(ChunkHeader* chunk) noexcept;
  PublishResult deliver(ChunkHeader* chunk, const std::vector<Link>& links) noexcept;
  bool enqueue(const Link& link, ChunkHeader* chunk, std::uint32_t& dropped) noexcept;
  bool all_taken() const noexcept;
  bool make_room(Connection& connection, std::uint32_t& dropped) noexcept;
  [[gnu::noinline]] void drop_oldest(Connection& connection, std::uint32_t& dropped) noexcept;
  [[gnu::noinline]] void note_trouble(Connection& connection, bool dropped) noexcept;
  void settle() noexcept;

  const std::shared_ptr<const PortAnnouncement> announced_;
  const PortAnnouncement& announcement_ = *announced_;
  [[no_unique_address]] const ThreadCheck check_{};
  const std::shared_ptr<EventQueue> events_;
  std::shared_ptr<domain::Presence> presence_;    // until the port has left the topic
  const std::shared_ptr<domain::PortFile> page_;  // of the port's file, if it has one
  domain::PublisherFigures& figures_;             // in there
  const std::shared_ptr<const PublisherIdentity> identity_;
  const std::shared_ptr<ChunkPool> pool_;
  std::shared_ptr<Topic> topic_;

  // As joiners see it.
  mutable std::mutex mutex_;
  std::vector<Link> links_;
  KeepLast<ChunkHeader*> history_;
  std::atomic<std::uint32_t> epoch_{0};  // E6; bumped under the mutex with every change of the list

  // The user's thread's. First what every verb looks at, copied from the announcement to lie side by side.
  const StampClock clock_;
  const std::size_t max_payload_;
  const Overflow overflow_;
  const std::uint32_t max_loans_;
  std::unique_ptr<std::vector<Link>> active_;                 // a copy of `links_` as of `seen_epoch_`
  std::vector<std::unique_ptr<std::vector<Link>>> outdated_;  // former ones, still in use by the delivery under way
  std::uint32_t seen_epoch_ = 0;
  const bool variable_;                         // messages have sizes of their own
  const bool counts_more_;                      // than messages: bytes, or the time of the last one
  std::uint32_t open_loans_ = 0;                // a chunk counts until its delivery is over
  const std::vector<Link>* serving_ = nullptr;  // of the delivery under way: to whom
  std::size_t served_ = 0;                      // and to how many of them so far, the present one included
  std::uint8_t state_ = 0;                      // of the bits above
  std::vector<Later> later_;                    // in order; no more than the open loans

  // The keeper's; none without a domain.
  const std::shared_ptr<domain::Member> member_;
  const std::uint32_t bucket_;
  std::optional<domain::Concern> concern_;
  std::optional<domain::Deadline> deadline_;
};

}  // namespace baton::inproc
