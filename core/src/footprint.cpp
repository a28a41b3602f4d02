#include "baton/footprint.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "baton/domain/member.hpp"
#include "domain/account.hpp"
#include "transport_choice.hpp"

namespace baton {
inline namespace v1 {
Result<Footprint> footprint(const TypeInfo& type, const FootprintQuery& query, const Config& config,
                            const std::vector<std::shared_ptr<Transport>>& transports) {
  const std::string topic(query.topic.empty() ? type.topic : std::string_view(query.topic));
  const std::string where = fmt::format("topic '{}'", topic);
  const Config::TopicSettings from_file = config.topic(topic);
  const QosSettings from_idl{.depth = type.qos.depth, .overflow = type.qos.overflow, .history = type.qos.history};

  Transport* transport = nullptr;
  const auto announce = [&](PortRole role, const QosSettings& from_code, PortAnnouncement& port) -> Result<void> {
    const QosSettings settings = overlay(from_code, from_file.settings);
    auto qos = resolve(overlay(from_idl, settings), where, config.topic_defaults());
    if (!qos) return fail(std::move(qos).error());
    auto chosen = choose_transport(transports, role, shape_of(type), *qos, where);
    if (!chosen) return fail(std::move(chosen).error());
    transport = chosen->transport;
    qos->transport = std::string(transport->name());
    port.node = query.node.empty() ? "node" : query.node;
    port.topic = topic;
    port.transport = qos->transport;
    port.type = std::string(type.name);
    port.fingerprint = type.fingerprint;
    port.canonical = std::string(type.canonical);
    port.qos = *std::move(qos);
    port.asked = asks_of(settings);
    port.reach = transport->reach();
    port.process = domain::process_token();
    port.description = {reinterpret_cast<const char*>(type.description.data()), type.description.size_bytes()};
    return {};
  };

  FootprintRequest request;
  if (auto announced = announce(PortRole::subscriber, query.subscriber, request.subscriber); !announced) {
    return fail(std::move(announced).error());
  }
  if (auto announced = announce(PortRole::publisher, query.publisher, request.publisher); !announced) {
    return fail(std::move(announced).error());
  }
  request.publishers = query.publishers;
  request.subscribers = query.subscribers;
  request.payload_bytes = type.layout == Layout::fixed ? type.size : type.elements_offset;
  request.variable = type.layout != Layout::fixed;
  request.max_bytes = type.max_bytes;
  request.message_bytes = query.message_bytes != 0 ? query.message_bytes : type.max_bytes;
  request.preallocate = config.domain_settings().memory.preallocate;
  if (request.variable && request.message_bytes == 0) {
    return fail(Errc::invalid_argument, where,
                fmt::format("the messages of type {} have sizes of their own", type.name),
                "say in FootprintQuery::message_bytes how large they are");
  }
  return transport->footprint(request);
}

Footprint Transport::footprint(const FootprintRequest& request) const {
  Footprint footprint;
  footprint.publishers = request.publishers;
  footprint.subscribers = request.subscribers;
  footprint.publisher_file = domain::whole_pages(domain::port_file_bytes(request.publisher));
  footprint.subscriber_file = domain::whole_pages(domain::port_file_bytes(request.subscriber));
  return footprint;
}

std::string to_string(const Footprint& footprint) {
  const auto count = [](std::uint32_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  std::string chunks;
  if (footprint.chunks != 0) {
    chunks = fmt::format(" ({} in {} chunks of {} bytes, {} beside them)", footprint.segments, footprint.chunks,
                         footprint.chunk_bytes, footprint.of_publisher() - footprint.segments);
  }
  return fmt::format("{} bytes of shared memory: {} of {} bytes{}, and {} of {} bytes", footprint.total(),
                     count(footprint.publishers, "publisher"), footprint.of_publisher(), chunks,
                     count(footprint.subscribers, "subscriber"), footprint.of_subscriber());
}

}  // namespace v1
}  // namespace baton
