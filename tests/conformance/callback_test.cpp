#include "fixture.hpp"

#include <poll.h>

#include <functional>
#include <optional>
#include <stdexcept>

namespace conformance {

BATON_CONFORMANCE_SUITE(Callback);

/// What holds where the publishing thread calls: a callback may use the very publisher that is calling it.
BATON_CONFORMANCE_SUITE_OVER(DirectCallback, direct_transports());

using Numbers = Heard::Numbers;
using Sample = baton::Sample<Message>;

TEST_P(Callback, is_called_for_every_message_in_order_those_already_queued_first) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  Heard heard;
  subscriber.on_message([&](const Sample& sample) {
    EXPECT_EQ(sample->checksum, checksum_of(*sample));
    EXPECT_EQ(sample.info().sequence, sample->number);
    heard.note(sample->number);
  });
  publish(publisher, 1, 2);
  EXPECT_TRUE(heard.is({0, 1, 2}));
  EXPECT_FALSE(subscriber.take()) << "messages are the callback's";
  EXPECT_EQ(subscriber.counters().total.taken, 3U);
  expect_balanced(subscriber.counters().total);
  expect_all_chunks_free(publisher);
}

TEST_P(Callback, gives_way_to_the_queue_when_it_is_taken_away) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto owned = std::make_shared<std::atomic<int>>(0);
  subscriber.on_message([owned](const Sample&) { ++*owned; });
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return *owned == 1; }));
  subscriber.on_message(nullptr);
  EXPECT_EQ(owned.use_count(), 1) << "what the callback owned is released";
  publish(publisher, 1, 1);
  EXPECT_EQ(*owned, 1);
  EXPECT_EQ(take_all(subscriber), (Numbers{1}));
}

TEST_P(Callback, may_own_what_cannot_be_copied) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<int> called{0};
  subscriber.on_message([owned = std::make_unique<int>(5), &called](const Sample&) { called += *owned; });
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return called == 5; }));
}

TEST_P(Callback, never_overlaps_with_itself_and_misses_nothing_between_several_publishing_threads) {
  constexpr std::uint64_t kMessages = 20'000;
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 65'536}).value();
  Ledger ledger;
  std::atomic<int> inside{0};
  subscriber.on_message([&](const Sample& sample) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    ledger.note(*sample);
    inside.fetch_sub(1);
  });
  std::vector<std::thread> writers;
  for (std::uint32_t writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      auto publisher = node_.publisher<Message>("topic").value();
      for (std::uint64_t number = 0; number < kMessages; ++number) publish(publisher, writer, number);
    });
  }
  for (auto& writer : writers) writer.join();
  finish(subscriber);
  EXPECT_EQ(ledger.count() + subscriber.counters().total.dropped(), 3 * kMessages);
  EXPECT_EQ(ledger.missing(), subscriber.counters().total.dropped());
  expect_balanced(subscriber.counters().total);
}

TEST_P(Callback, never_overlaps_and_misses_nothing_while_publishers_come_and_go_and_it_is_replaced) {
  constexpr std::uint64_t kMessages = 100'000;
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 65'536}).value();
  Ledger ledger;
  std::atomic<int> inside{0};
  const auto note = [&](const Sample& sample) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    ledger.note(*sample);
    inside.fetch_sub(1);
  };
  subscriber.on_message(note);
  std::atomic<int> writing{2};
  std::thread steady([&] {
    auto publisher =
        node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
    for (std::uint64_t number = 0; number < kMessages; ++number) publish(publisher, 0, number);
    --writing;
  });
  std::uint64_t by_guests = 0;
  std::thread guests([&] {
    for (std::uint32_t guest = 1; guest <= 200; ++guest) {
      auto publisher = node_.publisher<Message>("topic").value();
      publisher.wait_for_subscribers(1, 60s);  // on a busy machine it may be late in making places for so many
      for (std::uint64_t number = 0; number < 20; ++number, ++by_guests) publish(publisher, guest, number);
    }
    --writing;
  });
  while (writing != 0) {
    subscriber.on_message(note);
    std::this_thread::sleep_for(100us);
  }
  steady.join();
  guests.join();
  finish(subscriber);
  EXPECT_EQ(ledger.count() + subscriber.counters().total.dropped(), kMessages + by_guests);
  EXPECT_EQ(ledger.missing(), subscriber.counters().total.dropped());
  expect_balanced(subscriber.counters().total);
}

