#include "fixture.hpp"

#include <optional>

namespace conformance {

/// What an event's callback may do to the very port whose verb is calling it. The nodes have no keeper, so that events
/// are announced by the verbs of their ports.
class EventCallback : public Conformance {
 protected:
  baton::Node open_alone(const std::string& name) {
    baton::Options options;
    options.domain = domain_;
    options.keeper = false;
    options.transports = {GetParam().make()};
    return baton::Node::open(name, std::move(options)).value();
  }
};
INSTANTIATE_TEST_SUITE_P(transports, EventCallback, testing::ValuesIn(transports()),
                         [](const testing::TestParamInfo<TransportCase>& param) { return param.param.name; });

using baton::EventKind;
using baton::PublishStatus;
using baton::TakeStatus;
using baton::WaitStatus;

TEST_P(EventCallback, may_close_the_subscriber_whose_verb_announces_the_event) {
  for (const std::string verb : {"take", "wait", "fd"}) {
    SCOPED_TRACE(verb);
    auto reading = open_alone("reading");
    auto subscriber = reading.subscriber<Message>("topic").value();
    reading.on_event([&](const baton::Event& event) {
      if (event.kind == EventKind::matched) subscriber.close();
    });
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 0);
    if (verb == "take") {
      EXPECT_EQ(subscriber.take().status(), TakeStatus::closed);
    } else if (verb == "wait") {
      EXPECT_TRUE(subscriber.wait(std::chrono::nanoseconds::max()) == WaitStatus::closed);
    } else {
      static_cast<void>(subscriber.fd());
    }
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    expect_all_chunks_free(publisher);
    reading.on_event(nullptr);
  }
}

TEST_P(EventCallback, may_destroy_the_subscriber_whose_verb_announces_the_event) {
  for (const std::string verb : {"take", "wait", "fd"}) {
    SCOPED_TRACE(verb);
    auto reading = open_alone("reading");
    auto subscriber = std::make_optional(reading.subscriber<Message>("topic").value());
    reading.on_event([&](const baton::Event& event) {
      if (event.kind == EventKind::matched) subscriber.reset();
    });
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 0);
    if (!subscriber) return;  // a transport that announces it to both sides at once
    if (verb == "take") {
      EXPECT_EQ(subscriber->take().status(), TakeStatus::closed);
    } else if (verb == "wait") {
      EXPECT_TRUE(subscriber->wait(1h) == WaitStatus::closed);
    } else {
      static_cast<void>(subscriber->fd());
    }
    EXPECT_FALSE(subscriber);
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    expect_all_chunks_free(publisher);
    reading.on_event(nullptr);
  }
}

TEST_P(EventCallback, may_close_the_generic_subscriber_whose_verb_announces_the_event) {
  for (const std::string verb : {"take", "wait", "sources", "later"}) {
    SCOPED_TRACE(verb);
    auto reading = open_alone("reading");
    auto subscriber = reading.generic_subscriber().value();
    auto former = std::make_optional(node_.publisher<Message>("a/former").value());
    if (verb == "later") {
      EXPECT_EQ(subscriber.sources().size(), 1U);
    }
    reading.on_event([&](const baton::Event&) { subscriber.close(); });
    auto publisher = node_.publisher<Message>("topic").value();
    publish(*former, 1, 0);
    if (verb == "wait") {
      EXPECT_TRUE(subscriber.wait(1h) == WaitStatus::closed);
    } else if (verb == "sources") {
      EXPECT_TRUE(subscriber.sources().empty());
    } else {
      if (verb == "later") former.reset();
      EXPECT_EQ(subscriber.take().status(), TakeStatus::closed);
    }
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    expect_all_chunks_free(publisher);
    reading.on_event(nullptr);
  }
}

TEST_P(EventCallback, may_destroy_or_replace_the_generic_subscriber_whose_verb_announces_the_event) {
  for (const std::string verb : {"take", "wait", "sources", "replace"}) {
    SCOPED_TRACE(verb);
    auto reading = open_alone("reading");
    auto subscriber = std::make_optional(reading.generic_subscriber().value());
    auto idle = std::make_optional(reading.generic_subscriber("idle").value());
    reading.on_event([&](const baton::Event& event) {
      if (event.kind != EventKind::matched) return;
      if (verb == "replace") {
        *subscriber = *std::move(idle);
      } else {
        subscriber.reset();
      }
    });
    auto one = node_.publisher<Message>("one").value();
    auto two = node_.publisher<Message>("two").value();
    publish(one, 1, 0);
    if (verb == "wait") {
      EXPECT_TRUE(subscriber->wait(1h) == WaitStatus::closed);
    } else if (verb == "sources") {
      EXPECT_TRUE(subscriber->sources().empty());
    } else {
      EXPECT_EQ(subscriber->take().status(), TakeStatus::closed);
    }
    EXPECT_EQ(one.subscriber_count(), 0U);
    EXPECT_EQ(two.subscriber_count(), 0U);
    expect_all_chunks_free(one);
    reading.on_event(nullptr);
  }
}

TEST_P(EventCallback, may_set_a_callback_that_gets_the_messages_which_the_verb_has_found) {
  auto reading = open_alone("reading");
  auto subscriber = reading.subscriber<Message>("topic").value();
  Heard heard;
  reading.on_event([&](const baton::Event& event) {
    if (event.kind != EventKind::matched) return;
    subscriber.on_message([&](const baton::Sample<Message>& sample) { heard.note(sample->number); });
  });
  auto publisher = node_.publisher<Message>("topic").value();
  publish(publisher, 1, 7);
  EXPECT_EQ(subscriber.take().status(), TakeStatus::empty) << "what is queued is the callback's";
  EXPECT_TRUE(heard.is({7}));
  subscriber.close();
  reading.on_event(nullptr);
}

TEST_P(EventCallback, may_replace_the_callback_which_is_then_not_called_any_more) {
  auto reading = open_alone("reading");
  auto subscriber = reading.subscriber<Message>("topic").value();
  Heard former;
  Heard latter;
  subscriber.on_message([&](const baton::Sample<Message>& sample) { former.note(sample->number); });
  reading.on_event([&](const baton::Event& event) {
    if (event.kind != EventKind::matched) return;
    subscriber.on_message([&](const baton::Sample<Message>& sample) { latter.note(sample->number); });
  });
  auto publisher = node_.publisher<Message>("topic", {.history = 2}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  EXPECT_TRUE(latter.is({0, 1}));
  EXPECT_TRUE(former.is({}));
  subscriber.close();
  reading.on_event(nullptr);
}

TEST_P(EventCallback, may_close_the_publisher_whose_verb_announces_the_event) {
  for (const std::string verb : {"publish", "counters", "count"}) {
    SCOPED_TRACE(verb);
    auto writing = open_alone("writing");
    auto publisher = writing.publisher<Message>("topic").value();
    auto loan = publisher.loan().value();
    writing.on_event([&](const baton::Event& event) {
      if (event.kind == EventKind::matched) publisher.close();
    });
    auto subscriber = node_.subscriber<Message>("topic").value();
    if (verb == "publish") {
      EXPECT_EQ(loan.publish().status, PublishStatus::closed);
    } else if (verb == "counters") {
      static_cast<void>(publisher.counters());
    } else {
      static_cast<void>(publisher.subscriber_count());
    }
    EXPECT_EQ(subscriber.publisher_count(), 0U) << "the publisher has not left the topic";
    writing.on_event(nullptr);
  }
}

}  // namespace conformance
