// Ports for types that the program was not built with.

#include <poll.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "test/all.hpp"
#include "test/tables.hpp"
#include "test/unions.hpp"

namespace conformance {
namespace {

using baton::TypeDescription;

BATON_CONFORMANCE_SUITE(Generic);

template <class T>
TypeDescription described_as() {
  return TypeDescription::of<T>().value();
}

/// Until the subscriber has so many publishers, on all topics together.
bool meets(baton::GenericSubscriber& subscriber, std::size_t publishers) {
  return eventually([&] {
    std::size_t count = 0;
    for (const auto& source : subscriber.sources()) count += source.publisher_count;
    return count == publishers;
  });
}

/// Until the publisher has a reader.
template <class Publisher>
bool is_met(const Publisher& publisher) {
  return eventually([&] { return publisher.subscriber_count() != 0; });
}

TEST_P(Generic, subscribers_receive_from_typed_publishers) {
  auto publisher = node_.publisher<Message>("a/topic").value();
  auto subscriber = other_.generic_subscriber().value();
  ASSERT_TRUE(meets(subscriber, 1));
  publish(publisher, 3, 17);
  ASSERT_TRUE(subscriber.wait(10s));
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.topic(), "a/topic");
  EXPECT_EQ(sample.description().name(), "conformance::Message");
  EXPECT_EQ(sample.info().publisher, "first");
  EXPECT_EQ(sample.info().sequence, 0U);
  const Message message = make_message(3, 17);
  ASSERT_EQ(sample.bytes().size(), sizeof(Message));
  Message received;
  std::memcpy(static_cast<void*>(&received), sample.bytes().data(), sizeof(received));
  EXPECT_TRUE(received == message);
  const std::string json = sample.to_json().value();
  EXPECT_EQ(json.substr(0, 27), R"({"writer":3,"number":17,"ch)");
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.wait(0s), baton::WaitStatus::timeout);
}

TEST_P(Generic, publishers_reach_typed_subscribers) {
  auto subscriber = node_.subscriber<unions::Scene>("scene").value();
  auto publisher = other_.generic_publisher("scene", described_as<unions::Scene>()).value();
  const auto result = publisher.publish_json(R"({"shapes": [{"circle": {"radius": 2}}, {"rectangle": {"width": 3}}]})");
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->delivered, 1U);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->shapes[0].circle()->radius, 2);
  EXPECT_EQ(sample->shapes[1].rectangle()->width, 3);

  const auto wrong = publisher.publish_json(R"({"letter": 3})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message(), "letter: expected an object with the union's member, got 3");
  EXPECT_EQ(publisher.counters().open_loans, 0U);
}

TEST_P(Generic, publishers_and_subscribers_carry_any_number_of_elements) {
  auto typed = node_.subscriber<Cloud>("cloud").value();
  auto publisher = node_.generic_publisher("cloud", described_as<Cloud>()).value();
  auto subscriber = other_.generic_subscriber("cloud").value();
  ASSERT_TRUE(meets(subscriber, 1));
  ASSERT_TRUE(publisher.publish_json(R"({"number": 1, "points": [{"x": 1}, {"x": 2}, {"x": 3}]})"));
  const auto sample = typed.take();
  ASSERT_EQ(sample.data().size(), 3U);
  EXPECT_EQ(sample.data()[2].x, 3);
  ASSERT_TRUE(subscriber.wait(10s));
  EXPECT_EQ(subscriber.take().to_json().value(),
            R"({"number":1,"checksum":0,"kind":5,"points":[{"x":1.0,"y":0.0,"intensity":7},)"
            R"({"x":2.0,"y":0.0,"intensity":7},{"x":3.0,"y":0.0,"intensity":7}]})");
}

TEST_P(Generic, publishers_refuse_what_is_no_message) {
  auto fixed = node_.generic_publisher("fixed", described_as<Message>()).value();
  const std::vector<std::byte> bytes(sizeof(Message) + 1);
  EXPECT_TRUE(fixed.publish(std::span(bytes).first(sizeof(Message))));
  EXPECT_EQ(fixed.publish(bytes).error().code(), baton::Errc::invalid_argument);
  EXPECT_EQ(fixed.loan(3).error().code(), baton::Errc::invalid_argument);
  auto raw = node_.generic_publisher("raw", described_as<Cloud>()).value();
  const std::vector<std::byte> one(64 + sizeof(Point));  // and says that it has none
  EXPECT_EQ(raw.publish(one).error().code(), baton::Errc::invalid_argument);
  EXPECT_TRUE(raw.publish(std::span(one).first(64)));
  EXPECT_EQ(raw.publish(std::span(one).first(63)).error().code(), baton::Errc::invalid_argument);
  EXPECT_EQ(raw.loan(63).error().code(), baton::Errc::invalid_argument);
}

