#include "fixture.hpp"

namespace conformance {

BATON_CONFORMANCE_SUITE(Delivery);

TEST_P(Delivery, gives_each_subscriber_every_message_in_order) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto one = other_.subscriber<Message>("topic").value();
  auto two = node_.subscriber<Message>("topic").value();
  Ledger of_one;
  Ledger of_two;
  for (std::uint64_t number = 0; number < 1'000; ++number) {
    EXPECT_EQ(publish(publisher, 1, number).delivered, 2U);
    while (auto sample = one.take()) of_one.note(*sample);
    if (number % 7 == 0) {
      while (auto sample = two.take()) of_two.note(*sample);
    }
  }
  while (auto sample = two.take()) of_two.note(*sample);
  EXPECT_EQ(of_one.count(), 1'000U);
  EXPECT_EQ(of_two.count(), 1'000U);
  EXPECT_EQ(of_one.missing() + of_two.missing(), 0U);
  expect_all_chunks_free(publisher);
}

TEST_P(Delivery, needs_no_subscriber) {
  auto publisher = node_.publisher<Message>("topic").value();
  for (std::uint64_t number = 0; number < 100; ++number) {
    const auto result = publish(publisher, 1, number);
    EXPECT_TRUE(result);
    EXPECT_EQ(result.delivered, 0U);
  }
  EXPECT_EQ(publisher.counters().published, 100U);
  expect_all_chunks_free(publisher);
}

TEST_P(Delivery, reaches_only_the_topic_and_the_domain_of_the_publisher) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto other_topic = node_.subscriber<Message>("topic/below").value();
  baton::Options options;
  options.domain = domain_ + "-other";
  options.config = baton::Config();
  options.transports = {GetParam().make()};
  auto stranger = baton::Node::open("stranger", std::move(options)).value();
  auto other_domain = stranger.subscriber<Message>("topic").value();
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 0U);
  EXPECT_FALSE(other_topic.take());
  EXPECT_FALSE(other_domain.take());
}

TEST_P(Delivery, gives_a_subscriber_the_messages_of_all_publishers_in_turn) {
  auto one = node_.publisher<Message>("topic").value();
  auto two = other_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 4; ++number) publish(one, 1, number);
  for (std::uint64_t number = 0; number < 4; ++number) publish(two, 2, number);
  Ledger ledger;
  std::vector<std::uint32_t> writers;
  while (auto sample = subscriber.take()) {
    ledger.note(*sample);
    writers.push_back(sample->writer);
  }
  EXPECT_EQ(ledger.count(), 8U);
  for (std::size_t i = 1; i < writers.size(); ++i) EXPECT_NE(writers[i], writers[i - 1]) << "at " << i;
}

TEST_P(Delivery, publishes_copies_of_values_too) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  const Message message = make_message(3, 17);
  EXPECT_TRUE(publisher.publish(message));
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(*sample, message);
}

TEST_P(Delivery, tells_where_a_sample_comes_from_and_when) {
  auto publisher = node_.publisher<Message>("a/topic").value();
  auto second = node_.publisher<Message>("a/topic").value();
  auto subscriber = other_.subscriber<Message>("a/topic").value();
  const std::uint64_t before = baton::monotonic_ns();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  const std::uint64_t after = baton::monotonic_ns();
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.info().topic, "a/topic");
  EXPECT_EQ(sample.info().publisher, "first");
  EXPECT_EQ(sample.info().sequence, 0U);
  EXPECT_GT(sample.info().stamp_ns + 10'000, before);  // the counter and the clock agree to well under 10 us
  EXPECT_LT(sample.info().stamp_ns, after + 10'000);
  const auto next = subscriber.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next.info().sequence, 1U);
  EXPECT_EQ(next.info().publisher_id, sample.info().publisher_id);
  publish(second, 2, 0);
  const auto from_second = subscriber.take();
  ASSERT_TRUE(from_second);
  EXPECT_NE(from_second.info().publisher_id, sample.info().publisher_id);
}

TEST_P(Delivery, leaves_the_stamp_out_if_asked_to) {
  auto publisher = node_.publisher<Message>("topic", {.stamp = baton::Stamp::off}).value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.info().stamp_ns, 0U);
}

TEST_P(Delivery, has_loans_start_from_the_defaults_whatever_the_chunk_held_before) {
  auto publisher = node_.publisher<Message>("topic", {.max_loans = 1}).value();
  for (int round = 0; round < 10; ++round) {
    auto loan = publisher.loan();
    ASSERT_TRUE(loan);
    EXPECT_EQ(**loan, Message{});
    std::memset(static_cast<void*>(loan->get()), 0xA5, sizeof(Message));
  }
  auto loan = publisher.loan();
  ASSERT_TRUE(loan);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(loan->get());
  for (std::size_t i = 0; i < sizeof(Message); ++i) EXPECT_EQ(bytes[i], 0) << "byte " << i;
}

TEST_P(Delivery, recomputes_to_the_last_message_between_many_publishers_and_many_subscribers) {
  constexpr std::uint32_t kWriters = 4;
  constexpr std::uint32_t kReaders = 4;
  constexpr std::uint64_t kMessages = 20'000;
  std::atomic<std::uint32_t> readers_ready{0};
  std::atomic<std::uint32_t> writers_done{0};
  std::vector<std::thread> threads;
  for (std::uint32_t reader = 0; reader < kReaders; ++reader) {
    threads.emplace_back([&, reader] {
      auto node = open_node("reader" + std::to_string(reader));
      auto subscriber = node.subscriber<Message>("topic", {.depth = 16}).value();
      readers_ready.fetch_add(1);
      Ledger ledger;
      bool finished = false;
      while (!finished) {
        finished = writers_done.load() == kWriters;  // looked at before the last drain
        while (auto sample = subscriber.take()) ledger.note(*sample);
        subscriber.wait(1ms);
      }
      while (auto sample = subscriber.take()) ledger.note(*sample);
      const auto counters = subscriber.counters().total;
      expect_balanced(counters);
      EXPECT_EQ(counters.queued, 0U);
      EXPECT_EQ(counters.offered, kWriters * kMessages);
      EXPECT_EQ(ledger.count(), counters.taken);
      EXPECT_EQ(ledger.count() + counters.dropped(), kWriters * kMessages);
      std::uint64_t missing_at_the_ends = 0;
      for (std::uint32_t writer = 0; writer < kWriters; ++writer) {
        missing_at_the_ends += ledger.first(writer) + (kMessages - ledger.next(writer));
      }
      EXPECT_EQ(ledger.missing() + missing_at_the_ends, counters.dropped());
    });
  }
  for (std::uint32_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      auto node = open_node("writer" + std::to_string(writer));
      auto publisher = node.publisher<Message>("topic").value();
      while (readers_ready.load() != kReaders || publisher.subscriber_count() != kReaders) std::this_thread::yield();
      for (std::uint64_t number = 0; number < kMessages; ++number) EXPECT_TRUE(publish(publisher, writer, number));
      EXPECT_EQ(publisher.counters().published, kMessages);
      writers_done.fetch_add(1);
      while (publisher.subscriber_count() != 0) std::this_thread::sleep_for(1ms);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace conformance
