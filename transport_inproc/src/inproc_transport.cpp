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

tl::unexpected<Error> beyond_max_memory(const PortRequest& request, const inproc::ChunkPool& pool) {
  const Qos& qos = request.announcement.qos;
  return fail(
      Errc::no_space, fmt::format("topic '{}'", request.announcement.topic),
      fmt::format("max_loans {} and history {} take {} bytes, and max_memory is {} bytes", qos.max_loans, qos.history,
                  (std::uint64_t{qos.max_loans} + qos.history) * pool.chunk_bytes(), qos.max_memory),
      "raise max_memory, or lower the others");
}

class Directory final : public PublisherDirectory {
 public:
  explicit Directory(DirectoryRequest request)
      : domain_(std::move(request.domain)), watch_(std::move(request.changed)) {}

  bool look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) override {
    const std::uint64_t version = inproc::Topic::version();  // first: what comes meanwhile is found by the next look
    if (version == seen_) return false;
    seen_ = version;
    found = inproc::Topic::publishers_in(domain_);
    return true;
  }

 private:
  const std::string domain_;
  const inproc::Topic::Watch watch_;
  std::uint64_t seen_ = 0;
};

class InprocTransport final : public Transport {
 public:
  std::string_view name() const noexcept override { return "inproc"; }

  Reach reach() const noexcept override { return Reach::process; }

  Result<PublisherPortHandle> create_publisher(const PortRequest& request) override try {
    auto topic = inproc::Topic::find(request.domain, request.announcement.topic);
    auto* const publisher = new inproc::InprocPublisher(request);
    publisher->open(topic);
    PublisherPortHandle handle(publisher);
    const Qos& qos = request.announcement.qos;
    // One more where a loan may be exchanged for a larger one.
    const std::uint64_t own_chunks = std::uint64_t{qos.max_loans} + qos.history + (request.variable ? 1 : 0);
    if (!publisher->pool()->allows(own_chunks)) return beyond_max_memory(request, *publisher->pool());
    if (!publisher->pool()->reserve(own_chunks)) return out_of_memory(request);
    topic->join(*publisher);
    return handle;
  } catch (const std::bad_alloc&) {
    return out_of_memory(request);
  }

  Result<SubscriberPortHandle> create_subscriber(const PortRequest& request) override try {
    auto topic = inproc::Topic::find(request.domain, request.announcement.topic);
    auto subscriber = std::make_shared<inproc::InprocSubscriber>(request);
    subscriber->open(topic, subscriber);
    SubscriberPortHandle handle(subscriber.get());
    topic->join(subscriber);
    return handle;
  } catch (const std::bad_alloc&) {
    return out_of_memory(request);
  }

  Result<std::unique_ptr<PublisherDirectory>> watch_publishers(DirectoryRequest request) override {
    return std::make_unique<Directory>(std::move(request));
  }
};

}  // namespace

std::shared_ptr<Transport> inproc_transport() {
  static const auto transport = std::make_shared<InprocTransport>();
  return transport;
}

}  // namespace v1
}  // namespace baton
