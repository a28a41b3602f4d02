#include "fixture.hpp"

#include <optional>

namespace conformance {

/// Waiting until others are connected.
class Peers : public Conformance {
 protected:
  baton::Node open_alone(const std::string& name) {
    baton::Options options;
    options.domain = domain_;
    options.keeper = false;
    options.transports = {GetParam().make()};
    return baton::Node::open(name, std::move(options)).value();
  }
};
INSTANTIATE_TEST_SUITE_P(transports, Peers, testing::ValuesIn(transports()),
                         [](const testing::TestParamInfo<TransportCase>& param) { return param.param.name; });

using baton::EventKind;

TEST_P(Peers, who_are_there_need_not_be_waited_for) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  for (const auto timeout : {0ms, -5ms, 60'000ms}) {
    EXPECT_TRUE(publisher.wait_for_subscribers(1, timeout));
    EXPECT_TRUE(subscriber.wait_for_publishers(1, timeout));
    EXPECT_TRUE(publisher.wait_for_subscribers(0, timeout));
  }
  EXPECT_FALSE(publisher.wait_for_subscribers(2, 0ms));
  EXPECT_FALSE(subscriber.wait_for_publishers(2, -1h));
  EXPECT_FALSE(subscriber.wait_for_publishers(2, std::chrono::nanoseconds::min()));
}

TEST_P(Peers, are_waited_for_until_the_time_is_over_and_not_longer) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("another").value();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(publisher.wait_for_subscribers(1, 20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(subscriber.wait_for_publishers(1, std::chrono::duration<double>(0.02)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 40ms);
}

TEST_P(Peers, end_the_wait_when_enough_of_them_are_connected_at_the_same_time) {
  auto publisher = node_.publisher<Message>("topic").value();
  std::atomic<bool> done{false};
  std::thread waiting([&] {
    EXPECT_TRUE(publisher.wait_for_subscribers(2, std::chrono::nanoseconds::max()));
    done = true;
  });
  { auto brief = other_.subscriber<Message>("topic").value(); }
  auto first = other_.subscriber<Message>("topic").value();
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(done) << "two have come, and one of them has gone";
  auto second = other_.subscriber<Message>("topic").value();
  waiting.join();
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 2U);
}

TEST_P(Peers, are_waited_for_by_subscribers_and_by_generic_publishers) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::optional<baton::GenericPublisher> publisher;
  std::thread opening([&] {
    std::this_thread::sleep_for(20ms);
    const auto type = baton::TypeDescription::of<Message>().value();
    publisher.emplace(node_.generic_publisher("topic", type).value());
    EXPECT_TRUE(publisher->wait_for_subscribers(1, 60s));
    EXPECT_FALSE(publisher->wait_for_subscribers(2, 1ms));
  });
  EXPECT_TRUE(subscriber.wait_for_publishers(1, std::chrono::hours::max()));
  opening.join();
}

TEST_P(Peers, are_found_by_nodes_without_a_keeper_while_they_wait) {
  auto writing = open_alone("writing");
  auto reading = open_alone("reading");
  auto publisher = writing.publisher<Message>("topic").value();
  std::thread waiting([&] { EXPECT_TRUE(publisher.wait_for_subscribers(1, 60s)); });
  std::this_thread::sleep_for(20ms);
  auto subscriber = reading.subscriber<Message>("topic").value();
  EXPECT_TRUE(subscriber.wait_for_publishers(1, 60s));
  waiting.join();
  publisher.close();
  EXPECT_FALSE(subscriber.wait_for_publishers(1, 0ms));
}

TEST_P(Peers, of_a_pattern_are_found_in_its_own_node_which_has_no_keeper) {
  for (const bool handling : {false, true}) {
    SCOPED_TRACE(handling);
    auto node = open_alone("alone");
    auto subscriber = node.subscriber<Message>("topics/*").value();
    if (handling) subscriber.on_message([](const baton::Sample<Message>&) {});
    auto publisher = node.publisher<Message>("topics/one").value();
    EXPECT_TRUE(subscriber.wait_for_publishers(1, 60s));
    EXPECT_FALSE(subscriber.wait_for_publishers(2, 1ms));
  }
}

TEST_P(Peers, of_a_pattern_may_be_waited_for_in_a_callback_of_the_wait_and_end_both) {
  auto reading = open_alone("reading");
  auto elsewhere = reading.publisher<Message>("elsewhere").value();  // by which the node is in its domain
  auto subscriber = std::make_optional(reading.subscriber<Message>("topics/*").value());
  std::optional<baton::Publisher<Message>> publisher;
  std::optional<baton::Node> newcomer;
  const auto waiting = std::this_thread::get_id();
  reading.on_event([&](const baton::Event& event) {
    if (std::this_thread::get_id() != waiting) return;
    if (event.kind == EventKind::matched) return subscriber.reset();
    if (event.kind != EventKind::joined || event.peer != "newcomer") return;
    publisher.emplace(node_.publisher<Message>("topics/one").value());
    subscriber->wait_for_publishers(2, 100ms);
  });
  std::thread opening([&] {
    std::this_thread::sleep_for(20ms);
    newcomer.emplace(open_node("newcomer"));
    auto joining = newcomer->publisher<Message>("nowhere").value();
  });
  EXPECT_FALSE(subscriber->wait_for_publishers(2, 20s));
  EXPECT_FALSE(subscriber);
  opening.join();
  reading.on_event(nullptr);
}

TEST_P(Peers, are_not_waited_for_by_a_port_that_is_closed) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  publisher.close();
  subscriber.close();
  EXPECT_FALSE(publisher.wait_for_subscribers(0, 1h));
  EXPECT_FALSE(subscriber.wait_for_publishers(0, 1h));
}

