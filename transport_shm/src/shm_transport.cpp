#include "baton/transport_shm.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "footprint.hpp"
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
  Directory(DirectoryRequest request, std::string_view transport)
      : ports_(std::move(request.member), domain::Ports::Which::publishers, std::move(request.changed)),
        transport_(transport) {}

  bool look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) override {
    if (!ports_.look(present_)) return false;
    found.clear();
    for (const domain::Ports::Port& port : present_) {
      if (port.announcement->transport == transport_) found.push_back(port.announcement);
    }
    return true;
  }

 private:
  domain::Ports ports_;
  const std::string_view transport_;
  std::vector<domain::Ports::Port> present_;
};

/// Both ways over shared memory: queues, and the large-data ring.
class ShmTransport final : public Transport {
 public:
  explicit ShmTransport(shm::Plane plane) noexcept : plane_(plane) {}

  std::string_view name() const noexcept override {
    return plane_ == shm::Plane::ring ? shm::kRingTransport : shm::kQueueTransport;
  }
  Reach reach() const noexcept override { return Reach::machine; }

  /// One subscriber serves both.
  std::string_view also_reached_by() const noexcept override {
    return plane_ == shm::Plane::ring ? shm::kQueueTransport : shm::kRingTransport;
  }

  Suitability suits(const MessageShape& shape, const Qos& qos) const override {
    const bool is_raw = shape.variable && !shape.from_end;
    const bool is_large = !shape.variable && shape.payload_bytes >= kLarge;
    // All that may be in use at a time should find its place.
    const std::uint64_t most = (std::uint64_t{qos.max_loans} + qos.history + qos.depth) * shape.payload_bytes;
    const bool is_for_ring = (is_raw || is_large) && most <= std::min(qos.capacity, qos.max_memory);
    if (plane_ == shm::Plane::queue) {
      return {2, is_large ? "messages too large, or too many, for the ring's capacity" : "small messages, or tables"};
    }
    if (!is_for_ring) return {1, {}};
    return {3, is_raw ? "raw messages" : fmt::format("messages of {} bytes", shape.payload_bytes)};
  }

  Result<PublisherPortHandle> create_publisher(const PortRequest& request) override try {
    if (request.member->forked()) return forked(request);
    return shm::ShmPublisher::open(request, plane_);
  } catch (const std::exception& error) {
    return out_of_memory(request, error);
  }

  Result<SubscriberPortHandle> create_subscriber(const PortRequest& request) override try {
    if (request.member->forked()) return forked(request);
    return shm::ShmSubscriber::open(request);
  } catch (const std::exception& error) {
    return out_of_memory(request, error);
  }

  Footprint footprint(const FootprintRequest& request) const override { return shm::footprint_of(request, plane_); }

  Result<std::unique_ptr<PublisherDirectory>> watch_publishers(DirectoryRequest request) override {
    return std::make_unique<Directory>(std::move(request), name());
  }

 private:
  /// From here on what lies beside a message, in caches and in bookkeeping, does not matter.
  static constexpr std::uint64_t kLarge = 16U << 10U;

  const shm::Plane plane_;
};

}  // namespace

std::shared_ptr<Transport> shm_transport() {
  static const auto transport = std::make_shared<ShmTransport>(shm::Plane::queue);
  return transport;
}

std::shared_ptr<Transport> ring_transport() {
  static const auto transport = std::make_shared<ShmTransport>(shm::Plane::ring);
  return transport;
}

}  // namespace v1
}  // namespace baton
