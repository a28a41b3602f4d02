#include "baton/node.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "baton/domain/member.hpp"
#include "baton/log.hpp"
#include "baton/names.hpp"
#include "generic/subscriber.hpp"
#include "pattern/pattern_port.hpp"
#include "pattern/topic_ports.hpp"
#include "size.hpp"
#include "transport_choice.hpp"
#include "waiting/wait_set_state.hpp"

namespace baton {
inline namespace v1 {
namespace {

/// An id that tells the ports of a domain apart: 32 random bits of the process, then a count.
std::uint64_t next_port_id() {
  static std::atomic<std::uint32_t> count{0};
  const std::uint64_t process_bits = domain::process_token() & 0xFFFFFFFF00000000U;
  return process_bits | count.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count only
}

/// What a port has in its domain when its transport does not reach there: its announcement, and an eye on other
/// processes' ports, to say why they are not connected. Lives as long as the port holds `PortRequest::presence`.
class Announced final : public domain::Kept {
 public:
  static Result<std::shared_ptr<domain::Presence>> make(const std::shared_ptr<domain::Member>& member, PortRole role,
                                                        const PortRequest& request) {
    const domain::PortRef self{member->id(), member->next_port()};
    auto presence = domain::Presence::announce(member, role, self, request.announcement, request.port_id,
                                               request.variable ? 0 : request.payload_bytes);
    if (!presence) return fail(std::move(presence).error());
    auto announced = std::make_shared<Announced>(member, role, request.announcement, *std::move(presence));
    domain::Presence* const inner = announced->presence_.get();
    return std::shared_ptr<domain::Presence>(std::move(announced), inner);
  }

  Announced(std::shared_ptr<domain::Member> member, PortRole role, const PortAnnouncement& announcement,
            std::shared_ptr<domain::Presence> presence)
      : member_(std::move(member)), presence_(std::move(presence)), peers_(member_, role, announcement) {
    member_->add(domain::bucket_of(announcement.topic), *this);
  }
  ~Announced() { member_->remove(*this); }
  Announced(const Announced&) = delete;
  Announced& operator=(const Announced&) = delete;

  void keep(std::vector<Event>& to_announce) noexcept override try {
    peers_.refresh(to_announce);
  } catch (const std::exception& error) {
    log::error("[{}] the peers of a port cannot be looked up: {}", member_->node(), error.what());
  }

 private:
  const std::shared_ptr<domain::Member> member_;
  const std::shared_ptr<domain::Presence> presence_;
  domain::Peers peers_;
};

std::string bytes_of(std::span<const std::uint64_t> words) {
  return {reinterpret_cast<const char*>(words.data()), words.size_bytes()};
}

/// Which port it is, of those that follow a pattern, and for which publisher.
struct Follows {
  const PortAnnouncement& publisher;
  bool generic;
};

bool is_pattern(std::string_view topic) noexcept { return topic.find('*') != std::string_view::npos; }

/// Only subscribers take patterns.
Result<void> check_single(const TypeInfo& type, std::string_view topic) {
  const std::string_view name = topic.empty() ? type.topic : topic;
  if (!is_pattern(name)) return {};
  return fail(
      Errc::invalid_name, fmt::format("topic '{}'", name),
      fmt::format("is a pattern, by the '*' at position {}, and only subscribers take patterns", name.find('*') + 1),
      "name one topic to publish on");
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
  bool keeper = true;

  std::mutex member_mutex;  // guards what follows
  std::shared_ptr<domain::Member> member;
  bool does_without = false;  // the domain could not be joined, and a port did not need it
  bool warned = false;        // that something cannot be announced

  std::mutex executor_mutex;  // guards what follows
  std::optional<WaitSet> executor;
  std::atomic<WaitSet*> executor_made{nullptr};  // W: under the mutex, once

  /// In the domain, if it can be joined: else the set polls.
  std::shared_ptr<WaitSet::State> make_wait_set() {
    auto joined = join();
    return std::make_shared<WaitSet::State>(name, joined ? *std::move(joined) : nullptr);
  }

  void end_executor() noexcept {
    std::optional<WaitSet> last;  // destroyed after the mutex is released
    const std::lock_guard lock(executor_mutex);
    executor_made.store(nullptr, std::memory_order_relaxed);
    last.swap(executor);
  }

  std::shared_ptr<domain::Member> joined() {
    const std::lock_guard lock(member_mutex);
    return member;
  }

  /// Joins the domain, at the first port.
  Result<std::shared_ptr<domain::Member>> join() {
    const std::lock_guard lock(member_mutex);
    if (member == nullptr) {
      auto made = domain::Member::join({name, domain, config.domain_settings(), keeper, events});
      if (!made) return made;
      member = *std::move(made);
    }
    if (!member->forked()) return member;
    return fail(Errc::forked, fmt::format("node '{}'", name), "belongs to the process that this one was forked from",
                "open a node of its own in the child");
  }

  /// Lays the configuration file over the code's settings, both over the IDL's, and finds the transport. The error
  /// names both layers.
  Result<Resolved> resolve_port(PortRole role, const TypeInfo& type, std::string_view topic,
                                const QosSettings& from_code, std::optional<Follows> follows = std::nullopt) const {
    const std::string topic_name(topic.empty() ? type.topic : topic);
    if (topic_name.empty()) {
      return fail(Errc::no_topic_name, fmt::format("type {}", type.name), "no topic name was given",
                  "name one in the call, or write @topic(name=\"...\") above the struct in the IDL");
    }
    if (auto valid = check_topic_name(topic_name); !valid) return fail(std::move(valid).error());

    const Config::TopicSettings from_file = config.topic(topic_name);
    const std::string where = from_file.origin.empty() ? fmt::format("topic '{}'", topic_name)
                                                       : fmt::format("{}: topic '{}'", from_file.origin, topic_name);
    QosSettings settings = overlay(from_code, from_file.settings);
    if (follows) settings.transport = follows->publisher.transport;
    if (follows && follows->generic) {  // nothing may keep it from a publisher, or hold that up
      settings.overflow = from_code.overflow.value_or(Overflow::drop_oldest);
      settings.deadline = from_code.deadline;
      settings.lifespan = from_code.lifespan;
      settings.latched = from_code.latched.value_or(false);  // which the file's profile might say otherwise
    }
    const QosSettings from_idl{.depth = type.qos.depth, .overflow = type.qos.overflow, .history = type.qos.history};
    auto qos = resolve(overlay(from_idl, settings), where, config.topic_defaults());
    if (!qos) return fail(std::move(qos).error());
    if (auto fits = check_memory(*qos, where); !fits) return fail(std::move(fits).error());
    auto chosen = choose_transport(transports, role, shape_of(type), *qos, where);
    if (!chosen) return fail(std::move(chosen).error());
    Transport* const transport = chosen->transport;
    if (!chosen->reason.empty()) {
      log::info("[{}] topic '{}': transport {}, {}", name, topic_name, transport->name(), chosen->reason);
    }
    qos->transport = std::string(transport->name());

    Resolved resolved;
    resolved.transport = transport;
    resolved.announcement = {name,
                             topic_name,
                             qos->transport,
                             std::move(chosen->reason),
                             std::move(chosen->also_reached_by),
                             std::string(type.name),
                             type.fingerprint,
                             std::string(type.canonical),
                             *std::move(qos),
                             asks_of(settings),
                             transport->reach(),
                             domain::process_token(),
                             follows && follows->generic,
                             follows && !follows->generic,
                             bytes_of(type.description)};
    return resolved;
  }

  /// That the code's limit for a topic is within the file's for the node; the file's own has been checked when it was
  /// read.
  Result<void> check_memory(const Qos& qos, const std::string& where) const {
    const MemorySettings memory = config.domain_settings().memory;
    if (qos.max_memory <= memory.max_node) return {};
    return fail(Errc::invalid_argument, where,
                fmt::format("max_memory is {}, and {} is {}: a publisher could never have so much",
                            size_text(qos.max_memory), memory.max_node_origin, size_text(memory.max_node)),
                "lower max_memory, or raise the other");
  }

  /// What the transport is asked, after the port's place in the domain has been seen to.
  Result<PortRequest> request(const TypeInfo& type, PortRole role, Resolved resolved) {
    PortRequest request;
    request.announcement = std::move(resolved.announcement);
    request.domain = domain;
    request.port_id = next_port_id();
    static_cast<MessageShape&>(request) = shape_of(type);
    request.events = events;
    if (resolved.transport->reach() == Reach::machine) {
      auto made = join();
      if (!made) return fail(std::move(made).error());
      request.member = *std::move(made);
    } else {
      announce_within_reach(role, request);
    }
    return request;
  }

  /// A port for a topic that fits a pattern.
  Result<SubscriberPortHandle> follow(const TypeInfo& type, const QosSettings& settings, const Follows& follows) {
    auto resolved = resolve_port(PortRole::subscriber, type, follows.publisher.topic, settings, follows);
    if (!resolved) return fail(std::move(resolved).error());
    Transport& transport = *resolved->transport;
    auto request = this->request(type, PortRole::subscriber, *std::move(resolved));
    if (!request) return fail(std::move(request).error());
    return transport.create_subscriber(*request);
  }

  /// What finds the topics that fit a pattern, on all transports.
  Result<std::unique_ptr<TopicPorts>> topic_ports(std::string_view pattern,
                                                  std::unique_ptr<TopicPorts::Opener> opener) {
    auto ports = TopicPorts::make(name, std::string(pattern), std::move(opener));
    if (!ports) return ports;
    for (const auto& transport : transports) {
      DirectoryRequest request{domain, nullptr, {}};
      if (transport->reach() == Reach::machine) {
        auto joined = join();
        if (!joined) return fail(std::move(joined).error());
        request.member = *std::move(joined);
      }
      auto added = (*ports)->add_directory([&](std::function<void()> changed) {
        request.changed = std::move(changed);
        return transport->watch_publishers(std::move(request));
      });
      if (!added) return fail(std::move(added).error());
    }
    return ports;
  }

  /// A port that reaches its own process only does without the domain, if need be: then other processes' ports are not
  /// told why it is not connected to them, which is all that is lost.
  void announce_within_reach(PortRole role, PortRequest& request) {
    {
      const std::lock_guard lock(member_mutex);
      if (does_without) return;
    }
    auto made = join();
    auto presence = made ? Announced::make(*made, role, request) : fail(made.error());
    if (presence) {
      request.member = *std::move(made);
      request.presence = *std::move(presence);
      return;
    }
    if (presence.error().code() == Errc::forked) return;
    const std::lock_guard lock(member_mutex);
    does_without = !made;
    if (std::exchange(warned, true)) return;
    log::warn("[{}] programs of other processes are not told of the ports of this one: {}", name, presence.error());
  }
};

/// Wants the topics of one type.
class Node::TypedOpener final : public TopicPorts::Opener {
 public:
  TypedOpener(std::shared_ptr<State> node, const TypeInfo& type, QosSettings settings)
      : node_(std::move(node)), type_(type), settings_(std::move(settings)) {}

  /// Of appendable tables one port receives all versions.
  std::optional<Fingerprint> type_for(const PortAnnouncement& publisher) override {
    const bool fits = publisher.fingerprint == type_.fingerprint || compatible(publisher.canonical, type_.canonical);
    return fits ? std::optional(type_.fingerprint) : std::nullopt;
  }

  Result<TopicPorts::Port> open(const PortAnnouncement& publisher) override {
    auto port = node_->follow(type_, settings_, {publisher, false});
    if (!port) return fail(std::move(port).error());
    return TopicPorts::Port{*std::move(port)};
  }

 private:
  const std::shared_ptr<State> node_;
  const TypeInfo& type_;  // of generated code
  const QosSettings settings_;
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
  state->keeper = options.keeper;
  return Node(std::move(state));
}

// What is in the executor may own ports of the node, and these its state, which owns the executor: so that ends here.
Node::Node(Node&& other) noexcept = default;
Node& Node::operator=(Node&& other) noexcept {
  const Node last(std::exchange(state_, std::exchange(other.state_, nullptr)));
  return *this;
}
Node::~Node() {
  if (state_ != nullptr) state_->end_executor();
}

const std::string& Node::name() const noexcept { return state_->name; }
const std::string& Node::domain() const noexcept { return state_->domain; }
std::optional<Event> Node::take_event() { return state_->events->take(); }
std::uint64_t Node::lost_events() const { return state_->events->lost(); }
void Node::on_event(std::function<void(const Event&)> callback) { state_->events->set_callback(std::move(callback)); }

std::vector<std::string> Node::audit() {
  const auto member = state_->joined();
  return member ? member->audit() : std::vector<std::string>();
}

WaitSet& Node::executor() {
  const std::lock_guard lock(state_->executor_mutex);
  if (!state_->executor) {
    state_->executor.emplace(WaitSet(state_->make_wait_set()));
    state_->executor_made.store(&*state_->executor, std::memory_order_release);  // for signal handlers
  }
  return *state_->executor;
}

void Node::stop() noexcept {
  if (WaitSet* const set = state_->executor_made.load(std::memory_order_acquire)) set->stop();
}

WaitSet Node::wait_set() { return WaitSet(state_->make_wait_set()); }

Result<WaitSet::Id> WaitSet::add_events(const Node& node, std::function<void(const Event&)> handler) {
  return state_->add_events(node.state_->events, std::move(handler));
}

void Node::keep(std::chrono::nanoseconds timeout) {
  if (const auto member = state_->joined()) member->keep(timeout);
}

Result<PublisherPortHandle> Node::open_publisher(const TypeInfo& type, std::string_view topic,
                                                 const QosSettings& settings) {
  if (auto single = check_single(type, topic); !single) return fail(std::move(single).error());
  auto resolved = state_->resolve_port(PortRole::publisher, type, topic, settings);
  if (!resolved) return fail(std::move(resolved).error());
  Transport& transport = *resolved->transport;
  auto request = state_->request(type, PortRole::publisher, *std::move(resolved));
  if (!request) return fail(std::move(request).error());
  return transport.create_publisher(*request);
}

Result<GenericPublisher> Node::generic_publisher(std::string_view topic, const TypeDescription& type,
                                                 const QosSettings& settings) {
  auto port = open_publisher(type.info(), topic, settings);
  if (!port) return fail(std::move(port).error());
  return GenericPublisher(*std::move(port), type);
}

Result<GenericSubscriber> Node::generic_subscriber(std::string_view pattern, const QosSettings& settings) {
  if (auto valid = check_topic_pattern(pattern); !valid) return fail(std::move(valid).error());
  if (auto valid = resolve(settings, fmt::format("topics '{}'", pattern), state_->config.topic_defaults()); !valid)
    return fail(std::move(valid).error());
  const auto open = [node = state_, settings](const TypeDescription& type, const PortAnnouncement& publisher) {
    return node->follow(type.info(), settings, {publisher, true});
  };
  auto ports = state_->topic_ports(pattern, std::make_unique<GenericOpener>(open));
  if (!ports) return fail(std::move(ports).error());
  return GenericSubscriber(std::make_shared<GenericSubscriber::State>(*std::move(ports), state_->joined()));
}

Result<SubscriberPortHandle> Node::open_pattern(const TypeInfo& type, std::string_view pattern,
                                                const QosSettings& settings) {
  if (auto valid = check_topic_pattern(pattern); !valid) return fail(std::move(valid).error());
  const QosSettings from_idl{.depth = type.qos.depth, .overflow = type.qos.overflow, .history = type.qos.history};
  auto qos = resolve(overlay(from_idl, settings), fmt::format("topics '{}'", pattern), state_->config.topic_defaults());
  if (!qos) return fail(std::move(qos).error());
  auto ports = state_->topic_ports(pattern, std::make_unique<TypedOpener>(state_, type, settings));
  if (!ports) return fail(std::move(ports).error());
  PortAnnouncement announcement;
  announcement.node = state_->name;
  announcement.topic = std::string(pattern);
  announcement.transport = "auto";  // each topic has its publishers'
  announcement.type = std::string(type.name);
  announcement.fingerprint = type.fingerprint;
  announcement.canonical = std::string(type.canonical);
  announcement.qos = *std::move(qos);
  announcement.asked = asks_of(settings);
  announcement.process = domain::process_token();
  announcement.by_pattern = true;
  announcement.description = bytes_of(type.description);
  return PatternPort::open(std::move(announcement), *std::move(ports), state_->joined());
}

Result<TopicWatch> Node::watch(std::string_view pattern, std::function<void(const TopicEvent&)> callback) {
  if (auto valid = check_topic_pattern(pattern); !valid) return fail(std::move(valid).error());
  if (!callback) {
    return fail(Errc::invalid_argument, fmt::format("topics '{}'", pattern), "the callback of a watch is empty",
                "pass a function");
  }
  auto member = state_->join();
  if (!member) return fail(std::move(member).error());
  return TopicWatch::make(*std::move(member), pattern, std::move(callback));
}

Result<SubscriberPortHandle> Node::open_subscriber(const TypeInfo& type, std::string_view topic,
                                                   const QosSettings& settings) {
  const std::string_view name = topic.empty() ? type.topic : topic;
  if (is_pattern(name)) return open_pattern(type, name, settings);
  auto resolved = state_->resolve_port(PortRole::subscriber, type, topic, settings);
  if (!resolved) return fail(std::move(resolved).error());
  Transport& transport = *resolved->transport;
  auto request = state_->request(type, PortRole::subscriber, *std::move(resolved));
  if (!request) return fail(std::move(request).error());
  return transport.create_subscriber(*request);
}

}  // namespace v1
}  // namespace baton
