#include "fixture.hpp"

#include <poll.h>

namespace conformance {

BATON_CONFORMANCE_SUITE(Waiting);

bool readable(int fd, int timeout_ms = 0) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1 && (entry.revents & POLLIN) != 0;
}

TEST_P(Waiting, returns_at_once_when_there_is_something_and_looks_only_for_a_timeout_of_zero_or_less) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  EXPECT_TRUE(subscriber.wait(0s) == baton::WaitStatus::timeout);
  EXPECT_TRUE(subscriber.wait(-5s) == baton::WaitStatus::timeout);
  EXPECT_TRUE(subscriber.wait(std::chrono::hours(-3'000'000)) == baton::WaitStatus::timeout);
  publish(publisher, 1, 0);
  EXPECT_TRUE(subscriber.wait(0s));
  EXPECT_TRUE(subscriber.wait(-5s));
  EXPECT_TRUE(subscriber.wait(std::chrono::hours::max()));
}

TEST_P(Waiting, times_out_not_before_its_time) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(subscriber.wait(20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST_P(Waiting, wakes_for_a_message_and_for_one_of_a_publisher_that_came_later) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 0);
  });
  EXPECT_TRUE(subscriber.wait(60s));
  EXPECT_TRUE(subscriber.take());
  writer.join();
}

TEST_P(Waiting, is_never_ready_at_the_holding_limit_and_wakes_when_another_thread_releases) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.max_held = 1}).value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  auto held = subscriber.take();
  EXPECT_FALSE(subscriber.wait(10ms));
  std::thread releaser([sample = std::move(held)]() mutable {
    std::this_thread::sleep_for(20ms);
    sample.release();
  });
  EXPECT_TRUE(subscriber.wait(60s));
  EXPECT_TRUE(subscriber.take());
  releaser.join();
}

TEST_P(Waiting, loses_no_wake_up_against_pauses_of_any_length) {
  auto publisher =
      node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 4, .max_held = 1}).value();
  const std::uint64_t messages = stress_messages(30'000);
  std::thread writer([&] {
    std::uint64_t random = 12345;
    for (std::uint64_t number = 0; number < messages; ++number) {
      EXPECT_TRUE(publish(publisher, 1, number));
      random = random * 6364136223846793005U + 1442695040888963407U;
      for (std::uint64_t pause = (random >> 33) % 4'000; pause-- > 0;) asm volatile("");
    }
  });
  Ledger ledger;
  while (ledger.count() < messages) {
    EXPECT_TRUE(subscriber.wait(30s)) << "a wake-up was lost after " << ledger.count();
    if (HasFailure()) subscriber.close();  // lets the writer run out
    if (HasFailure()) break;
    while (auto sample = subscriber.take()) ledger.note(*sample);
  }
  writer.join();
  EXPECT_EQ(ledger.missing(), 0U);
}

TEST_P(Waiting, has_a_descriptor_readable_until_a_take_finds_nothing) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  const int fd = subscriber.fd().value();
  EXPECT_EQ(subscriber.fd().value(), fd);
  EXPECT_TRUE(readable(fd)) << "what was queued before counts";
  EXPECT_TRUE(subscriber.take());
  EXPECT_FALSE(subscriber.take());
  EXPECT_FALSE(readable(fd));
  publish(publisher, 1, 1);
  publish(publisher, 1, 2);
  EXPECT_TRUE(readable(fd));
  EXPECT_TRUE(subscriber.take());
  EXPECT_TRUE(readable(fd)) << "one message is left";
  EXPECT_TRUE(subscriber.take());
  EXPECT_FALSE(subscriber.take());
  EXPECT_FALSE(readable(fd));
}

TEST_P(Waiting, has_a_descriptor_that_is_quiet_at_the_holding_limit) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.max_held = 1}).value();
  const int fd = subscriber.fd().value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  EXPECT_TRUE(readable(fd));
  auto held = subscriber.take();
  EXPECT_EQ(subscriber.take().status(), baton::TakeStatus::held_limit);
  EXPECT_FALSE(readable(fd)) << "a loop over poll must not spin";
  held.release();
  EXPECT_TRUE(readable(fd));
  EXPECT_TRUE(subscriber.take());
}

TEST_P(Waiting, never_loses_a_message_behind_the_descriptor_of_a_reader_that_takes_one_at_a_time) {
  auto publisher =
      node_.publisher<Message>("topic", {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 4}).value();
  const int fd = subscriber.fd().value();
  constexpr std::uint64_t kMessages = 20'000;
  std::thread writer([&] {
    for (std::uint64_t number = 0; number < kMessages; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  });
  Ledger ledger;
  while (ledger.count() < kMessages) {
    EXPECT_TRUE(readable(fd, 30'000)) << "lost after " << ledger.count();
    if (HasFailure()) subscriber.close();  // lets the writer run out
    if (HasFailure()) break;
    if (auto sample = subscriber.take()) ledger.note(*sample);
  }
  writer.join();
  EXPECT_EQ(ledger.missing(), 0U);
}

TEST_P(Waiting, has_a_descriptor_that_is_quiet_after_a_take_that_finds_nothing_however_the_ring_came_in_between) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  const int fd = subscriber.fd().value();
  constexpr std::uint64_t kRounds = 4'000;
  std::atomic<std::uint64_t> go{0};
  std::atomic<std::uint64_t> done{0};
  std::thread writer([&] {
    for (std::uint64_t round = 1; round <= kRounds; ++round) {
      while (go < round) {
      }
      publish(publisher, 1, round);
      done = round;
    }
  });
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    go = round;
    while (!subscriber.take()) {
    }
    while (subscriber.take()) {
    }
    while (done < round) {
    }
    while (subscriber.take()) {
    }
    EXPECT_FALSE(readable(fd)) << "a loop over epoll would spin; round " << round;
    if (HasFailure()) break;
  }
  go = kRounds;  // after a failure, lets the writer run out
  writer.join();
}

TEST_P(Waiting, loses_nothing_behind_the_descriptor_when_publishers_come_and_go) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  const int fd = subscriber.fd().value();
  constexpr std::uint64_t kRounds = 2'000;
  std::atomic<std::uint64_t> go{0};
  std::thread writer([&] {
    auto steady = node_.publisher<Message>("topic").value();
    for (std::uint64_t round = 1; round <= kRounds; ++round) {
      while (go < round) {
      }
      publish(steady, 0, round);
      auto guest = node_.publisher<Message>("topic").value();
      publish(guest, static_cast<std::uint32_t>(round), 0);
    }
  });
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    go = round;
    for (int taken = 0; taken < 2 && !HasFailure();) {
      EXPECT_TRUE(readable(fd, 30'000)) << "silence with a message queued; round " << round;
      while (subscriber.take()) ++taken;
    }
    if (HasFailure()) break;
  }
  go = kRounds;  // after a failure, lets the writer run out
  writer.join();
}

}  // namespace conformance
