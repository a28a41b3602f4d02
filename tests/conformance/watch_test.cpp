// Watches: who publishes and who subscribes, as it comes and goes.

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace conformance {
namespace {

using baton::PortRole;
using baton::TopicEvent;

BATON_CONFORMANCE_SUITE(Watch);

std::string text_of(const TopicEvent& event) {
  const baton::PortInfo& port = event.port;
  return std::string(to_string(event.change)) + " " + std::string(to_string(port.role)) + " " + port.topic + " " +
         port.type + " " + port.transport + " " + port.node + (port.generic ? " generic" : "");
}

/// What a watch has told, as lines.
class Told {
 public:
  void note(const TopicEvent& event) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(text_of(event));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool has(const std::string& line) const {
    return eventually([&] {
      const auto all = lines();
      return std::find(all.begin(), all.end(), line) != all.end();
    });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_P(Watch, tells_of_ports_that_are_there_that_come_and_that_go) {
  const std::string by = " " + GetParam().name + " ";
  auto publisher = std::make_optional(node_.publisher<Message>("camera/left").value());
  auto elsewhere = node_.publisher<Message>("elsewhere").value();
  Told told;
  const auto watch = other_.watch("camera/*", [&](const TopicEvent& event) { told.note(event); }).value();
  EXPECT_TRUE(told.has("appeared publisher camera/left conformance::Message" + by + "first"));
  auto subscriber = std::make_optional(other_.subscriber<Message>("camera/left").value());
  EXPECT_TRUE(told.has("appeared subscriber camera/left conformance::Message" + by + "second"));
  subscriber.reset();
  EXPECT_TRUE(told.has("gone subscriber camera/left conformance::Message" + by + "second"));
  publisher.reset();
  EXPECT_TRUE(told.has("gone publisher camera/left conformance::Message" + by + "first"));
  EXPECT_EQ(told.lines().size(), 4U) << "each once, and nothing of elsewhere";
}

TEST_P(Watch, tells_generic_subscribers_from_others) {
  auto publisher = node_.publisher<Message>("topic").value();
  Told told;
  const auto watch = other_.watch("**", [&](const TopicEvent& event) { told.note(event); }).value();
  auto generic = node_.generic_subscriber("topic").value();
  EXPECT_EQ(generic.sources().size(), 1U);
  EXPECT_TRUE(told.has("appeared subscriber topic conformance::Message " + GetParam().name + " first generic"));
  auto pattern = node_.subscriber<Message>("to*").value();
  EXPECT_FALSE(pattern.take());
  EXPECT_TRUE(told.has("appeared subscriber topic conformance::Message " + GetParam().name + " first"));
}

TEST_P(Watch, may_end_in_its_own_callback_and_is_over_when_it_ends_elsewhere) {
  auto publisher = node_.publisher<Message>("topic").value();
  std::optional<baton::TopicWatch> watch;
  std::atomic<int> called{0};
  std::mutex assigned;
  {
    const std::lock_guard lock(assigned);
    watch.emplace(other_
                      .watch("**",
                             [&](const TopicEvent&) {
                               const std::lock_guard wait_for_it(assigned);
                               ++called;
                               watch.reset();
                             })
                      .value());
  }
  EXPECT_TRUE(eventually([&] { return called == 1; }));
  auto second = node_.publisher<Message>("second").value();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(called, 1);

  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> started{false};
    std::atomic<bool> finished{false};
    auto other = std::make_optional(other_
                                        .watch("topic",
                                               [&](const TopicEvent&) {
                                                 started = true;
                                                 std::this_thread::sleep_for(2ms);
                                                 finished = true;
                                               })
                                        .value());
    while (!started) std::this_thread::yield();
    other.reset();
    EXPECT_TRUE(finished);
  }
}

TEST_P(Watch, lets_its_callback_open_ports_and_throw) {
  Told told;
  std::optional<baton::Subscriber<Message>> subscriber;
  std::atomic<bool> opened{false};
  baton::set_log_sink([](baton::LogLevel, std::string_view) {});
  const auto watch = other_
                         .watch("**",
                                [&](const TopicEvent& event) {
                                  told.note(event);
                                  if (event.port.role == PortRole::publisher && !subscriber) {
                                    subscriber.emplace(other_.subscriber<Message>(event.port.topic).value());
                                    opened = true;
                                  }
                                  throw std::runtime_error("as the test wants it");
                                })
                         .value();
  auto publisher = node_.publisher<Message>("topic").value();
  EXPECT_TRUE(told.has("appeared subscriber topic conformance::Message " + GetParam().name + " second"));
  baton::set_log_sink(nullptr);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
}

TEST_P(Watch, works_in_keep_for_nodes_without_a_keeper) {
  baton::Options options;
  options.domain = domain_;
  options.transports = {GetParam().make()};
  options.keeper = false;
  auto node = baton::Node::open("by_hand", std::move(options)).value();
  const auto user = std::this_thread::get_id();
  int called = 0;
  const auto watch = node.watch("**", [&](const TopicEvent&) {
    EXPECT_EQ(std::this_thread::get_id(), user);
    ++called;
  });
  ASSERT_TRUE(watch);
  auto publisher = node_.publisher<Message>("topic").value();
  EXPECT_TRUE(eventually([&] {
    node.keep();
    return called == 1;
  }));
}

TEST_P(Watch, checks_what_it_is_given) {
  EXPECT_EQ(node_.watch("a//b", [](const TopicEvent&) {}).error().code(), baton::Errc::invalid_name);
  EXPECT_EQ(node_.watch("**", nullptr).error().code(), baton::Errc::invalid_argument);
  auto nowhere = open_node("nowhere", "[shared_memory]\ndirectory = \"/no/such/place\"\n");
  EXPECT_FALSE(nowhere.watch("**", [](const TopicEvent&) {}));
}

TEST(WatchOfProcesses, tells_of_a_publisher_whose_process_is_killed) {
  const std::string domain = "test-" + std::to_string(::getpid()) + "-watch";
  const pid_t child = ::fork();
  if (child == 0) {
    auto node = baton::Node::open("child", {.domain = domain, .config = baton::Config()}).value();
    const auto publisher = node.publisher<Message>("topic", {.transport = "shm"}).value();
    std::this_thread::sleep_for(60s);
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  auto node = baton::Node::open("node", {.domain = domain, .config = baton::Config()}).value();
  Told told;
  const auto watch = node.watch("**", [&](const TopicEvent& event) { told.note(event); }).value();
  EXPECT_TRUE(told.has("appeared publisher topic conformance::Message shm child"));
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(told.has("gone publisher topic conformance::Message shm child"));
}

}  // namespace
}  // namespace conformance
