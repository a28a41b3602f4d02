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

/// The ports of one topic in one domain. Makes a connection for each pair that matches and ends them. Its mutex
/// serialises joins and leaves, and nothing else; events get their place in the queues under it, and are announced
/// after it is released, because their callbacks may open and close ports.
class Topic {
 public:
  /// The topic of that name, made at the first use and gone with its last port.
  static std::shared_ptr<Topic> find(std::string_view domain, std::string_view name);

  /// Connects a new port to all peers that match. Throws std::bad_alloc; leaving then undoes what was done.
  void join(InprocPublisher& publisher);
  void join(const std::shared_ptr<InprocSubscriber>& subscriber);

  void leave(InprocPublisher& publisher) noexcept;
  void leave(InprocSubscriber& subscriber) noexcept;

  /// What the publishers of all topics of a domain announce.
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

  std::mutex mutex_;
  std::vector<InprocPublisher*> publishers_;
  std::vector<std::shared_ptr<InprocSubscriber>> subscribers_;
};

}  // namespace baton::inproc
