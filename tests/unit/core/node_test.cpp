#include "baton/node.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <gtest/gtest.h>

#include "baton/transport_inproc.hpp"
#include "domain/program.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using conformance::Message;
using domain::testing_support::eventually;
using domain::testing_support::Place;
using domain::testing_support::Program;

/// The next event that is about a port, not about who has joined.
std::optional<Event> take_event_of_a_port(Node& node) {
  auto event = node.take_event();
  while (event && event->topic.empty()) event = node.take_event();
  return event;
}

/// Sets an environment variable for the length of a scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

Config with_domain() { return Config::parse("domain = \"from_file\"", "test.toml").value(); }

TEST(Node, takes_its_domain_from_the_options_else_the_environment_else_the_file_else_the_default) {
  EXPECT_EQ(Node::open("n", {.config = Config()})->domain(), "default");
  EXPECT_EQ(Node::open("n", {.config = with_domain()})->domain(), "from_file");
  const Environment environment("BATON_DOMAIN", "from_environment");
  EXPECT_EQ(Node::open("n", {.config = with_domain()})->domain(), "from_environment");
  EXPECT_EQ(Node::open("n", {.domain = "from_options", .config = with_domain()})->domain(), "from_options");
}

TEST(Node, refuses_names_that_cannot_be_one) {
  for (const char* name : {"", "with space", "a/b", ".", ".."}) {
    EXPECT_EQ(Node::open(name, {.config = Config()}).error().code(), Errc::invalid_name) << name;
    if (*name == '\0') continue;  // an empty domain is none given
    EXPECT_EQ(Node::open("n", {.domain = name, .config = Config()}).error().code(), Errc::invalid_name) << name;
  }
}

TEST(Node, says_which_configuration_file_it_could_not_read) {
  const auto missing = Node::open("n", {.config = "no/such/baton.toml"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::invalid_config);
  EXPECT_NE(missing.error().message().find("no/such/baton.toml"), std::string::npos) << missing.error().message();
  const Environment environment("BATON_CONFIG", "not/there.toml");
  const auto named = Node::open("n");
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message().find("not/there.toml"), std::string::npos) << named.error().message();
}

TEST(Node, reads_the_configuration_file_that_the_environment_names) {
  const auto path = std::filesystem::temp_directory_path() / "baton_node_test.toml";
  std::ofstream(path) << "domain = \"by_environment\"\n";
  const Environment environment("BATON_CONFIG", path.c_str());
  const auto node = Node::open("n");
  std::filesystem::remove(path);
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ(node->domain(), "by_environment");
}

TEST(Node, without_transports_says_so_when_a_port_is_opened) {
  auto node = Node::open("n", {.config = Config(), .transports = {}}).value();
  const auto publisher = node.publisher<Message>("topic");
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), Errc::unknown_transport);
  EXPECT_NE(publisher.error().message().find("Options::transports"), std::string::npos) << publisher.error().message();
}

TEST(Node, refuses_a_null_transport) {
  const auto node = Node::open("n", {.config = Config(), .transports = {nullptr}});
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code(), Errc::invalid_argument);
  EXPECT_NE(node.error().message().find("Options::transports"), std::string::npos) << node.error().message();
}

TEST(Node, takes_no_path_for_the_default_configuration) {
  const char* const none = nullptr;
  EXPECT_TRUE(Node::open("n", {.config = none}));
  EXPECT_TRUE(Node::open("n", {.config = ""}));
}

TEST(Node, resolves_auto_to_a_transport_that_the_port_names) {
  auto node = Node::open("n", {.domain = "node_test", .config = Config()}).value();
  EXPECT_EQ(node.publisher<Message>("topic")->transport(), builtin_transports().front()->name());
  EXPECT_EQ(node.subscriber<Message>("topic", {.transport = "inproc"})->transport(), "inproc");
}

// A configuration whose domains lie in the place of a test.
Config within(const Place& place) {
  return Config::parse(fmt::format("[shared_memory]\ndirectory = \"{}\"\n", place.path()), "test.toml").value();
}

Node open_inproc(const Place& place, const std::string& name, bool keeper = true) {
  return Node::open(name,
                    {.domain = "test", .config = within(place), .transports = {inproc_transport()}, .keeper = keeper})
      .value();
}

TEST(Node, joins_its_domain_with_the_first_port_and_leaves_it_with_the_last) {
  const Place place;
  {
    auto node = std::make_unique<Node>(open_inproc(place, "n"));
    node->keep();
    EXPECT_TRUE(place.files().empty());
    auto publisher = std::make_unique<Publisher<Message>>(node->publisher<Message>("topic").value());
    const std::size_t files = place.files().size();
    EXPECT_GE(files, 7U) << "two directories, registry, node, socket, bucket, port";
    const auto subscriber = node->subscriber<Message>("topic").value();
    EXPECT_EQ(place.files().size(), files + 1);
    publisher.reset();
    EXPECT_EQ(place.files().size(), files);
    node.reset();
    EXPECT_EQ(place.files().size(), files);
  }
  EXPECT_TRUE(place.files().empty());
}

TEST(Node, tells_in_process_ports_of_two_processes_why_they_are_not_connected) {
  const Place place;
  const Program program(place, "publishes_in_process");
  ASSERT_EQ(program.line(), "ready");
  auto node = open_inproc(place, "n");
  const auto subscriber = node.subscriber<Message>("topic").value();
  EXPECT_EQ(program.line(),
            "refused n inproc reaches the nodes of one process only, and n is in another one; use shm for the topic in "
            "both configurations");
  std::optional<Event> event;
  ASSERT_TRUE(eventually([&] { return (event = take_event_of_a_port(node)).has_value(); }));
  EXPECT_EQ(event->kind, EventKind::refused);
  EXPECT_EQ(event->peer, "other");
  EXPECT_EQ(event->topic, "topic");
}

