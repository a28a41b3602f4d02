#include "fixture.hpp"

#include <optional>

namespace conformance {

BATON_CONFORMANCE_SUITE(Lifetime);

using baton::Errc;
using baton::PublishStatus;
using baton::TakeStatus;

TEST_P(Lifetime, keeps_a_held_sample_unchanged_while_the_publisher_goes_on) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 2, .max_held = 3}).value();
  std::vector<baton::Sample<Message>> held;
  std::vector<Message> copies;
  for (std::uint64_t number = 0; number < 3; ++number) {
    publish(publisher, 1, number);
    held.push_back(subscriber.take());
    copies.push_back(*held.back());
  }
  for (std::uint64_t number = 3; number < 1'000; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  for (std::size_t i = 0; i < held.size(); ++i) EXPECT_EQ(*held[i], copies[i]);
}

TEST_P(Lifetime, bars_a_take_beyond_the_holding_limit_until_a_sample_is_released) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.max_held = 2}).value();
  for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
  auto first = subscriber.take();
  auto second = subscriber.take();
  EXPECT_EQ(subscriber.take().status(), TakeStatus::held_limit);
  first.release();
  EXPECT_FALSE(first);
  const auto third = subscriber.take();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->number, 2U);
  EXPECT_EQ(subscriber.take().status(), TakeStatus::held_limit);
}

TEST_P(Lifetime, lets_a_sample_outlive_its_subscriber_its_publisher_and_their_nodes) {
  baton::Sample<Message> sample;
  {
    auto writing = open_node("writing");
    auto reading = open_node("reading");
    auto publisher = writing.publisher<Message>("topic").value();
    auto subscriber = reading.subscriber<Message>("topic").value();
    publish(publisher, 1, 40);
    sample = subscriber.take();
  }
  ASSERT_TRUE(sample);
  EXPECT_EQ(*sample, make_message(1, 40));
  EXPECT_EQ(sample.info().publisher, "writing");
}

TEST_P(Lifetime, lets_a_sample_be_released_on_another_thread_after_everything_else_is_gone) {
  for (int round = 0; round < 100; ++round) {
    std::thread releaser;
    {
      auto publisher = node_.publisher<Message>("topic").value();
      auto subscriber = other_.subscriber<Message>("topic").value();
      publish(publisher, 1, 7);
      releaser = std::thread([sample = subscriber.take()] { EXPECT_EQ(*sample, make_message(1, 7)); });
    }
    releaser.join();
  }
}

TEST_P(Lifetime, lets_a_loan_outlive_its_publisher_and_still_be_published) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto loan = node_.publisher<Message>("topic").value().loan().value();
  fill(*loan, 1, 3);
  EXPECT_EQ(loan.publish().delivered, 1U);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, 3U);
  EXPECT_EQ(subscriber.publisher_count(), 0U) << "the port closed with its last loan";
}

TEST_P(Lifetime, delivers_what_was_published_before_the_publisher_went) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  {
    auto publisher = node_.publisher<Message>("topic").value();
    for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  }
  EXPECT_EQ(subscriber.publisher_count(), 0U);
  EXPECT_TRUE(subscriber.wait(0s));
  EXPECT_EQ(take_all(subscriber), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  const auto counters = subscriber.counters();
  EXPECT_EQ(counters.total.offered, 5U) << "connections that ended stay in the sums";
  EXPECT_TRUE(counters.connections.empty());
}

TEST_P(Lifetime, refuses_a_loan_when_none_is_left_and_says_what_to_do) {
  auto publisher = node_.publisher<Message>("topic", {.max_loans = 2}).value();
  auto first = publisher.loan();
  auto second = publisher.loan();
  const auto third = publisher.loan();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code(), Errc::too_many_loans);
  EXPECT_NE(third.error().message().find("topic 'topic'"), std::string::npos) << third.error().message();
  EXPECT_NE(third.error().message().find("max_loans"), std::string::npos) << third.error().message();
  EXPECT_EQ(publisher.publish(make_message(1, 0)).status, PublishStatus::too_many_loans);
  first->discard();
  EXPECT_TRUE(publisher.loan());
  EXPECT_EQ(publisher.counters().failed_loans, 2U);
}

TEST_P(Lifetime, has_an_empty_loan_after_publish_discard_and_move) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto loan = publisher.loan().value();
  EXPECT_TRUE(loan.publish());
  EXPECT_EQ(loan.publish().status, PublishStatus::no_loan);
  auto second = publisher.loan().value();
  second.discard();
  second.discard();
  EXPECT_EQ(second.publish().status, PublishStatus::no_loan);
  auto third = publisher.loan().value();
  auto fourth = std::move(third);
  EXPECT_TRUE(fourth);
  fourth = publisher.loan().value();
  EXPECT_EQ(publisher.counters().open_loans, 1U);
  EXPECT_EQ(publisher.counters().published, 1U);
}

TEST_P(Lifetime, says_closed_after_close_on_every_verb) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  const auto held = subscriber.take();
  subscriber.close();
  subscriber.close();
  EXPECT_EQ(subscriber.take().status(), TakeStatus::closed);
  EXPECT_TRUE(subscriber.wait(1h) == baton::WaitStatus::closed);
  EXPECT_EQ(held->number, 0U);
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  auto open_loan = publisher.loan().value();
  publisher.close();
  publisher.close();
  const auto loan = publisher.loan();
  ASSERT_FALSE(loan);
  EXPECT_EQ(loan.error().code(), Errc::closed);
  EXPECT_EQ(open_loan.publish().status, PublishStatus::closed);
  EXPECT_EQ(publisher.publish(make_message(1, 0)).status, PublishStatus::closed);
}