TEST_P(Callback, is_not_entered_by_a_publisher_that_joins_while_the_only_one_so_far_is_calling_it) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<int> inside{0};
  std::atomic<bool> started{false};
  std::atomic<bool> go_on{false};
  std::vector<std::uint32_t> writers;
  subscriber.on_message([&](const Sample& sample) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    writers.push_back(sample->writer);
    started = true;
    while (!go_on) std::this_thread::yield();
    inside.fetch_sub(1);
  });
  std::thread first([&] { publish(publisher, 1, 0); });
  while (!started) std::this_thread::yield();
  auto guest = node_.publisher<Message>("topic").value();
  EXPECT_EQ(publish(guest, 2, 0).delivered, 1U) << "it queues instead";
  EXPECT_EQ(writers.size(), 1U);
  go_on = true;
  first.join();
  finish(subscriber);
  EXPECT_EQ(writers, (std::vector<std::uint32_t>{1, 2})) << "the call under way takes what was queued along";
}

TEST_P(Callback, is_over_when_close_returns) {
  auto publisher = node_.publisher<Message>("topic").value();
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> started{false};
    std::atomic<bool> finished{false};
    auto subscriber = other_.subscriber<Message>("topic").value();
    subscriber.on_message([&](const Sample&) {
      started = true;
      std::this_thread::sleep_for(50us);
      finished = true;
    });
    std::thread writer([&] { publish(publisher, 1, 0); });
    while (!started) std::this_thread::yield();
    { const auto gone = std::move(subscriber); }
    EXPECT_TRUE(finished);
    writer.join();
  }
}

TEST_P(Callback, may_destroy_its_own_subscriber) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = std::make_optional(other_.subscriber<Message>("topic").value());
  auto owned = std::make_shared<std::atomic<int>>(0);
  subscriber->on_message([&subscriber, owned](const Sample& sample) {
    subscriber.reset();
    ++*owned;
    EXPECT_EQ(sample->checksum, checksum_of(*sample)) << "the sample is valid until the callback returns";
  });
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  EXPECT_TRUE(eventually([&] { return *owned == 1 && owned.use_count() == 1; }));
  expect_all_chunks_free(publisher);
}

TEST_P(Callback, may_destroy_its_own_subscriber_while_it_is_given_what_was_queued) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = std::make_optional(other_.subscriber<Message>("topic").value());
  for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
  auto called = std::make_shared<std::atomic<int>>(0);
  subscriber->on_message([&subscriber, called](const Sample&) {
    ++*called;
    subscriber.reset();
  });
  EXPECT_TRUE(eventually([&] { return *called == 1 && called.use_count() == 1; }));
  publish(publisher, 1, 4);
  expect_all_chunks_free(publisher);
  EXPECT_EQ(*called, 1);
}

TEST_P(DirectCallback, may_destroy_the_publisher_that_is_calling_it) {
  auto publisher = std::make_optional(node_.publisher<Message>("topic").value());
  auto first = other_.subscriber<Message>("topic").value();
  auto second = other_.subscriber<Message>("topic").value();
  first.on_message([&](const Sample&) { publisher.reset(); });
  auto loan = publisher->loan().value();
  fill(*loan, 1, 0);
  loan.publish();
  EXPECT_EQ(take_all(second), (Numbers{0})) << "the delivery under way is finished";
  EXPECT_EQ(second.publisher_count(), 0U);
}

TEST_P(Callback, may_replace_itself) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  Heard by_first;
  Heard by_second;
  subscriber.on_message([&](const Sample& sample) {
    by_first.note(sample->number);
    subscriber.on_message([&](const Sample& later) { by_second.note(later->number); });
  });
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  EXPECT_TRUE(by_second.is({1, 2}));
  EXPECT_TRUE(by_first.is({0}));
}

TEST_P(Callback, that_throws_is_counted_and_the_next_message_is_delivered) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<int> called{0};
  baton::set_log_sink([](baton::LogLevel, std::string_view) {});
  subscriber.on_message([&](const Sample&) {
    ++called;
    if (called == 1) throw std::runtime_error("as the test wants it");
    if (called == 2) throw 7;
  });
  for (std::uint64_t number = 0; number < 3; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  EXPECT_TRUE(eventually([&] { return called == 3; }));
  baton::set_log_sink(nullptr);
  EXPECT_EQ(subscriber.counters().failed_callbacks, 2U);
  expect_all_chunks_free(publisher);
}

