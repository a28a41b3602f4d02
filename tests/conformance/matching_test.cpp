#include "fixture.hpp"

#include <mutex>
#include <optional>

namespace conformance {

BATON_CONFORMANCE_SUITE(Matching);

using baton::Errc;
using baton::EventKind;
using baton::Overflow;

/// The next event of a kind; those before it are passed over.
std::optional<baton::Event> take_event(baton::Node& node, EventKind kind) {
  std::optional<baton::Event> event;
  const bool came = eventually([&] {
    do {
      event = node.take_event();
    } while (event && event->kind != kind);
    return event.has_value();
  });
  return came ? event : std::nullopt;
}

TEST_P(Matching, tells_both_sides_when_a_pair_is_connected_and_when_it_ends) {
  auto publisher = node_.publisher<Message>("topic").value();
  {
    auto subscriber = other_.subscriber<Message>("topic").value();
    for (auto* node : {&node_, &other_}) {
      const auto event = take_event(*node, EventKind::matched);
      ASSERT_TRUE(event);
      EXPECT_EQ(event->topic, "topic");
      EXPECT_EQ(event->peer, node == &node_ ? "second" : "first");
    }
  }
  EXPECT_TRUE(take_event(node_, EventKind::unmatched));
  EXPECT_TRUE(take_event(other_, EventKind::unmatched));
}

TEST_P(Matching, refuses_ports_that_disagree_about_the_type_and_tells_both_which_field_differs) {
  std::vector<std::string> log;
  std::mutex mutex;
  baton::set_log_sink([&](baton::LogLevel, std::string_view line) {
    const std::lock_guard lock(mutex);
    log.emplace_back(line);
  });
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<other::Message>("topic").value();
  auto agreeing = other_.subscriber<Message>("topic").value();

  const auto at_publisher = take_event(node_, EventKind::refused);
  const auto at_subscriber = take_event(other_, EventKind::refused);
  EXPECT_TRUE(eventually([&] {
    baton::flush_log();
    const std::lock_guard lock(mutex);
    return log.size() >= 2;
  }));
  baton::set_log_sink(nullptr);
  ASSERT_TRUE(at_publisher);
  ASSERT_TRUE(at_subscriber);
  EXPECT_EQ(at_publisher->peer, "second");
  EXPECT_EQ(at_subscriber->peer, "first");
  for (const auto& event : {*at_publisher, *at_subscriber}) {
    EXPECT_NE(event.reason.find("type"), std::string::npos) << event.reason;
    EXPECT_NE(event.reason.find("IDL"), std::string::npos) << event.reason;
  }
  EXPECT_EQ(log.size(), 2U) << "one line for each side";
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 1U) << "both stay usable for others";
  EXPECT_FALSE(subscriber.take());
  EXPECT_TRUE(agreeing.take());
}

TEST_P(Matching, refuses_a_subscriber_that_asks_for_no_loss_from_a_publisher_that_drops) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.overflow = Overflow::block}).value();
  const auto event = take_event(other_, EventKind::refused);
  ASSERT_TRUE(event);
  EXPECT_NE(event->reason.find("block"), std::string::npos) << event->reason;
  EXPECT_NE(event->reason.find("drop_oldest"), std::string::npos) << event->reason;
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 0U);
}

TEST_P(Matching, calls_back_for_events_which_may_open_ports) {
  struct Noted {
    std::mutex mutex;
    std::vector<std::string> peers;
    std::optional<baton::Publisher<Message>> opened;
  };
  const auto heard = std::make_shared<Noted>();  // the callback may still run when it has been replaced
  node_.on_event([this, heard](const baton::Event& event) {
    const std::lock_guard lock(heard->mutex);
    if (event.kind == EventKind::matched) heard->peers.push_back(event.peer);
    if (!heard->opened) heard->opened = node_.publisher<Message>("another").value();
  });
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(heard->mutex);
    return heard->opened.has_value() && !heard->peers.empty();
  }));
  node_.on_event(nullptr);
  const std::lock_guard lock(heard->mutex);
  EXPECT_EQ(heard->peers, (std::vector<std::string>{"second"}));
}

TEST_P(Matching, keeps_the_newest_events_when_nobody_takes_them) {
  auto publisher = node_.publisher<Message>("topic").value();
  for (int i = 0; i < 2'000; ++i) auto subscriber = other_.subscriber<Message>("topic").value();
  publisher.close();  // the last event is there
  std::size_t events = 0;
  while (node_.take_event()) ++events;
  EXPECT_EQ(events, baton::EventQueue::kCapacity);
}

TEST_P(Matching, refuses_invalid_names_and_settings_with_one_clear_error) {
  const auto expect_refused = [this](const std::string& topic, const baton::QosSettings& settings, Errc code,
                                     const std::string& mentions) {
    const auto publisher = node_.publisher<Message>(topic, settings);
    const auto subscriber = node_.subscriber<Message>(topic, settings);
    ASSERT_FALSE(publisher) << mentions;
    ASSERT_FALSE(subscriber) << mentions;
    EXPECT_EQ(publisher.error().code(), code) << publisher.error().message();
    EXPECT_EQ(subscriber.error().code(), code) << subscriber.error().message();
    EXPECT_NE(publisher.error().message().find(mentions), std::string::npos) << publisher.error().message();
    EXPECT_EQ(publisher.error().message().find('\n'), std::string::npos) << publisher.error().message();
  };
  expect_refused("with space", {}, Errc::invalid_name, "with space");
  expect_refused("/leading", {}, Errc::invalid_name, "/leading");
  expect_refused("trailing/", {}, Errc::invalid_name, "trailing/");
  expect_refused("", {}, Errc::no_topic_name, "@topic");
  expect_refused("topic", {.transport = "carrier_pigeon"}, Errc::unknown_transport, "carrier_pigeon");
  expect_refused("topic", {.depth = 0}, Errc::invalid_argument, "depth");
  expect_refused("topic", {.max_held = 0}, Errc::invalid_argument, "max_held");
  expect_refused("topic", {.max_loans = 1'000'000}, Errc::invalid_argument, "max_loans");
  expect_refused("topic", {.block_timeout = -1ns}, Errc::invalid_argument, "block_timeout");
}

TEST_P(Matching, takes_settings_from_the_configuration_file_over_those_of_the_code) {
  auto configured = open_node("configured", R"(
[[topic]]
match = "camera/**"
depth = 2
overflow = "drop_newest"
max_held = 1
)");
  auto publisher = node_.publisher<Message>("camera/front").value();
  auto subscriber = configured.subscriber<Message>("camera/front", {.depth = 100}).value();
  for (std::uint64_t number = 0; number < 10; ++number) publish(publisher, 1, number);
  EXPECT_EQ(take_all(subscriber), (std::vector<std::uint64_t>{0, 1, 2}));
}

TEST_P(Matching, names_the_line_of_the_configuration_file_that_asks_for_an_unknown_transport) {
  auto configured = open_node("configured", "\n[[topic]]\nmatch = \"topic\"\ntransport = \"carrier_pigeon\"\n");
  const auto publisher = configured.publisher<Message>("topic");
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), Errc::unknown_transport);
  EXPECT_NE(publisher.error().message().find("test.toml:2"), std::string::npos) << publisher.error().message();
  EXPECT_NE(publisher.error().message().find(GetParam().name), std::string::npos) << "names the valid ones";
}

}  // namespace conformance
