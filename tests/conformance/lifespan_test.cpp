#include <poll.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "fixture.hpp"

namespace conformance {

BATON_CONFORMANCE_SUITE(Lifespan);
BATON_CONFORMANCE_SUITE_OVER(DirectLifespan, direct_transports());
BATON_CONFORMANCE_SUITE(DroppedBefore);

using baton::Overflow;
using Numbers = std::vector<std::uint64_t>;

TEST_P(Lifespan, drops_and_counts_a_message_that_is_too_old_when_it_would_be_taken) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 20ms}).value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  std::this_thread::sleep_for(40ms);
  publish(publisher, 1, 3);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, 3U);
  EXPECT_EQ(sample.info().dropped_before, 3U);
  EXPECT_EQ(take_all(subscriber), Numbers{});
  const auto of_reader = subscriber.counters().total;
  EXPECT_EQ(of_reader.dropped_expired, 3U);
  EXPECT_EQ(of_reader.taken, 1U);
  expect_balanced(of_reader);
  const auto of_writer = publisher.counters().connections.at(0);
  EXPECT_EQ(of_writer.dropped_expired, 3U);
  EXPECT_EQ(of_writer.taken, 1U);
  expect_balanced(of_writer);
}

TEST_P(Lifespan, leaves_alone_what_is_taken_in_time) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 1min}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.lifespan = 1h}).value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  EXPECT_EQ(take_all(subscriber), (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(subscriber.counters().total.dropped_expired, 0U);
}

TEST_P(Lifespan, is_the_shorter_of_the_publishers_and_the_subscribers) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 1h}).value();
  auto patient = node_.subscriber<Message>("topic").value();
  auto hasty = node_.subscriber<Message>("topic", {.lifespan = 10ms}).value();
  publish(publisher, 1, 0);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(take_all(patient), (Numbers{0}));
  EXPECT_EQ(take_all(hasty), Numbers{});
  EXPECT_EQ(hasty.counters().total.dropped_expired, 1U);
}

TEST_P(Lifespan, holds_for_the_history_too) {
  auto publisher = node_.publisher<Message>("topic", {.history = 4, .lifespan = 20ms}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  std::this_thread::sleep_for(40ms);
  publish(publisher, 1, 2);
  auto subscriber = node_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(subscriber), (Numbers{2}));
}

TEST_P(Lifespan, leaves_a_held_sample_as_it_is) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 5s}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.lifespan = 50ms}).value();
  publish(publisher, 1, 7);
  const auto sample = subscriber.take();
  if (!sample) GTEST_SKIP() << "the machine slept for 50 ms";
  std::this_thread::sleep_for(60ms);
  for (std::uint64_t number = 8; number < 100; ++number) publish(publisher, 1, number);
  EXPECT_EQ(sample->number, 7U);
  EXPECT_EQ(sample->checksum, checksum_of(*sample));
}

TEST_P(Lifespan, gives_the_room_of_what_grew_too_old_back_to_a_publisher_that_loses_nothing) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::reject, .lifespan = 10ms}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 2, .max_held = 1}).value();
  for (std::uint64_t number = 0; number < 3; ++number) ASSERT_TRUE(publish(publisher, 1, number));
  EXPECT_FALSE(publish(publisher, 1, 3));
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(subscriber.take());
  for (std::uint64_t number = 3; number < 6; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  EXPECT_EQ(take_all(subscriber), (Numbers{3, 4, 5}));
}

TEST_P(Lifespan, is_told_to_the_subscribers_node) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 5ms}).value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(subscriber.take());
  std::uint64_t told = 0;
  EXPECT_TRUE(eventually([&] {
    while (auto event = other_.take_event()) {
      if (event->kind == baton::EventKind::dropped && event->reason == baton::drop_reason::kExpired)
        told += event->count;
    }
    return told == 1;
  }));
}

TEST_P(Lifespan, is_not_told_to_the_publishers_node_even_when_the_connection_ends) {
  auto publisher = node_.publisher<Message>("topic", {.depth = 1, .lifespan = 5ms}).value();
  auto subscriber = std::optional(other_.subscriber<Message>("topic", {.depth = 1}).value());
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(subscriber->take());
  subscriber.reset();
  bool told_of_others = false;
  EXPECT_TRUE(eventually([&] {
    while (auto event = node_.take_event()) {
      if (event->kind == baton::EventKind::unmatched) return true;
      if (event->kind != baton::EventKind::dropped) continue;
      EXPECT_NE(event->reason, baton::drop_reason::kExpired);
      told_of_others = true;
    }
    return false;
  }));
  EXPECT_TRUE(told_of_others) << "of the two that gave way";
}

