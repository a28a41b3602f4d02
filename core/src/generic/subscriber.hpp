// What a generic subscriber is made of: ports that follow its pattern, of whatever type a publisher describes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "baton/generic.hpp"
#include "pattern/topic_ports.hpp"

namespace baton {
inline namespace v1 {

/// Wants every type, a port for each.
class GenericOpener final : public TopicPorts::Opener {
 public:
  /// Opens a port that a publisher's announcement matches.
  using Open =
      std::function<Result<SubscriberPortHandle>(const TypeDescription& type, const PortAnnouncement& publisher)>;

  explicit GenericOpener(Open open) : open_(std::move(open)) {}

  std::optional<Fingerprint> type_for(const PortAnnouncement& publisher) override;
  Result<TopicPorts::Port> open(const PortAnnouncement& publisher) override;

 private:
  const Open open_;
};

class GenericSubscriber::State final : public Waitable, public std::enable_shared_from_this<GenericSubscriber::State> {
 public:
  State(std::unique_ptr<TopicPorts> ports, std::shared_ptr<domain::Member> member) noexcept
      : ports_(std::move(ports)), member_(std::move(member)) {}

  GenericSample take() noexcept;
  WaitStatus wait(std::chrono::nanoseconds timeout) noexcept override;
  Result<int> fd() override {
    const auto alive = shared_from_this();  // an event's callback may destroy the subscriber
    return ports_->fd();
  }
  Attachment attach(std::shared_ptr<Waker> waker) override;
  void detach() noexcept override { waker_.clear(); }
  std::shared_ptr<domain::Member> member() const noexcept override { return member_; }
  std::vector<Source> sources();
  const std::string& pattern() const noexcept { return ports_->pattern(); }
  void close() noexcept {
    waker_.close(*this);
    ports_->close();
  }

 private:
  const std::unique_ptr<TopicPorts> ports_;
  const std::shared_ptr<domain::Member> member_;  // null where the node does without its domain
  WakerPlace waker_;
};

}  // namespace v1
}  // namespace baton