TEST_P(Lifetime, counts_what_was_held_and_what_was_never_taken_when_a_subscriber_closes) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
  const auto held = subscriber.take();
  subscriber.close();
  const auto total = subscriber.counters().total;
  EXPECT_EQ(total.held, 1U);
  EXPECT_EQ(total.undelivered, 3U);
  expect_balanced(total);
}

TEST_P(Lifetime, counts_what_came_from_a_publisher_that_a_subscriber_never_looked_at) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto publisher = node_.publisher<Message>("topic").value();
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  subscriber.close();
  const auto total = subscriber.counters().total;
  EXPECT_EQ(total.offered, 3U);
  EXPECT_EQ(total.undelivered, 3U);
  expect_balanced(total);
}

TEST_P(Lifetime, lets_the_callback_of_an_event_destroy_the_port_that_is_just_closing) {
  for (const bool destroy : {false, true}) {
    auto publisher = std::make_optional(node_.publisher<Message>("topic").value());
    auto subscriber = std::make_optional(other_.subscriber<Message>("topic").value());
    std::atomic<int> gone{0};
    node_.on_event([&](const baton::Event& event) {
      if (event.kind != baton::EventKind::unmatched) return;
      publisher.reset();
      ++gone;
    });
    other_.on_event([&](const baton::Event& event) {
      if (event.kind != baton::EventKind::unmatched) return;
      subscriber.reset();
      ++gone;
    });
    if (destroy) {
      publisher->close();
    } else {
      subscriber->close();
    }
    EXPECT_TRUE(eventually([&] { return gone == 2; }));
    node_.on_event(nullptr);
    other_.on_event(nullptr);
    EXPECT_FALSE(publisher);
    EXPECT_FALSE(subscriber);
  }
}

TEST_P(Lifetime, lets_an_events_callback_that_owns_a_port_go_with_the_connection) {
  auto publisher = node_.publisher<Message>("topic").value();
  {
    auto node = open_node("third");
    auto subscriber = node.subscriber<Message>("topic").value();
    publish(publisher, 1, 0);
    auto owned = std::make_shared<baton::Subscriber<Message>>(other_.subscriber<Message>("topic").value());
    node.on_event([owned](const baton::Event&) {});
  }
  EXPECT_TRUE(publish(publisher, 1, 1));
  EXPECT_EQ(publisher.subscriber_count(), 0U);
}

TEST_P(Lifetime, keeps_no_chunk_and_no_connection_however_often_readers_come_and_go) {
  auto publisher = node_.publisher<Message>("topic").value();
  std::uint64_t chunks = 0;
  for (int round = 0; round < 500; ++round) {
    auto subscriber = other_.subscriber<Message>("topic").value();
    for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
    const auto held = subscriber.take();
    EXPECT_TRUE(held);
    if (round == 10) chunks = publisher.counters().chunks;
  }
  EXPECT_LE(publisher.counters().chunks, chunks) << "the pool must not grow with the number of joins";
  publish(publisher, 1, 0);
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  expect_all_chunks_free(publisher);
}

TEST_P(Lifetime, keeps_no_connection_however_often_publishers_come_and_go) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  for (std::uint64_t round = 0; round < 500; ++round) {
    auto publisher = node_.publisher<Message>("topic").value();
    EXPECT_EQ(subscriber.publisher_count(), 1U);
    publish(publisher, 1, round);
    const auto sample = subscriber.take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->number, round);
  }
  EXPECT_EQ(subscriber.publisher_count(), 0U);
  EXPECT_EQ(subscriber.counters().total.taken, 500U);
}

TEST_P(Lifetime, survives_ports_that_come_and_go_on_all_threads_at_once) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> received{0};
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      auto node = open_node("writer" + std::to_string(writer));
      for (std::uint32_t round = 0; !stop; ++round) {
        auto publisher = node.publisher<Message>("topic", {.history = writer}).value();
        const std::uint32_t name = 2 * round + writer;  // order is promised for each publisher, not between them
        for (std::uint64_t number = 0; number < 50; ++number) publish(publisher, name, number);
      }
    });
  }
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&, reader] {
      auto node = open_node("reader" + std::to_string(reader));
      while (!stop) {
        std::vector<baton::Sample<Message>> held;
        Ledger ledger;
        auto subscriber = node.subscriber<Message>("topic").value();
        if (reader == 0) {
          subscriber.on_message([&](const baton::Sample<Message>& sample) { ledger.note(*sample); });
          std::this_thread::sleep_for(200us);
          subscriber.close();  // the callback refers to the ledger
        }
        for (int i = 0; i < 20 && subscriber.wait(1ms); ++i) {
          if (auto sample = subscriber.take()) {
            ledger.note(*sample);
            held.push_back(std::move(sample));
          }
          if (held.size() == 4) held.clear();
        }
        received += ledger.count();
      }
    });
  }
  std::this_thread::sleep_for(1s);
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GT(received.load(), 0U);
}

}  // namespace conformance