TEST_P(Lifespan, is_over_for_a_callback_too_which_is_told_once_how_many_it_missed) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 1s}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.lifespan = 20ms}).value();
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  std::this_thread::sleep_for(40ms);
  Heard numbers;
  Heard missed;
  subscriber.on_message([&](const baton::Sample<Message>& sample) {
    missed.note(sample.info().dropped_before);
    numbers.note(sample->number);
  });
  EXPECT_TRUE(eventually([&] { return subscriber.counters().total.dropped_expired == 3; }));
  publish(publisher, 1, 3);
  EXPECT_TRUE(numbers.is({3}));
  finish(subscriber);
  EXPECT_TRUE(missed.is({3}));
  publish(publisher, 1, 4);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.info().dropped_before, 0U);
}

TEST_P(DirectLifespan, is_over_for_a_message_that_waited_for_the_callback_which_published_it) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 20ms}).value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  Numbers numbers;
  Numbers missed;
  subscriber.on_message([&](const baton::Sample<Message>& sample) {
    numbers.push_back(sample->number);
    missed.push_back(sample.info().dropped_before);
    if (sample->number != 0) return;
    publish(publisher, 1, 1);
    std::this_thread::sleep_for(40ms);
  });
  publish(publisher, 1, 0);
  publish(publisher, 1, 2);
  EXPECT_EQ(numbers, (Numbers{0, 2}));
  EXPECT_EQ(missed, (Numbers{0, 1}));
  for (const auto& figures : {subscriber.counters().total, publisher.counters().connections.at(0)}) {
    EXPECT_EQ(figures.dropped_expired, 1U);
    EXPECT_EQ(figures.taken, 2U);
    expect_balanced(figures);
  }
  expect_all_chunks_free(publisher);
}

TEST_P(Lifespan, is_over_before_a_wait_is_and_before_a_descriptor_is_made_readable) {
  const auto readable = [](int descriptor) {
    ::pollfd polled{descriptor, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
  };
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest}) {
    auto publisher = node_.publisher<Message>("topic", {.lifespan = 1s}).value();
    auto subscriber = other_.subscriber<Message>("topic", {.overflow = overflow, .lifespan = 20ms}).value();
    for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
    std::this_thread::sleep_for(40ms);
    EXPECT_FALSE(subscriber.wait(0ms)) << "what is queued is too old";
    EXPECT_EQ(subscriber.counters().total.dropped_expired, 3U);
    publish(publisher, 1, 3);
    std::this_thread::sleep_for(40ms);
    EXPECT_FALSE(readable(subscriber.fd().value()));
    EXPECT_EQ(subscriber.counters().total.dropped_expired, 4U);
    publish(publisher, 1, 4);
    std::this_thread::sleep_for(40ms);
    publish(publisher, 1, 5);
    EXPECT_TRUE(subscriber.wait(0ms));
    const auto sample = subscriber.take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->number, 5U);
    EXPECT_EQ(sample.info().dropped_before, 5U);
    EXPECT_EQ(publisher.counters().connections.at(0).dropped_expired, 5U);
  }
}

TEST_P(Lifespan, loses_nothing_uncounted_between_a_reader_that_waits_and_a_publisher_that_drops) {
  constexpr std::uint64_t kMessages = 10'000;
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 2us}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 4, .overflow = Overflow::drop_oldest}).value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t number = 0; number < kMessages; ++number) publish(publisher, 1, number);
    done = true;
  });
  Ledger ledger;
  std::uint64_t missed = 0;
  const auto take = [&] {
    if (const auto sample = subscriber.take()) {
      ledger.note(*sample);
      missed += sample.info().dropped_before;
    }
  };
  while (!done) {
    if (subscriber.wait(1ms)) take();
  }
  writer.join();
  while (subscriber.counters().total.queued != 0) take();
  const auto figures = subscriber.counters().total;
  EXPECT_EQ(figures.taken, ledger.count());
  EXPECT_EQ(figures.offered, kMessages);
  expect_balanced(figures);
  if (ledger.count() != 0) {
    EXPECT_EQ(missed, ledger.first(1) + ledger.missing());
  }
  expect_all_chunks_free(publisher);
  EXPECT_EQ(publisher.audit(), std::vector<std::string>{});
}

