#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "baton/port.hpp"
#include "inproc_publisher.hpp"
#include "inproc_subscriber.hpp"

namespace baton::inproc {

/// The last messages of a latched publisher that is gone.
struct Left {
  ~Left();

  std::shared_ptr<const PortAnnouncement> announced;
  std::shared_ptr<const PublisherIdentity> identity;
  std::shared_ptr<ChunkPool> pool;
  std::vector<ChunkHeader*> history;  // oldest first, with a reference to each
};

/// The ports of one topic in one domain, and what latched publishers have left until the next one comes. Makes a
/// connection for each pair that matches and ends them. Its mutex serialises joins and leaves, and nothing else; events
/// get their place in the queues under it, and are announced after it is released, because their callbacks may open and
/// close ports.
class Topic : public std::enable_shared_from_this<Topic> {
 public:
  /// The topic of that name, made at the first use and gone with its last port, unless something is left in it.
  static std::shared_ptr<Topic> find(std::string_view domain, std::string_view name);

  /// Connects a new port to all peers that match. Throws std::bad_alloc; leaving then undoes what was done.
  void join(InprocPublisher& publisher);
  void join(const std::shared_ptr<InprocSubscriber>& subscriber);

  void leave(InprocPublisher& publisher) noexcept;
  void leave(InprocSubscriber& subscriber) noexcept;

  /// What the publishers of all topics of a domain announce; also those that have left something.
  static std::vector<std::shared_ptr<const PortAnnouncement>> publishers_in(std::string_view domain);

  /// Changes whenever a publisher of this process has come or gone; never 0.
  static std::uint64_t version() noexcept;

  /// Has `changed` called at each such change, with a lock held, as long as it lives.
  class Watch {
   public:
    explicit Watch(std::function<void()> changed);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class Topic;
    const std::function<void()> changed_;
  };

 private:
  using Reports = std::vector<std::pair<std::shared_ptr<EventQueue>, Event>>;

  static void publishers_changed() noexcept;
  void connect(InprocPublisher& publisher, const std::shared_ptr<InprocSubscriber>& subscriber, Reports& reports);
  void keep_history_of(InprocPublisher& publisher) noexcept;
  static void give(const Left& left, InprocSubscriber& subscriber, Reports& reports);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Left>> left_;
  std::shared_ptr<Topic> self_;  // while something is left: nobody else may have the topic then
  std::vector<InprocPublisher*> publishers_;
  std::vector<std::shared_ptr<InprocSubscriber>> subscribers_;
};

}  // namespace baton::inproc
