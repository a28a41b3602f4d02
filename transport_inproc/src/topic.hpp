#pragma once

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

 private:
  using Reports = std::vector<std::pair<std::shared_ptr<EventQueue>, Event>>;

  void connect(InprocPublisher& publisher, const std::shared_ptr<InprocSubscriber>& subscriber, Reports& reports);

  std::mutex mutex_;
  std::vector<InprocPublisher*> publishers_;
  std::vector<std::shared_ptr<InprocSubscriber>> subscribers_;
};

}  // namespace baton::inproc
