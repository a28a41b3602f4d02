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

class ShmTransport final : public Transport {
 public:
  std::string_view name() const noexcept override { return "shm"; }
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
};

}  // namespace

std::shared_ptr<Transport> shm_transport() {
  static const auto transport = std::make_shared<ShmTransport>();
  return transport;
}

}  // namespace v1
}  // namespace baton
