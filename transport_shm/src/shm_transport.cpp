#include "baton/transport_shm.hpp"

#include <exception>

#include <fmt/format.h>

#include "shm_publisher.hpp"
#include "shm_subscriber.hpp"

namespace baton {
inline namespace v1 {
namespace {

tl::unexpected<Error> out_of_memory(const PortRequest& request, const std::exception& cause) {
  return fail(Errc::no_space, fmt::format("topic '{}'", request.announcement.topic),
              fmt::format("a port cannot be made: {}", cause.what()), "lower depth, history, max_held or max_loans");
}

tl::unexpected<Error> forked(const PortRequest& request) {
  return fail(Errc::forked, fmt::format("topic '{}'", request.announcement.topic),
              "the node belongs to the process that this one was forked from",
              "open a node in the child, or fork before opening one");
}

/// The domain's list has the ports of all transports.
class Directory final : public PublisherDirectory {
 public:
  explicit Directory(DirectoryRequest request)
      : ports_(std::move(request.member), domain::Ports::Which::publishers, std::move(request.changed)) {}

  bool look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) override {
    if (!ports_.look(present_)) return false;
    found.clear();
    for (const domain::Ports::Port& port : present_) {
      if (port.announcement->transport == kName) found.push_back(port.announcement);
    }
    return true;
  }

  static constexpr std::string_view kName = "shm";

 private:
  domain::Ports ports_;
  std::vector<domain::Ports::Port> present_;
};

class ShmTransport final : public Transport {
 public:
  std::string_view name() const noexcept override { return Directory::kName; }
  Reach reach() const noexcept override { return Reach::machine; }

  Result<PublisherPortHandle> create_publisher(const PortRequest& request) override try {
    if (request.member->forked()) return forked(request);
    return shm::ShmPublisher::open(request);
  } catch (const std::exception& error) {
    return out_of_memory(request, error);
  }

  Result<SubscriberPortHandle> create_subscriber(const PortRequest& request) override try {
    if (request.member->forked()) return forked(request);
    return shm::ShmSubscriber::open(request);
  } catch (const std::exception& error) {
    return out_of_memory(request, error);
  }

  Result<std::unique_ptr<PublisherDirectory>> watch_publishers(DirectoryRequest request) override {
    return std::make_unique<Directory>(std::move(request));
  }
};

}  // namespace

std::shared_ptr<Transport> shm_transport() {
  static const auto transport = std::make_shared<ShmTransport>();
  return transport;
}

}  // namespace v1
}  // namespace baton
