#include "fixture.hpp"

namespace conformance {

BATON_CONFORMANCE_SUITE(OverflowPolicy);

using baton::Overflow;
using baton::PublishStatus;
using Numbers = std::vector<std::uint64_t>;

TEST_P(OverflowPolicy, drop_oldest_keeps_the_newest_messages) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 3, .overflow = Overflow::drop_oldest}).value();
  for (std::uint64_t number = 0; number < 10; ++number) {
    const auto result = publish(publisher, 1, number);
    EXPECT_TRUE(result);
    EXPECT_EQ(result.delivered, 1U);
    // In a ring it is the reader that passes over what is too much, when it takes: a publish does not look at it.
    EXPECT_EQ(result.dropped, number < 3 || GetParam().name == "ring" ? 0U : 1U);
  }
  EXPECT_EQ(take_all(subscriber), (Numbers{7, 8, 9}));
  EXPECT_EQ(subscriber.counters().total.dropped_oldest, 7U);
  expect_balanced(subscriber.counters().total);
  expect_all_chunks_free(publisher);
}

TEST_P(OverflowPolicy, drop_newest_keeps_the_oldest_messages_and_counts_held_samples_as_room_taken) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber =
      node_.subscriber<Message>("topic", {.depth = 3, .overflow = Overflow::drop_newest, .max_held = 2}).value();
  for (std::uint64_t number = 0; number < 10; ++number) {
    const auto result = publish(publisher, 1, number);
    EXPECT_TRUE(result);
    EXPECT_EQ(result.delivered, number < 5 ? 1U : 0U);  // depth + max_held
  }
  EXPECT_EQ(take_all(subscriber), (Numbers{0, 1, 2, 3, 4}));
  publish(publisher, 1, 10);
  EXPECT_EQ(take_all(subscriber), (Numbers{10}));
  EXPECT_EQ(subscriber.counters().total.dropped_newest, 5U);
  expect_balanced(subscriber.counters().total);
}

TEST_P(OverflowPolicy, reject_refuses_for_everybody_and_leaves_the_loan_and_the_sequence_as_they_were) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::reject}).value();
  auto quick = node_.subscriber<Message>("topic", {.depth = 100}).value();
  auto slow = node_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  EXPECT_TRUE(publish(publisher, 1, 0));
  EXPECT_TRUE(publish(publisher, 1, 1));
  auto loan = publisher.loan().value();
  fill(*loan, 1, 2);
  for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(loan.publish().status, PublishStatus::rejected);
  EXPECT_TRUE(loan) << "the loan stays valid";
  EXPECT_EQ(loan->number, 2U);
  EXPECT_EQ(take_all(quick), (Numbers{0, 1})) << "nobody gets a rejected message";
  { const auto sample = slow.take(); }
  EXPECT_TRUE(loan.publish());
  EXPECT_FALSE(loan);
  const auto last = quick.take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last.info().sequence, 2U) << "a rejected publish uses no sequence number";
  EXPECT_EQ(take_all(slow), (Numbers{1, 2}));
  EXPECT_EQ(publisher.counters().rejected, 3U);
  EXPECT_EQ(publisher.publish(make_message(1, 3)).status, PublishStatus::ok);
}

TEST_P(OverflowPolicy, reject_takes_back_the_chunk_of_a_refused_copy) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::reject, .max_loans = 1}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(publisher.publish(make_message(1, 0)));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(publisher.publish(make_message(1, 1)).status, PublishStatus::rejected);
  EXPECT_EQ(publisher.counters().open_loans, 0U);
}

TEST_P(OverflowPolicy, a_subscribers_choice_to_drop_wins_over_the_publishers) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::reject}).value();
  auto dropper = node_.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest}).value();
  for (std::uint64_t number = 0; number < 5; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  EXPECT_EQ(take_all(dropper), (Numbers{4}));
}

TEST_P(OverflowPolicy, block_waits_for_the_reader_and_loses_nothing) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 2, .max_held = 1}).value();
  constexpr std::uint64_t kMessages = 20'000;
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
  EXPECT_EQ(publisher.counters().timed_out, 0U);
}

TEST_P(OverflowPolicy, block_gives_up_at_the_deadline_and_serves_those_with_room) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::block, .block_timeout = 20ms}).value();
  auto stuck = node_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  auto quick = node_.subscriber<Message>("topic", {.depth = 10}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  const auto start = std::chrono::steady_clock::now();
  const auto result = publish(publisher, 1, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  EXPECT_EQ(result.status, PublishStatus::timed_out);
  EXPECT_FALSE(result);
  EXPECT_EQ(result.delivered, 1U);
  EXPECT_EQ(result.dropped, 1U);
  EXPECT_EQ(take_all(quick), (Numbers{0, 1, 2}));
  EXPECT_EQ(take_all(stuck), (Numbers{0, 1}));
  EXPECT_EQ(stuck.counters().total.dropped_timeout, 1U);
  EXPECT_EQ(publisher.counters().timed_out, 1U);
  expect_balanced(stuck.counters().total);
}

TEST_P(OverflowPolicy, block_is_released_at_once_when_the_reader_closes) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    subscriber.close();
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(publish(publisher, 1, 2));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
  closer.join();
}

TEST_P(OverflowPolicy, block_is_released_by_a_sample_released_on_another_thread) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  std::thread releaser([sample = subscriber.take()]() mutable {
    std::this_thread::sleep_for(20ms);
    sample.release();
  });
  EXPECT_TRUE(publish(publisher, 1, 2));
  releaser.join();
}

TEST_P(OverflowPolicy, no_policy_ever_makes_a_loan_fail_while_readers_stay_within_their_limits) {
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest, Overflow::reject, Overflow::block}) {
    auto publisher =
        node_.publisher<Message>("topic", {.overflow = overflow, .block_timeout = 1ns, .history = 3}).value();
    std::vector<baton::Subscriber<Message>> readers;
    std::vector<baton::Sample<Message>> held;
    for (int reader = 0; reader < 3; ++reader) {
      readers.push_back(node_.subscriber<Message>("topic", {.depth = 2, .max_held = 3}).value());
    }
    for (std::uint64_t number = 0; number < 200; ++number) {
      auto loan = publisher.loan();
      ASSERT_TRUE(loan) << loan.error().message();
      fill(**loan, 1, number);
      loan->publish();
      for (auto& reader : readers) {
        if (auto sample = reader.take()) held.push_back(std::move(sample));
      }
    }
    for (const auto& sample : held) EXPECT_EQ(sample->checksum, checksum_of(*sample));
    held.clear();
    for (auto& reader : readers) take_all(reader);
    expect_all_chunks_free(publisher, 3);
  }
}

}  // namespace conformance