TEST(Node, does_not_report_in_process_ports_that_its_transport_connects) {
  const Place place;
  auto node = open_inproc(place, "n", false);
  auto other = open_inproc(place, "other", false);
  const auto publisher = node.publisher<Message>("topic").value();
  const auto subscriber = other.subscriber<Message>("topic").value();
  node.keep();
  other.keep();
  EXPECT_EQ(take_event_of_a_port(node)->kind, EventKind::matched);
  EXPECT_FALSE(take_event_of_a_port(node));
  EXPECT_EQ(take_event_of_a_port(other)->kind, EventKind::matched);
  EXPECT_FALSE(take_event_of_a_port(other));
}

TEST(Node, does_without_a_domain_where_its_transport_does) {
  const Config nowhere = Config::parse("[shared_memory]\ndirectory = \"/no/such/place\"\n", "test.toml").value();
  auto node = Node::open("n", {.domain = "test", .config = nowhere, .transports = {inproc_transport()}}).value();
  auto publisher = node.publisher<Message>("topic").value();
  auto subscriber = node.subscriber<Message>("topic").value();
  EXPECT_EQ(publisher.publish(Message{}).delivered, 1U);
  EXPECT_TRUE(subscriber.take());
  node.keep();
}

TEST(Node, meets_its_deadlines_without_a_domain_in_the_eyes_of_one_that_has_joined) {
  const Place place;
  const Config nowhere = Config::parse("[shared_memory]\ndirectory = \"/no/such/place\"\n", "test.toml").value();
  auto without =
      Node::open("without", {.domain = "test", .config = nowhere, .transports = {inproc_transport()}}).value();
  auto joined = open_inproc(place, "joined");
  auto publisher = without.publisher<Message>("topic", {.deadline = std::chrono::seconds(2)}).value();
  auto subscriber = joined.subscriber<Message>("topic", {.deadline = std::chrono::seconds(2)}).value();
  EXPECT_EQ(take_event_of_a_port(joined)->kind, EventKind::matched);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'500);
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_TRUE(publisher.publish(Message{}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_FALSE(take_event_of_a_port(joined)) << "every message came in time";
}

/// Opens no ports, but is asked to.
class NoTransport final : public Transport {
 public:
  std::string_view name() const noexcept override { return "none"; }
  Reach reach() const noexcept override { return Reach::machine; }
  Result<PublisherPortHandle> create_publisher(const PortRequest& request) override {
    EXPECT_NE(request.member, nullptr);
    EXPECT_EQ(request.presence, nullptr);
    EXPECT_EQ(request.announcement.reach, Reach::machine);
    return fail(Errc::closed, "none", "as the test wants it", "");
  }
  Result<SubscriberPortHandle> create_subscriber(const PortRequest&) override {
    return fail(Errc::closed, "none", "as the test wants it", "");
  }
};

TEST(Node, cannot_do_without_a_domain_where_its_transport_cannot) {
  const Config nowhere = Config::parse("[shared_memory]\ndirectory = \"/no/such/place\"\n", "test.toml").value();
  const auto transport = std::make_shared<NoTransport>();
  auto node = Node::open("n", {.domain = "test", .config = nowhere, .transports = {transport}}).value();
  const auto publisher = node.publisher<Message>("topic");
  ASSERT_FALSE(publisher);
  EXPECT_NE(publisher.error().message().find("/no/such/place"), std::string::npos) << publisher.error();
}

TEST(Node, says_in_a_forked_child_that_it_is_the_parents) {
  const Place place;
  auto node =
      Node::open("n", {.domain = "test", .config = within(place), .transports = {std::make_shared<NoTransport>()}})
          .value();
  EXPECT_EQ(node.publisher<Message>("topic").error().code(), Errc::closed);
  const pid_t pid = ::fork();
  if (pid == 0) {
    node.keep(std::chrono::hours(1));
    ::_exit(node.publisher<Message>("topic").error().code() == Errc::forked ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Node, may_lose_a_port_in_the_event_that_says_why_it_is_not_connected) {
  const Place place;
  auto node = open_inproc(place, "n");
  std::atomic<bool> lost{false};
  std::optional<Subscriber<Message>> subscriber;
  std::mutex mutex;
  node.on_event([&](const Event& event) {
    const std::lock_guard lock(mutex);
    if (event.kind != EventKind::refused) return;
    subscriber.reset();
    lost = true;
  });
  {
    const std::lock_guard lock(mutex);
    subscriber.emplace(node.subscriber<Message>("topic").value());
  }
  const Program program(place, "publishes_in_process");
  ASSERT_EQ(program.line(), "ready");
  EXPECT_TRUE(eventually([&] { return lost.load(); }));
}

TEST(Node, may_go_before_its_ports) {
  auto node = std::make_unique<Node>(Node::open("n", {.domain = "node_test", .config = Config()}).value());
  auto publisher = node->publisher<Message>("topic").value();
  auto subscriber = node->subscriber<Message>("topic").value();
  node.reset();
  EXPECT_EQ(publisher.publish(Message{}).delivered, 1U);
  EXPECT_TRUE(subscriber.take());
}

}  // namespace
}  // namespace baton
