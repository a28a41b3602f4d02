#include "fixture.hpp"

namespace conformance {

BATON_CONFORMANCE_SUITE(History);

using Numbers = std::vector<std::uint64_t>;

TEST_P(History, gives_a_late_subscriber_the_last_messages_of_an_idle_publisher) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  for (std::uint64_t number = 0; number < 10; ++number) publish(publisher, 1, number);
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_TRUE(late.wait(10s));
  EXPECT_EQ(take_all(late), (Numbers{7, 8, 9}));
  EXPECT_EQ(late.counters().total.offered, 3U);
  publish(publisher, 1, 10);
  EXPECT_EQ(take_all(late), (Numbers{10}));
  expect_all_chunks_free(publisher, 3);
}

TEST_P(History, is_given_once_and_does_not_reach_earlier_subscribers_again) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  auto early = node_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  EXPECT_EQ(take_all(early), (Numbers{0}));
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_TRUE(late.wait(30s));
  EXPECT_EQ(take_all(early), (Numbers{}));
  EXPECT_EQ(take_all(late), (Numbers{0}));
}

TEST_P(History, is_limited_to_what_the_subscriber_asks_for_and_has_room_for) {
  auto publisher = node_.publisher<Message>("topic", {.history = 8}).value();
  for (std::uint64_t number = 0; number < 10; ++number) publish(publisher, 1, number);
  auto none = node_.subscriber<Message>("topic", {.history = 0}).value();
  auto two = node_.subscriber<Message>("topic", {.history = 2}).value();
  auto shallow = node_.subscriber<Message>("topic", {.depth = 3}).value();
  EXPECT_TRUE(two.wait(30s));
  EXPECT_TRUE(shallow.wait(30s));
  EXPECT_EQ(take_all(none), (Numbers{}));
  EXPECT_EQ(take_all(two), (Numbers{8, 9}));
  EXPECT_EQ(take_all(shallow), (Numbers{7, 8, 9}));
  EXPECT_EQ(shallow.counters().total.dropped(), 0U) << "what was published before the match is not a drop";
}

TEST_P(History, ends_with_its_publisher) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  publish(publisher, 1, 0);
  publisher.close();
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), (Numbers{}));
}

TEST_P(History, reaches_a_callback_first) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  auto late = other_.subscriber<Message>("topic").value();
  Heard heard;
  late.on_message([&](const baton::Sample<Message>& sample) { heard.note(sample->number); });
  publish(publisher, 1, 5);
  EXPECT_TRUE(heard.is({2, 3, 4, 5}));
}

TEST_P(History, meets_the_live_messages_without_a_gap_or_a_repetition_however_a_subscriber_joins) {
  auto publisher =
      node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s, .history = 4})
          .value();
  publish(publisher, 1, 0);
  std::atomic<bool> stop{false};
  std::thread joiner([&] {
    for (int round = 0; round < 300; ++round) {
      auto late = other_.subscriber<Message>("topic", {.depth = 8}).value();
      Ledger ledger;
      EXPECT_TRUE(late.wait(30s));
      const auto until = std::chrono::steady_clock::now() + 300us;
      do {  // once at least: this thread may sleep longer than that
        while (auto sample = late.take()) ledger.note(*sample);
      } while (std::chrono::steady_clock::now() < until);
      EXPECT_GE(ledger.count(), 1U);
      EXPECT_EQ(ledger.missing(), 0U) << "the publisher waits for its readers";
    }
    stop = true;
  });
  for (std::uint64_t number = 1; !stop; ++number) publish(publisher, 1, number);
  joiner.join();
  expect_all_chunks_free(publisher, 4);
}

}  // namespace conformance
