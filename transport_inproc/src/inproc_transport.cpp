#include "baton/transport_inproc.hpp"

#include <new>

#include <fmt/format.h>

#include "inproc_publisher.hpp"
#include "inproc_subscriber.hpp"
#include "topic.hpp"

namespace baton {
inline namespace v1 {
namespace {

tl::unexpected<Error> out_of_memory(const PortRequest& request) {
  const Qos& qos = request.announcement.qos;
  return fail(Errc::no_space, fmt::format("topic '{}'", request.announcement.topic),
              fmt::format("no memory for the chunks of a port with depth {}, history {}, max_held {}, max_loans {}",
                          qos.depth, qos.history, qos.max_held, qos.max_loans),
              "lower them");
}

class InprocTransport final : public Transport {
 public:
  std::string_view name() const noexcept override { return "inproc"; }

  Result<PublisherPortHandle> create_publisher(const PortRequest& request) override try {
    auto topic = inproc::Topic::find(request.domain, request.announcement.topic);
    auto* const publisher = new inproc::InprocPublisher(request);
    publisher->open(topic);
    PublisherPortHandle handle(publisher);
    const Qos& qos = request.announcement.qos;
    if (!publisher->pool()->reserve(std::uint64_t{qos.max_loans} + qos.history)) return out_of_memory(request);
    topic->join(*publisher);
    return handle;
  } catch (const std::bad_alloc&) {
    return out_of_memory(request);
  }

  Result<SubscriberPortHandle> create_subscriber(const PortRequest& request) override try {
    auto topic = inproc::Topic::find(request.domain, request.announcement.topic);
    auto subscriber = std::make_shared<inproc::InprocSubscriber>(request.announcement, request.events);
    subscriber->open(topic, subscriber);
    SubscriberPortHandle handle(subscriber.get());
    topic->join(subscriber);
    return handle;
  } catch (const std::bad_alloc&) {
    return out_of_memory(request);
  }
};

}  // namespace

std::shared_ptr<Transport> inproc_transport() {
  static const auto transport = std::make_shared<InprocTransport>();
  return transport;
}

}  // namespace v1
}  // namespace baton