TEST_P(DirectCallback, may_publish_with_the_publisher_that_calls_it_and_all_readers_see_one_order) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto answering = other_.subscriber<Message>("topic").value();
  auto listening = other_.subscriber<Message>("topic").value();
  Numbers heard;
  answering.on_message([&](const Sample& sample) {
    if (sample->number == 3) return;
    EXPECT_TRUE(publish(publisher, 1, sample->number + 1));
  });
  listening.on_message([&](const Sample& sample) { heard.push_back(sample->number); });
  publish(publisher, 1, 0);
  EXPECT_EQ(heard, (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(publisher.counters().open_loans, 0U);
  expect_all_chunks_free(publisher);
}

TEST_P(DirectCallback, may_go_on_publishing_for_ever_under_reject_while_nothing_is_queued) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = baton::Overflow::reject}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  std::uint64_t last = 0;
  subscriber.on_message([&](const Sample& sample) {
    last = sample->number;
    if (last < 1'000) {
      EXPECT_TRUE(publish(publisher, 1, last + 1));
    }
  });
  publish(publisher, 1, 0);
  EXPECT_EQ(last, 1'000U);
}

TEST_P(DirectCallback, is_refused_under_reject_when_what_it_publishes_would_not_fit_behind_the_present_message) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = baton::Overflow::reject}).value();
  auto answering = other_.subscriber<Message>("topic").value();
  auto queueing = other_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  std::vector<baton::PublishStatus> answers;
  answering.on_message([&](const Sample& sample) {
    if (sample->number != 0) return;
    for (std::uint64_t number = 1; number < 4; ++number) answers.push_back(publish(publisher, 1, number).status);
  });
  EXPECT_TRUE(publish(publisher, 1, 0));
  using enum baton::PublishStatus;
  EXPECT_EQ(answers, (std::vector<baton::PublishStatus>{ok, rejected, rejected}));
  EXPECT_EQ(take_all(queueing), (Numbers{0, 1}));
}