TEST_P(DroppedBefore, says_how_many_gave_way_under_drop_oldest) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_oldest}).value();
  for (std::uint64_t number = 0; number < 7; ++number) publish(publisher, 1, number);
  auto first = subscriber.take();
  auto second = subscriber.take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->number, 5U);
  EXPECT_EQ(first.info().dropped_before, 5U);
  EXPECT_EQ(second.info().dropped_before, 0U);
  first.release();
  for (std::uint64_t number = 7; number < 10; ++number) publish(publisher, 1, number);
  const auto third = subscriber.take();
  EXPECT_EQ(third->number, 8U);
  EXPECT_EQ(third.info().dropped_before, 1U);
  EXPECT_EQ(second.info().dropped_before, 0U) << "of a sample that is still held";
}

TEST_P(DroppedBefore, says_where_messages_are_missing_under_drop_newest) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber =
      node_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_newest, .max_held = 1}).value();
  for (std::uint64_t number = 0; number < 6; ++number) publish(publisher, 1, number);  // 3, 4 and 5 find no room
  Numbers missing;
  const auto take_one = [&] {
    const auto sample = subscriber.take();
    ASSERT_TRUE(sample);
    missing.push_back(sample.info().dropped_before);
  };
  take_one();
  take_one();
  publish(publisher, 1, 6);
  take_one();
  take_one();
  publish(publisher, 1, 7);
  take_one();
  EXPECT_EQ(missing, (Numbers{0, 0, 0, 3, 0}));
}

TEST_P(DroppedBefore, counts_for_each_publisher_by_itself_and_not_what_was_published_before_the_match) {
  auto busy = node_.publisher<Message>("topic").value();
  for (std::uint64_t number = 0; number < 9; ++number) publish(busy, 1, number);
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest}).value();
  auto calm = node_.publisher<Message>("topic").value();
  publish(calm, 2, 0);
  for (std::uint64_t number = 9; number < 13; ++number) publish(busy, 1, number);
  std::map<std::uint32_t, std::uint32_t> missing;
  while (const auto sample = subscriber.take()) missing[sample->writer] = sample.info().dropped_before;
  EXPECT_EQ(missing, (std::map<std::uint32_t, std::uint32_t>{{1, 3}, {2, 0}}));
}

TEST_P(DroppedBefore, misses_nothing_that_is_dropped_while_other_threads_release) {
  using Sample = baton::Sample<Message>;
  constexpr std::uint64_t kMostCounted = 16'383;
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber =
      node_.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest, .max_held = 4}).value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t number = 0; !done; ++number) publish(publisher, 1, number);
  });
  std::atomic<Sample*> handed_over{nullptr};
  std::thread releaser([&] {
    while (!done) delete handed_over.exchange(nullptr);
  });
  std::uint64_t next = 0;
  const auto end = std::chrono::steady_clock::now() + 1s;
  while (std::chrono::steady_clock::now() < end) {
    auto sample = subscriber.take();
    if (!sample) continue;
    const std::uint64_t number = sample->number;
    EXPECT_EQ(sample.info().dropped_before, std::min(number - next, kMostCounted)) << number;
    next = number + 1;
    if (handed_over.load() == nullptr) handed_over = new Sample(std::move(sample));
  }
  done = true;
  writer.join();
  releaser.join();
  delete handed_over.load();
  take_all(subscriber);
  EXPECT_EQ(subscriber.counters().total.dropped_newest, 0U);
  expect_balanced(subscriber.counters().total);
  expect_balanced(publisher.counters().connections.at(0));
  expect_all_chunks_free(publisher);
}

TEST_P(DroppedBefore, stops_counting_where_it_says_so) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest}).value();
  for (std::uint64_t number = 0; number < 20'000; ++number) publish(publisher, 1, number);
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, 19'999U);
  EXPECT_EQ(sample.info().dropped_before, 16'383U);
}

}  // namespace conformance