TEST_P(Peers, may_be_waited_for_while_many_come_and_go) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  std::atomic<bool> ending{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!ending) {
        auto writer = other_.publisher<Message>("topic").value();
        auto reader = other_.subscriber<Message>("topic").value();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(publisher.wait_for_subscribers(2, 60s));
    EXPECT_TRUE(subscriber.wait_for_publishers(2, 60s));
  }
  ending = true;
  for (std::thread& thread : threads) thread.join();
}

/// What an event's callback may do to the very port that waits: it is called by the wait, where there is no keeper.
class PeersCallback : public Peers {};
INSTANTIATE_TEST_SUITE_P(shm, PeersCallback, testing::Values(transports().back()),
                         [](const testing::TestParamInfo<TransportCase>& param) { return param.param.name; });

TEST_P(PeersCallback, may_close_or_destroy_the_publisher_that_waits) {
  for (const bool destroy : {false, true}) {
    SCOPED_TRACE(destroy);
    auto writing = open_alone("writing");
    auto publisher = std::make_optional(writing.publisher<Message>("topic").value());
    writing.on_event([&](const baton::Event& event) {
      if (event.kind != EventKind::matched) return;
      destroy ? publisher.reset() : publisher->close();
    });
    std::optional<baton::Subscriber<Message>> subscriber;
    std::thread opening([&] {
      std::this_thread::sleep_for(20ms);
      subscriber.emplace(other_.subscriber<Message>("topic").value());
    });
    EXPECT_FALSE(publisher->wait_for_subscribers(2, 1h));
    opening.join();
    EXPECT_EQ(publisher.has_value(), !destroy);
    EXPECT_TRUE(eventually([&] { return subscriber->publisher_count() == 0; })) << "it has not left the topic";
    writing.on_event(nullptr);
  }
}

TEST_P(PeersCallback, may_close_or_destroy_the_subscriber_that_waits) {
  for (const bool destroy : {false, true}) {
    SCOPED_TRACE(destroy);
    auto reading = open_alone("reading");
    auto subscriber = std::make_optional(reading.subscriber<Message>("topic").value());
    reading.on_event([&](const baton::Event& event) {
      if (event.kind != EventKind::matched) return;
      destroy ? subscriber.reset() : subscriber->close();
    });
    std::optional<baton::Publisher<Message>> publisher;
    std::thread opening([&] {
      std::this_thread::sleep_for(20ms);
      publisher.emplace(node_.publisher<Message>("topic").value());
    });
    EXPECT_FALSE(subscriber->wait_for_publishers(2, 1h));
    opening.join();
    EXPECT_EQ(subscriber.has_value(), !destroy);
    EXPECT_TRUE(eventually([&] { return publisher->subscriber_count() == 0; })) << "it has not left the topic";
    reading.on_event(nullptr);
  }
}

TEST_P(PeersCallback, may_close_or_destroy_the_subscriber_of_a_pattern_that_waits) {
  for (const bool handling : {false, true}) {
    for (const bool destroy : {false, true}) {
      SCOPED_TRACE(handling ? "a callback is set" : "no callback is set");
      SCOPED_TRACE(destroy ? "it destroys" : "it closes");
      auto reading = open_alone("reading");
      auto subscriber = std::make_optional(reading.subscriber<Message>("topics/*").value());
      if (handling) subscriber->on_message([](const baton::Sample<Message>&) {});
      const auto waiting = std::this_thread::get_id();
      reading.on_event([&](const baton::Event& event) {  // of another port: only who keeps the node is told
        if (event.kind != EventKind::joined || std::this_thread::get_id() != waiting) return;
        if (event.peer == "newcomer") destroy ? subscriber.reset() : subscriber->close();
      });
      std::optional<baton::Node> newcomer;
      std::optional<baton::Publisher<Message>> publisher;
      std::thread opening([&] {
        std::this_thread::sleep_for(20ms);
        newcomer.emplace(open_node("newcomer"));
        publisher.emplace(newcomer->publisher<Message>("elsewhere").value());
      });
      EXPECT_FALSE(subscriber->wait_for_publishers(2, 20s));
      EXPECT_EQ(subscriber.has_value(), !destroy);
      opening.join();
      reading.on_event(nullptr);
    }
  }
}

TEST_P(PeersCallback, may_itself_wait_for_others) {
  for (const bool keeper : {false, true}) {
    SCOPED_TRACE(keeper);
    auto writing = keeper ? open_node("writing") : open_alone("writing");
    auto publisher = writing.publisher<Message>("topic").value();
    std::atomic<int> answers{0};
    writing.on_event([&](const baton::Event& event) {
      if (event.kind != EventKind::matched || event.topic != "trigger") return;
      EXPECT_TRUE(publisher.wait_for_subscribers(1, 60s));
      ++answers;
    });
    auto trigger = writing.publisher<Message>("trigger").value();
    auto triggering = other_.subscriber<Message>("trigger").value();
    std::optional<baton::Subscriber<Message>> subscriber;
    std::thread opening([&] {
      std::this_thread::sleep_for(20ms);
      subscriber.emplace(other_.subscriber<Message>("topic").value());
    });
    EXPECT_TRUE(eventually([&] {
      if (!keeper) writing.keep();
      return answers == 1;
    }));
    opening.join();
    writing.on_event(nullptr);
  }
}

}  // namespace conformance