TEST_P(DirectCallback, that_publishes_under_block_waits_for_the_slow_reader_once_it_has_returned) {
  auto publisher =
      node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  auto answering = other_.subscriber<Message>("topic").value();
  auto slow = other_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  answering.on_message([&](const Sample& sample) {
    if (sample->number < 6) {
      EXPECT_TRUE(publish(publisher, 1, sample->number + 1));
    }
  });
  Numbers numbers;
  std::thread reader([&] {
    std::this_thread::sleep_for(20ms);
    while (numbers.size() < 7 && slow.wait(60s)) {
      while (auto sample = slow.take()) numbers.push_back(sample->number);
    }
  });
  EXPECT_TRUE(publish(publisher, 1, 0));
  reader.join();
  EXPECT_EQ(numbers, (Numbers{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(slow.counters().total.dropped(), 0U);
}

TEST_P(Callback, that_closes_its_subscriber_is_still_waited_for_by_a_later_destruction) {
  for (int round = 0; round < 20; ++round) {
    auto publisher = node_.publisher<Message>("topic").value();
    auto subscriber = std::make_optional(other_.subscriber<Message>("topic").value());
    std::atomic<bool> closed{false};
    std::atomic<bool> finished{false};
    subscriber->on_message([&](const Sample&) {
      subscriber->close();
      closed = true;
      std::this_thread::sleep_for(2ms);
      finished = true;
    });
    std::thread writer([&] { publish(publisher, 1, 0); });
    while (!closed) std::this_thread::yield();
    subscriber.reset();
    EXPECT_TRUE(finished);
    writer.join();
  }
}

TEST_P(Callback, that_is_an_empty_function_is_none) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  subscriber.on_message(std::function<void(const Sample&)>());
  publish(publisher, 1, 0);
  EXPECT_EQ(take_all(subscriber), (Numbers{0}));
}

TEST_P(Callback, that_ends_itself_leaves_the_rest_to_a_thread_that_is_waiting_already) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto second = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  const int fd = subscriber.fd().value();
  std::atomic<bool> called{false};
  subscriber.on_message([&](const Sample&) {
    publish(second, 2, 1);
    called = true;
    std::this_thread::sleep_for(50ms);  // long enough for the other thread to fall asleep
    subscriber.on_message(nullptr);
  });
  std::thread writer([&] { publish(publisher, 1, 0); });
  ASSERT_TRUE(eventually([&] { return called.load(); }));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(subscriber.wait(20s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s) << "it was not woken";
  pollfd entry{fd, POLLIN, 0};
  EXPECT_EQ(poll(&entry, 1, 20'000), 1);
  EXPECT_EQ(take_all(subscriber), (Numbers{1}));
  writer.join();
}

TEST_P(Callback, leaves_the_publisher_a_chunk_when_a_reader_that_holds_samples_goes_over_to_it) {
  auto first = node_.publisher<Message>("topic").value();
  auto second = node_.publisher<Message>("topic", {.max_loans = 1}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  publish(second, 2, 0);
  const auto held = subscriber.take();
  std::atomic<bool> asked{false};
  subscriber.on_message([&](const Sample& sample) {
    if (sample->number == 100) {
      EXPECT_TRUE(publish(second, 2, 200));
    }
    if (sample->number != 200) return;
    EXPECT_TRUE(publish(second, 2, 300));
    EXPECT_TRUE(second.loan()) << "one sample held, one in the callback, one queued";
    asked = true;
  });
  publish(first, 1, 100);
  EXPECT_TRUE(eventually([&] { return asked.load(); }));
  subscriber.close();
}

TEST_P(Callback, lets_somebody_who_replaces_it_in_between_publishers_that_never_rest) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<bool> stop{false};
  const auto busy = [](const Sample&) {
    const auto until = std::chrono::steady_clock::now() + 20us;
    while (std::chrono::steady_clock::now() < until) {
    }
  };
  subscriber.on_message(busy);
  std::vector<std::thread> writers;
  for (std::uint32_t writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      auto publisher = node_.publisher<Message>("topic").value();
      for (std::uint64_t number = 0; !stop; ++number) publish(publisher, writer, number);
    });
  }
  while (subscriber.publisher_count() != 2) std::this_thread::yield();
  for (int round = 0; round < 20; ++round) subscriber.on_message(busy);
  stop = true;
  for (auto& writer : writers) writer.join();
}

TEST_P(Callback, may_be_part_of_a_circle_of_topics_without_recursion) {
  auto first = node_.publisher<Message>("ping").value();
  auto ping = node_.publisher<Message>("ping").value();
  auto pong = node_.publisher<Message>("pong").value();
  auto on_ping = other_.subscriber<Message>("ping").value();
  auto on_pong = other_.subscriber<Message>("pong").value();
  Heard pings;
  int depth = 0;
  std::atomic<int> deepest{0};
  on_ping.on_message([&](const Sample& sample) {
    deepest = std::max(deepest.load(), ++depth);
    pings.note(sample->number);
    publish(pong, 2, sample->number);
    --depth;
  });
  on_pong.on_message([&](const Sample& sample) {
    if (sample->number < 1'000) publish(ping, 1, sample->number + 1);
  });
  publish(first, 1, 0);
  ASSERT_TRUE(eventually([&] { return pings.numbers().size() == 1'001U; }));
  for (std::uint64_t i = 0; i < 1'001; ++i) EXPECT_EQ(pings.numbers()[i], i);
  EXPECT_EQ(deepest, 1);
  on_ping.close();
  on_pong.close();
}

TEST_P(Callback, may_open_a_subscriber_that_gets_the_next_message) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto second = node_.publisher<Message>("topic").value();
  std::optional<baton::Subscriber<Message>> late;
  std::atomic<bool> opened{false};
  subscriber.on_message([&](const Sample& sample) {
    if (late) return;
    late = other_.subscriber<Message>("topic").value();
    EXPECT_TRUE(publish(second, 2, sample->number + 1));
    opened = true;
  });
  publish(publisher, 1, 0);
  ASSERT_TRUE(eventually([&] { return opened.load(); }));
  EXPECT_EQ(take_all(*late), (Numbers{1}));
  subscriber.close();
}

TEST_P(Callback, ends_in_time_though_it_blocks_on_its_own_topic) {
  auto publisher =
      node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  auto second = node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 1, .max_held = 1}).value();
  std::atomic<std::uint64_t> called{0};
  std::atomic<bool> refused{false};
  subscriber.on_message([&](const Sample& sample) {
    ++called;
    if (sample->writer != 1) return;
    for (std::uint64_t number = 0; number < 4; ++number) {
      if (!publish(second, 2, number)) refused = true;
    }
  });
  const auto start = std::chrono::steady_clock::now();
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return called == 1 + 2U; })) << "depth + max_held messages were queued meanwhile";
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s) << "nobody else could have made room";
  EXPECT_TRUE(refused);
  subscriber.close();
}

}  // namespace conformance