TEST_P(Generic, publishers_do_not_judge_what_is_in_a_table) {
  auto publisher = node_.generic_publisher("table", described_as<tables::All>()).value();
  const auto message = baton::from_json(publisher.description(), R"({"mode": 77, "access": [64]})").value();
  EXPECT_TRUE(baton::validate(publisher.description(), message));
  EXPECT_TRUE(publisher.publish(message));  // it may be from a newer program, which knows them
  EXPECT_EQ(publisher.publish(std::span(message).first(message.size() - 4)).error().code(),
            baton::Errc::invalid_argument);
}

TEST_P(Generic, loans_are_published_or_discarded) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto publisher = node_.generic_publisher("topic", described_as<Message>()).value();
  const Message message = make_message(1, 5);
  auto loan = publisher.loan(sizeof(Message)).value();
  std::memcpy(loan.bytes().data(), &message, sizeof(message));
  EXPECT_EQ(publisher.counters().open_loans, 1U);
  ASSERT_TRUE(loan.publish());
  EXPECT_FALSE(loan);
  EXPECT_TRUE(loan.bytes().empty());
  EXPECT_EQ(loan.publish().status, baton::PublishStatus::no_loan);
  EXPECT_TRUE(*subscriber.take() == message);
  { const auto dropped = publisher.loan(sizeof(Message)).value(); }
  EXPECT_EQ(publisher.counters().open_loans, 0U);
}

TEST_P(Generic, subscribers_receive_what_is_published_later_and_fits_their_pattern) {
  auto subscriber = other_.generic_subscriber("robot/*/state").value();
  auto deaf = other_.generic_subscriber("robot/*").value();
  EXPECT_EQ(subscriber.wait(10ms), baton::WaitStatus::timeout);
  std::atomic<bool> woken{false};
  std::thread waits([&] {
    woken = bool(subscriber.wait(30s));  // nothing has to be done for it to learn of a new topic
  });
  auto left = node_.publisher<test::Defaults>("robot/left/state").value();
  auto right = node_.publisher<unions::Scene>("robot/right/state").value();
  auto other = node_.publisher<Message>("robot/left/arm/state").value();
  ASSERT_TRUE(is_met(left));
  ASSERT_TRUE(is_met(right));
  left.publish({});
  waits.join();
  EXPECT_TRUE(woken);
  right.publish({});
  std::multiset<std::string> topics;
  for (int i = 0; i < 2 && subscriber.wait(10s); ++i) topics.emplace(subscriber.take().topic());
  EXPECT_EQ(topics, (std::multiset<std::string>{"robot/left/state", "robot/right/state"}));
  EXPECT_EQ(other.subscriber_count(), 0U);
  EXPECT_EQ(deaf.wait(0s), baton::WaitStatus::timeout);
  EXPECT_TRUE(deaf.sources().empty());
}

TEST_P(Generic, subscribers_receive_each_of_several_types_of_one_topic_and_nobody_is_refused) {
  auto one = node_.publisher<Message>("topic").value();
  auto two = node_.publisher<conformance::other::Message>("topic").value();
  auto subscriber = other_.generic_subscriber().value();
  ASSERT_TRUE(meets(subscriber, 2));
  one.publish(make_message(1, 2));
  two.publish({.checksum = 1.5F});
  std::set<std::string> names;
  for (int i = 0; i < 2 && subscriber.wait(10s); ++i) names.emplace(subscriber.take().description().name());
  EXPECT_EQ(names, (std::set<std::string>{"conformance::Message", "conformance::other::Message"}));
  for (baton::Node* node : {&node_, &other_}) {
    while (const auto event = node->take_event()) EXPECT_NE(event->kind, baton::EventKind::refused) << event->reason;
  }
}

TEST_P(Generic, samples_are_held_within_the_limit_and_outlive_their_subscriber) {
  auto publisher = node_.publisher<Message>("topic", {.depth = 4}).value();
  std::vector<baton::GenericSample> kept;
  {
    auto subscriber = other_.generic_subscriber("topic", {.depth = 4, .max_held = 2}).value();
    ASSERT_TRUE(meets(subscriber, 1));
    for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(subscriber.wait(10s));
      kept.push_back(subscriber.take());
      ASSERT_TRUE(kept.back());
    }
    EXPECT_EQ(subscriber.take().status(), baton::TakeStatus::held_limit);
    EXPECT_EQ(subscriber.wait(1ms), baton::WaitStatus::timeout);
    kept.front().release();
    ASSERT_TRUE(subscriber.wait(10s));
    kept.front() = subscriber.take();
  }
  EXPECT_EQ(kept[1].to_json().value().substr(0, 24), R"({"writer":1,"number":1,")");
  EXPECT_EQ(kept[0].to_json().value().substr(0, 24), R"({"writer":1,"number":2,")");
  kept.clear();
  expect_all_chunks_free(publisher);
}

