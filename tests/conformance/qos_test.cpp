// What two ports may ask of each other: who is refused, what both are told, and that both go on; and that profiles take
// effect. docs/qos.md states the rules.

#include "fixture.hpp"

#include <functional>
#include <optional>

namespace conformance {

BATON_CONFORMANCE_SUITE(Asks);
BATON_CONFORMANCE_SUITE(Profiles);

using baton::EventKind;
using baton::Overflow;
using baton::Profile;
using baton::QosSettings;
using baton::Stamp;
using Numbers = std::vector<std::uint64_t>;

/// The reason of the next refusal; empty if none comes.
std::string next_refusal(baton::Node& node, const std::string& peer) {
  std::optional<baton::Event> event;
  const bool came = eventually([&] {
    do {
      event = node.take_event();
    } while (event && event->kind != EventKind::refused);
    return event.has_value();
  });
  if (!came) return "";
  EXPECT_EQ(event->topic, "topic");
  EXPECT_EQ(event->peer, peer);
  return event->reason;
}

/// A pair that is refused, told so in these words on both sides; both ports then connect to others that do agree.
struct Refused {
  QosSettings publisher;
  QosSettings subscriber;
  QosSettings agreeing_publisher;
  std::string at_publisher;
  std::string at_subscriber;
};

void expect_refused(baton::Node& first, baton::Node& second, const Refused& pair) {
  auto publisher = first.publisher<Message>("topic", pair.publisher).value();
  auto subscriber = second.subscriber<Message>("topic", pair.subscriber).value();
  EXPECT_EQ(next_refusal(first, "second"), pair.at_publisher);
  EXPECT_EQ(next_refusal(second, "first"), pair.at_subscriber);
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 0U);

  auto undemanding = second.subscriber<Message>("topic").value();
  auto agreeing = first.publisher<Message>("topic", pair.agreeing_publisher).value();
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 1 && agreeing.subscriber_count() == 2; }));
  EXPECT_EQ(publish(publisher, 1, 1).delivered, 1U);
  EXPECT_EQ(publish(agreeing, 2, 2).delivered, 2U);
  ASSERT_TRUE(subscriber.wait(10s));
  EXPECT_EQ(subscriber.take()->number, 2U);
  EXPECT_FALSE(subscriber.take()) << "nothing comes from the publisher that was refused";
}

TEST_P(Asks, a_deadline_needs_a_publisher_that_promises_one_no_longer) {
  expect_refused(node_, other_,
                 {.publisher = {.deadline = 2h},
                  .subscriber = {.deadline = 1h},
                  .agreeing_publisher = {.deadline = 1h},
                  .at_publisher = "the deadlines differ: 2 h here, 1 h asked for by second; set deadline = \"1 h\" or "
                                  "shorter for the publisher",
                  .at_subscriber = "the deadlines differ: 1 h asked for here, 2 h in first; set deadline = \"1 h\" or "
                                   "shorter for the publisher, or ask for one no shorter than that here"});
}

TEST_P(Asks, a_deadline_is_refused_by_a_publisher_that_promises_none) {
  expect_refused(node_, other_,
                 {.publisher = {},
                  .subscriber = {.deadline = 1h},
                  .agreeing_publisher = {.deadline = 30min},
                  .at_publisher = "the deadlines differ: none here, 1 h asked for by second; set deadline = \"1 h\" or "
                                  "shorter for the publisher",
                  .at_subscriber = "the deadlines differ: 1 h asked for here, none in first; set deadline = \"1 h\" or "
                                   "shorter for the publisher, or ask for none here"});
}

TEST_P(Asks, latched_needs_a_publisher_that_is_latched) {
  expect_refused(node_, other_,
                 {.publisher = {.history = 1},
                  .subscriber = {.latched = true},
                  .agreeing_publisher = {.history = 1, .latched = true},
                  .at_publisher = "the settings of latched differ: false here, true asked for by second; set latched = "
                                  "true for the publisher",
                  .at_subscriber = "the settings of latched differ: true asked for here, false in first; set latched = "
                                   "true for the publisher, or do not ask for it here"});
}

