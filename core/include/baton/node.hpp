#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "baton/config.hpp"
#include "baton/error.hpp"
#include "baton/event.hpp"
#include "baton/generic.hpp"
#include "baton/port.hpp"
#include "baton/publisher.hpp"
#include "baton/subscriber.hpp"
#include "baton/topic_watch.hpp"
#include "baton/wait_set.hpp"

namespace baton {
inline namespace v1 {

/// The transports that come with baton: the default of `Options::transports`.
BATON_API std::vector<std::shared_ptr<Transport>> builtin_transports();

/// Where a node's configuration comes from: found by itself, a file by its path, or a `Config` at hand.
class BATON_API ConfigSource {
 public:
  ConfigSource() = default;  ///< `$BATON_CONFIG`, else ./baton.toml, else the built-in defaults
  /// An empty path, or none, is found like the default.
  ConfigSource(std::string path) : path_(std::move(path)) {}              // NOLINT(google-explicit-constructor)
  ConfigSource(const char* path) : path_(path == nullptr ? "" : path) {}  // NOLINT(google-explicit-constructor)
  ConfigSource(Config config) : config_(std::move(config)) {}             // NOLINT(google-explicit-constructor)

  Result<Config> read() const;

 private:
  std::string path_;
  std::optional<Config> config_;
};

/// How to open a node.
struct Options {
  /// Nodes find each other within a domain. Empty: `$BATON_DOMAIN`, else the configuration file's, else "default".
  std::string domain = {};
  ConfigSource config = {};
  /// What may carry topics, in the order of preference of `transport = "auto"` between those that suit
  /// a publisher's messages equally well; a subscriber has the first.
  std::vector<std::shared_ptr<Transport>> transports = builtin_transports();
  /// Whether the node has a thread of its own, its keeper: it connects ports while nobody uses them, shows that the
  /// program runs, and notices when others do not any more. It sleeps but for that, and starts with the first port. A
  /// program that wants no thread sets this to false and calls `Node::keep` often.
  bool keeper = true;
};

/// A participant: opens the publishers and subscribers of one name in one domain.
///
/// A node may be used by several threads at once, and moved. Its ports keep what they need of it, so they may outlive
/// it. Names need not be unique.
class BATON_API Node {
 public:
  using Options = v1::Options;

  Node(Node&& other) noexcept;
  Node& operator=(Node&& other) noexcept;
  ~Node();

  /// Reads the configuration and joins the domain. Fails on an invalid name, configuration or option.
  [[nodiscard]] static Result<Node> open(std::string_view name, Options options = {});

  /// A publisher for `topic`, by default the one that the IDL gives the type with `@topic(name=...)`. `settings` may
  /// be overridden for the topic by the configuration file. Fails on an invalid name, setting or transport, or when
  /// memory runs out.
  template <Message T>
  [[nodiscard]] Result<Publisher<T>> publisher(std::string_view topic = {}, const QosSettings& settings = {}) {
    auto port = open_publisher(TypeTraits<T>::info(), topic, settings);
    if (!port) return fail(std::move(port).error());
    return Publisher<T>(*std::move(port));
  }

  /// A subscriber for `topic`; the same rules.
  ///
  /// `topic` may be a pattern, "camera/*" (see `topic_matches`): then it receives from all topics whose names fit and
  /// whose type is T's, those that come later too, each by its publishers' transport, whatever `settings` say of that.
  /// `SampleInfo::topic` tells them apart. Each topic has a queue of its own, of `depth`, with the topic's settings of
  /// the configuration file; `max_held` bounds the samples of all topics together. A new topic is connected in `take`
  /// or `wait`, which it wakes, or by the thread that calls the callback; what was published before that is received as
  /// far as the publisher keeps it as history. Fails on an invalid pattern, too, and where the domain cannot be joined.
  template <Message T>
  [[nodiscard]] Result<Subscriber<T>> subscriber(std::string_view topic = {}, const QosSettings& settings = {}) {
    auto port = open_subscriber(TypeTraits<T>::info(), topic, settings);
    if (!port) return fail(std::move(port).error());
    return Subscriber<T>(*std::move(port));
  }

  /// A publisher for a type that is known by its description; otherwise the same rules.
  [[nodiscard]] Result<GenericPublisher> generic_publisher(std::string_view topic, const TypeDescription& type,
                                                           const QosSettings& settings = {});

  /// A subscriber for all topics whose names fit `pattern` (see `topic_matches`), of any type, on any of the node's
  /// transports. The topics' settings of the configuration file hold, but for what could keep it from a publisher or
  /// hold that up: the transport is the publisher's; `deadline`, `lifespan` and `latched` are those of `settings`
  /// alone, and so is `overflow`, which drops the oldest where that says nothing. Fails on an invalid pattern, or where
  /// the domain cannot be joined.
  [[nodiscard]] Result<GenericSubscriber> generic_subscriber(std::string_view pattern = "**",
                                                             const QosSettings& settings = {});

  /// Has `callback` called for each publisher and subscriber of the domain whose topic fits `pattern`: for those that
  /// are there soon, and whenever one appears or is gone; until the result is destroyed. Of all transports, and of all
  /// nodes, this one too. Calls never overlap; they come on the node's keeper, which does nothing else meanwhile, or
  /// in `keep`. A port whose process was killed is gone when that is noticed, within the time of some heartbeats.
  /// The callback may open, close and destroy ports and watches, its own too. An exception that leaves it is logged.
  /// Fails on an invalid pattern, an empty callback, or where the domain cannot be joined.
  [[nodiscard]] Result<TopicWatch> watch(std::string_view pattern, std::function<void(const TopicEvent&)> callback);

  const std::string& name() const noexcept;
  const std::string& domain() const noexcept;

  /// What the keeper does, once, for a node without one (`Options::keeper`): connects what is to be connected, and
  /// looks after peers that have gone. Waits until there is something to do, `timeout` at most. It calls the callback
  /// of `on_event`. Any thread; before the first port there is nothing to do, and it returns at once.
  void keep(std::chrono::nanoseconds timeout = std::chrono::nanoseconds::zero());

  /// A set to wait for many things at once with. It keeps the node in its domain.
  [[nodiscard]] WaitSet wait_set();

  /// The node's own set, made when it is first asked for: what is added to it is handled in `spin` and `spin_once`. It
  /// lives as long as the node, and follows the rules of WaitSet.
  WaitSet& executor();

  /// Waits for what is in the node's own set and calls the handlers, until `stop`. One thread at a time.
  void spin() { executor().spin(); }

  /// The same once, as `WaitSet::wait`.
  template <class Rep, class Period>
  WaitResult spin_once(std::chrono::duration<Rep, Period> timeout) {
    return executor().wait(timeout);
  }

  /// Ends `spin`, as `WaitSet::stop`; nothing if `executor` has not been called. Any thread; signal handlers.
  void stop() noexcept;

  /// Whether the files of the domain on this machine are in order: empty, or a line for each that is nobody's, that was
  /// left by a node that is gone, or that cannot be read. Reads them all; ports have an `audit` of their own. Nothing
  /// before the first port.
  std::vector<std::string> audit();

  /// The oldest event that has not been taken. The queue keeps the newest 1,024. See docs/events.md; those about other
  /// nodes begin with the first port, by which this one joins the domain.
  std::optional<Event> take_event();

  /// Events that gave way because nobody took them.
  std::uint64_t lost_events() const;

  /// Has `callback` called for each event from now on, on the thread that causes it, possibly on several at once;
  /// events are queued all the same. It may open and close ports. An exception that leaves it is logged. A replaced
  /// callback may still be running when this returns, and events go on as long as one of the node's ports lives: what
  /// the callback refers to has to live that long.
  void on_event(std::function<void(const Event&)> callback);

 private:
  friend class WaitSet;
  struct State;
  class TypedOpener;
  explicit Node(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  Result<PublisherPortHandle> open_publisher(const TypeInfo& type, std::string_view topic, const QosSettings& settings);
  Result<SubscriberPortHandle> open_subscriber(const TypeInfo& type, std::string_view topic,
                                               const QosSettings& settings);
  Result<SubscriberPortHandle> open_pattern(const TypeInfo& type, std::string_view pattern,
                                            const QosSettings& settings);

  std::shared_ptr<State> state_;
};

}  // namespace v1
}  // namespace baton
