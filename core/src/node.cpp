#include "baton/node.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "baton/log.hpp"
#include "baton/names.hpp"

namespace baton {
inline namespace v1 {
namespace {

/// An id that tells the ports of a domain apart: 32 random bits of the process, then a count.
std::uint64_t next_port_id() {
  static const std::uint64_t process_bits = [] {
    std::random_device random;
    return static_cast<std::uint64_t>(random()) << 32;
  }();
  static std::atomic<std::uint32_t> count{0};
  return process_bits | count.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count only
}

std::string transport_names(const std::vector<std::shared_ptr<Transport>>& transports) {
  std::vector<std::string_view> names;
  for (const auto& transport : transports) names.push_back(transport->name());
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The settings of one port after all layers, and the transport that they name.
struct Resolved {
  PortAnnouncement announcement;
  Transport* transport = nullptr;
};

}  // namespace

Result<Config> ConfigSource::read() const {
  if (config_) return *config_;
  return path_.empty() ? Config::find() : Config::load(path_);
}

struct Node::State {
  std::string name;
  std::string domain;
  Config config;
  std::vector<std::shared_ptr<Transport>> transports;
  std::shared_ptr<EventQueue> events;

  Result<Transport*> find_transport(const std::string& wanted, const std::string& where) const {
    if (transports.empty()) {
      return fail(Errc::unknown_transport, where, "the node has no transports: Options::transports is empty",
                  "leave it out for those that come with baton");
    }
    if (wanted == "auto") return transports.front().get();
    for (const auto& transport : transports) {
      if (transport->name() == wanted) return transport.get();
    }
    return fail(Errc::unknown_transport, where, fmt::format("transport '{}' is unknown", wanted),
                fmt::format("use one of: auto, {}", transport_names(transports)));
  }

  /// Lays the configuration file over the code's settings and finds the transport. The error names both layers.
  Result<Resolved> resolve_port(const TypeInfo& type, std::string_view topic, const QosSettings& from_code) const {
    const std::string topic_name(topic.empty() ? type.topic : topic);
    if (topic_name.empty()) {
      return fail(Errc::no_topic_name, fmt::format("type {}", type.name), "no topic name was given",
                  "name one in the call, or write @topic(name=\"...\") above the struct in the IDL");
    }
    if (auto valid = check_topic_name(topic_name); !valid) return fail(std::move(valid).error());

    const Config::TopicSettings from_file = config.topic(topic_name);
    const std::string where = from_file.origin.empty() ? fmt::format("topic '{}'", topic_name)
                                                       : fmt::format("{}: topic '{}'", from_file.origin, topic_name);
    const QosSettings settings = overlay(from_code, from_file.settings);
    auto qos = resolve(settings, where);
    if (!qos) return fail(std::move(qos).error());
    auto transport = find_transport(qos->transport, where);
    if (!transport) return fail(std::move(transport).error());
    if (qos->transport == "auto") {
      log::info("[{}] topic '{}': transport {}, the first of this program", name, topic_name, (*transport)->name());
    }
    qos->transport = std::string((*transport)->name());

    Resolved resolved;
    resolved.transport = *transport;
    resolved.announcement = {name,
                             topic_name,
                             qos->transport,
                             std::string(type.name),
                             type.fingerprint,
                             std::string(type.canonical),
                             *std::move(qos),
                             settings.overflow.has_value(),
                             settings.history.has_value()};
    return resolved;
  }

  PortRequest request(const TypeInfo& type, PortAnnouncement announcement) const {
    return {std::move(announcement), domain, next_port_id(), type.size, events};
  }
};

Result<Node> Node::open(std::string_view name, Options options) {
  if (auto valid = check_node_name(name); !valid) return fail(std::move(valid).error());
  if (std::find(options.transports.begin(), options.transports.end(), nullptr) != options.transports.end()) {
    return fail(Errc::invalid_argument, fmt::format("node '{}'", name), "Options::transports has a null pointer in it",
                "leave it out, or pass transports");
  }
  auto config = options.config.read();
  if (!config) return fail(std::move(config).error());
  if (config->log_level()) log::set_file_level(*config->log_level());

  const char* const from_environment = std::getenv("BATON_DOMAIN");
  std::string domain = std::move(options.domain);
  if (domain.empty() && from_environment != nullptr) domain = from_environment;
  if (domain.empty()) domain = config->domain().value_or("default");
  if (auto valid = check_domain_name(domain); !valid) return fail(std::move(valid).error());

  auto state = std::make_shared<State>();
  state->name = std::string(name);
  state->domain = std::move(domain);
  state->config = *std::move(config);
  state->transports = std::move(options.transports);
  state->events = std::make_shared<EventQueue>(state->name);
  return Node(std::move(state));
}

const std::string& Node::name() const noexcept { return state_->name; }
const std::string& Node::domain() const noexcept { return state_->domain; }
std::optional<Event> Node::take_event() { return state_->events->take(); }
std::uint64_t Node::lost_events() const { return state_->events->lost(); }
void Node::on_event(std::function<void(const Event&)> callback) { state_->events->set_callback(std::move(callback)); }

Result<PublisherPortHandle> Node::open_publisher(const TypeInfo& type, std::string_view topic,
                                                 const QosSettings& settings) {
  auto resolved = state_->resolve_port(type, topic, settings);
  if (!resolved) return fail(std::move(resolved).error());
  return resolved->transport->create_publisher(state_->request(type, std::move(resolved->announcement)));
}

Result<SubscriberPortHandle> Node::open_subscriber(const TypeInfo& type, std::string_view topic,
                                                   const QosSettings& settings) {
  auto resolved = state_->resolve_port(type, topic, settings);
  if (!resolved) return fail(std::move(resolved).error());
  return resolved->transport->create_subscriber(state_->request(type, std::move(resolved->announcement)));
}

}  // namespace v1
}  // namespace baton