TEST_P(Asks, a_lifespan_needs_a_publisher_that_stamps) {
  expect_refused(node_, other_,
                 {.publisher = {.stamp = Stamp::off},
                  .subscriber = {.lifespan = 1h},
                  .agreeing_publisher = {.stamp = Stamp::monotonic},
                  .at_publisher = "lifespan and stamp do not go together: stamp off here, lifespan 1 h asked for by "
                                  "second; set stamp = \"tsc\" or \"monotonic\" for the publisher",
                  .at_subscriber = "lifespan and stamp do not go together: lifespan 1 h asked for here, stamp off in "
                                   "first; set stamp = \"tsc\" or \"monotonic\" for the publisher, or ask for no "
                                   "lifespan here"});
}

TEST_P(Asks, no_loss_needs_a_publisher_that_blocks_or_rejects) {
  expect_refused(
      node_, other_,
      {.publisher = {.overflow = Overflow::drop_newest},
       .subscriber = {.overflow = Overflow::block},
       .agreeing_publisher = {.overflow = Overflow::reject},
       .at_publisher = "the overflow policies differ: drop_newest here, block asked for by second; set "
                       "overflow = \"block\" or \"reject\" for the publisher",
       .at_subscriber = "the overflow policies differ: block asked for here, drop_newest in first; set "
                        "overflow = \"block\" or \"reject\" for the publisher, or let this subscriber drop"});
}

TEST_P(Asks, all_that_is_not_granted_is_told_at_once) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber =
      other_.subscriber<Message>("topic", {.overflow = Overflow::block, .deadline = 1h, .latched = true}).value();
  EXPECT_EQ(next_refusal(node_, "second"),
            "3 differences: (1) the overflow policies differ: drop_oldest here, block asked for by second; set "
            "overflow = \"block\" or \"reject\" for the publisher; (2) the deadlines differ: none here, 1 h asked for "
            "by second; set deadline = \"1 h\" or shorter for the publisher; (3) the settings of latched differ: false "
            "here, true asked for by second; set latched = true for the publisher");
  EXPECT_EQ(next_refusal(other_, "first"),
            "3 differences: (1) the overflow policies differ: block asked for here, drop_oldest in first; set overflow "
            "= \"block\" or \"reject\" for the publisher, or let this subscriber drop; (2) the deadlines differ: 1 h "
            "asked for here, none in first; set deadline = \"1 h\" or shorter for the publisher, or ask for none here; "
            "(3) the settings of latched differ: true asked for here, false in first; set latched = true for the "
            "publisher, or do not ask for it here");
}

TEST_P(Asks, are_made_by_the_file_too) {
  auto configured = open_node("second", "[[topic]]\nmatch = \"topic\"\ndeadline = \"1 h\"\n");
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = configured.subscriber<Message>("topic").value();
  EXPECT_NE(next_refusal(configured, "first"), "");
  auto promising = configured.publisher<Message>("topic").value();
  EXPECT_TRUE(eventually([&] { return promising.subscriber_count() == 1; })) << "the file is for both sides";
}

TEST_P(Asks, never_keep_a_generic_subscriber_from_a_publisher_that_the_file_is_not_for) {
  auto publisher = node_.publisher<Message>("topic", {.stamp = Stamp::off}).value();
  auto configured = open_node(
      "second", "[[topic]]\nmatch = \"topic\"\ndeadline = \"1 h\"\nlifespan = \"1 h\"\nlatched = true\nhistory = 1\n");
  auto subscriber = configured.generic_subscriber("**").value();
  EXPECT_TRUE(eventually([&] {
    subscriber.wait(1ms);  // which connects it
    return publisher.subscriber_count() == 1;
  }));
}

TEST_P(Asks, never_keep_a_generic_subscriber_from_a_topic_whose_profile_would_latch) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto configured =
      open_node("second", "[[topic]]\nmatch = \"topic\"\nprofile = \"state\"\nlatched = false\nhistory = 0\n");
  auto subscriber = configured.generic_subscriber("**").value();
  EXPECT_TRUE(eventually([&] {
    subscriber.wait(1ms);  // which connects it
    return publisher.subscriber_count() == 1;
  }));
}