TEST_P(Generic, subscribers_hold_up_no_publisher) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = baton::Overflow::block}).value();
  auto subscriber = other_.generic_subscriber("topic", {.depth = 2}).value();
  ASSERT_TRUE(meets(subscriber, 1));
  for (std::uint64_t number = 0; number < 10; ++number) {
    EXPECT_EQ(publish(publisher, 1, number).status, baton::PublishStatus::ok);
  }
  ASSERT_TRUE(subscriber.wait(10s));
  EXPECT_EQ(subscriber.take().info().sequence, 8U);
}

TEST_P(Generic, subscribers_get_the_history) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  auto subscriber = other_.generic_subscriber().value();
  for (std::uint64_t sequence = 2; sequence < 5; ++sequence) {
    ASSERT_TRUE(subscriber.wait(10s));
    EXPECT_EQ(subscriber.take().info().sequence, sequence);
  }
}

TEST_P(Generic, subscribers_let_go_of_topics_that_are_gone) {
  auto subscriber = other_.generic_subscriber().value();
  for (int round = 0; round < 3; ++round) {
    auto publisher = node_.publisher<Message>("topic").value();
    ASSERT_TRUE(meets(subscriber, 1));
    publish(publisher, 1, 1);
    publisher.close();
    ASSERT_TRUE(subscriber.wait(10s));
    EXPECT_TRUE(subscriber.take());
    EXPECT_TRUE(eventually([&] { return !subscriber.take() && subscriber.sources().empty(); }));
  }
}

TEST_P(Generic, subscribers_have_a_descriptor_that_is_readable_while_there_is_something) {
  auto subscriber = other_.generic_subscriber().value();
  const auto is_readable = [fd = subscriber.fd().value()] {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  };
  const auto becomes_quiet = [&] { return eventually([&] { return !subscriber.take() && !is_readable(); }); };
  ASSERT_TRUE(becomes_quiet());
  auto publisher = node_.publisher<Message>("topic").value();
  ASSERT_TRUE(eventually(is_readable)) << "a new topic is news";
  ASSERT_TRUE(meets(subscriber, 1));
  ASSERT_TRUE(becomes_quiet());
  for (int round = 0; round < 3; ++round) {
    publish(publisher, 1, 1);
    ASSERT_TRUE(eventually(is_readable));
    EXPECT_TRUE(subscriber.wait(1s));
    EXPECT_TRUE(is_readable());
    EXPECT_TRUE(subscriber.take());
    ASSERT_TRUE(becomes_quiet());
  }
  publisher.close();
  ASSERT_TRUE(becomes_quiet());
}

TEST_P(Generic, subscribers_that_are_closed_say_so) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.generic_subscriber().value();
  ASSERT_TRUE(meets(subscriber, 1));
  publish(publisher, 1, 1);
  subscriber.close();
  EXPECT_EQ(subscriber.take().status(), baton::TakeStatus::closed);
  EXPECT_EQ(subscriber.wait(1s), baton::WaitStatus::closed);
  EXPECT_TRUE(subscriber.sources().empty());
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 0; }));
  expect_all_chunks_free(publisher);
}

TEST_P(Generic, names_and_settings_are_checked) {
  EXPECT_EQ(node_.generic_subscriber("a//b").error().code(), baton::Errc::invalid_name);
  EXPECT_FALSE(node_.generic_subscriber("**", {.depth = 0}));
  EXPECT_EQ(node_.generic_publisher("a b", described_as<Message>()).error().code(), baton::Errc::invalid_name);
  EXPECT_EQ(node_.generic_publisher("", described_as<Message>()).error().code(), baton::Errc::no_topic_name);
  EXPECT_EQ(node_.generic_publisher("", described_as<test::Defaults>()).value().topic(), "test/defaults");
}

TEST_P(Generic, nodes_without_a_keeper_find_what_is_there) {
  baton::Options options;
  options.domain = domain_;
  options.transports = {GetParam().make()};
  options.keeper = false;
  auto node = baton::Node::open("by_hand", std::move(options)).value();
  auto subscriber = node.generic_subscriber().value();
  EXPECT_FALSE(subscriber.take());
  auto publisher = node_.publisher<Message>("topic").value();
  EXPECT_TRUE(eventually([&] {
    node.keep();
    publish(publisher, 1, 1);
    return bool(subscriber.take());
  }));
}

}  // namespace
}  // namespace conformance