TEST_P(Asks, concern_nothing_else_that_may_differ) {
  auto publisher = node_
                       .publisher<Message>("topic", {.depth = 1,
                                                     .overflow = Overflow::block,
                                                     .block_timeout = 1s,
                                                     .history = 0,
                                                     .max_held = 1,
                                                     .max_loans = 1,
                                                     .stamp = Stamp::off,
                                                     .max_memory = std::uint64_t{1} << 20U,
                                                     .lifespan = 0s})
                       .value();
  auto subscriber = other_
                        .subscriber<Message>("topic", {.depth = 5,
                                                       .overflow = Overflow::reject,
                                                       .history = 7,
                                                       .max_held = 3,
                                                       .max_loans = 9,
                                                       .stamp = Stamp::tsc,
                                                       .max_memory = std::uint64_t{1} << 30U})
                        .value();
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  for (std::uint64_t number = 0; number < 8; ++number) {
    EXPECT_EQ(publish(publisher, 1, number).delivered, 1U) << "the subscriber's depth and max_held count, not its own";
  }
}

TEST_P(Profiles, sensor_keeps_the_two_newest_messages) {
  auto publisher = node_.publisher<Message>("topic", {.profile = Profile::sensor}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.profile = Profile::sensor}).value();
  for (std::uint64_t number = 0; number < 10; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  EXPECT_EQ(take_all(subscriber), (Numbers{8, 9}));
}

TEST_P(Profiles, command_waits_for_its_reader_and_loses_nothing) {
  auto publisher = node_.publisher<Message>("topic", {.profile = Profile::command}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.max_held = 1, .profile = Profile::command}).value();
  constexpr std::uint64_t kMessages = 1'000;
  std::thread writer([&] {
    for (std::uint64_t number = 0; number < kMessages; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  });
  Ledger ledger;
  while (ledger.count() < kMessages && subscriber.wait(60s)) {
    while (auto sample = subscriber.take()) ledger.note(*sample);
  }
  writer.join();
  EXPECT_EQ(ledger.count(), kMessages);
  EXPECT_EQ(ledger.missing(), 0U);
}

TEST_P(Profiles, state_gives_a_late_subscriber_the_last_message_only) {
  auto publisher = node_.publisher<Message>("topic", {.profile = Profile::state}).value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  auto late = other_.subscriber<Message>("topic", {.profile = Profile::state}).value();
  EXPECT_TRUE(late.wait(30s));
  EXPECT_EQ(take_all(late), (Numbers{4}));
}

TEST_P(Profiles, log_keeps_a_thousand_messages_and_never_holds_the_publisher_up) {
  auto publisher = node_.publisher<Message>("topic", {.profile = Profile::log}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.profile = Profile::log}).value();
  for (std::uint64_t number = 0; number < 1'100; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  const Numbers numbers = take_all(subscriber);
  EXPECT_EQ(numbers.size(), 1'024U);
  EXPECT_EQ(numbers.back(), 1'099U);
}

TEST_P(Profiles, of_the_file_lie_beneath_the_explicit_settings_of_the_code) {
  auto configured = open_node("configured", "[[topic]]\nmatch = \"topic\"\nprofile = \"sensor\"\n");
  auto publisher = configured.publisher<Message>("topic").value();
  auto deep = configured.subscriber<Message>("topic", {.depth = 4}).value();
  auto shallow = configured.subscriber<Message>("topic", {.profile = Profile::log}).value();
  for (std::uint64_t number = 0; number < 10; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  EXPECT_EQ(take_all(deep), (Numbers{6, 7, 8, 9}));
  EXPECT_EQ(take_all(shallow), (Numbers{8, 9})) << "the profile of the file wins over that of the code";
}

TEST_P(Profiles, ask_for_nothing) {
  auto publisher = node_.publisher<Message>("topic").value();
  std::vector<baton::Subscriber<Message>> subscribers;
  for (const Profile profile : {Profile::sensor, Profile::command, Profile::state, Profile::log}) {
    subscribers.push_back(other_.subscriber<Message>("topic", {.profile = profile}).value());
  }
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 4; }));
}

}  // namespace conformance
