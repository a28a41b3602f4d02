#include "fixture.hpp"

#include <poll.h>

#include <random>

namespace conformance {

using baton::Notify;

BATON_CONFORMANCE_SUITE(Notifies);

constexpr Notify kAll[] = {Notify::futex, Notify::semaphore, Notify::socket, Notify::poll};
constexpr std::chrono::nanoseconds kSpins[] = {0ns, 50us, baton::Qos::kAdaptiveSpin};

TEST_P(Notifies, wake_for_every_message_against_pauses_of_any_length) {
  const std::uint64_t messages = stress_messages(2'500);
  for (const Notify notify : kAll) {
    for (const auto spin : kSpins) {
      const std::string topic =
          std::string(to_string(notify)) + "/" + (spin.count() < 0 ? "adaptive" : std::to_string(spin.count()));
      auto publisher =
          node_.publisher<Message>(topic, {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
      auto subscriber =
          other_.subscriber<Message>(topic, {.depth = 4, .max_held = 1, .notify = notify, .spin = spin}).value();
      std::thread writer([&] {
        std::minstd_rand random(7);
        for (std::uint64_t number = 0; number < messages; ++number) {
          EXPECT_TRUE(publish(publisher, 1, number));
          for (auto pause = random() % 8'000; pause-- > 0;) asm volatile("");
        }
      });
      Ledger ledger;
      while (ledger.count() < messages && !HasFailure()) {
        EXPECT_TRUE(subscriber.wait(30s)) << topic << ": a wake-up was lost after " << ledger.count();
        while (auto sample = subscriber.take()) ledger.note(*sample);
      }
      if (HasFailure()) subscriber.close();  // lets the writer run out
      writer.join();
      EXPECT_EQ(ledger.missing(), 0U) << topic;
    }
  }
}

TEST_P(Notifies, time_out_not_before_their_time_and_wake_for_a_release) {
  for (const Notify notify : kAll) {
    const std::string topic(to_string(notify));
    auto publisher = node_.publisher<Message>(topic).value();
    auto subscriber = other_.subscriber<Message>(topic, {.max_held = 1, .notify = notify, .spin = 0ns}).value();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(subscriber.wait(20ms)) << topic;
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms) << topic;
    publish(publisher, 1, 0);
    publish(publisher, 1, 1);
    auto held = subscriber.take();
    EXPECT_FALSE(subscriber.wait(5ms)) << topic;
    std::thread releaser([sample = std::move(held)]() mutable {
      std::this_thread::sleep_for(20ms);
      sample.release();
    });
    EXPECT_TRUE(subscriber.wait(60s)) << topic;
    releaser.join();
  }
}

TEST_P(Notifies, leave_the_descriptor_right_for_who_polls_it_as_well) {
  for (const Notify notify : kAll) {
    const std::string topic(to_string(notify));
    auto publisher = node_.publisher<Message>(topic).value();
    auto subscriber = other_.subscriber<Message>(topic, {.notify = notify, .spin = 0ns}).value();
    pollfd entry{subscriber.fd().value(), POLLIN, 0};
    EXPECT_FALSE(subscriber.wait(5ms));
    EXPECT_EQ(::poll(&entry, 1, 0), 0) << topic;
    std::thread writer([&] {
      std::this_thread::sleep_for(10ms);
      publish(publisher, 1, 0);
    });
    EXPECT_TRUE(subscriber.wait(60s)) << topic;
    writer.join();
    EXPECT_EQ(::poll(&entry, 1, 1'000), 1) << topic << ": there is something to take";
    EXPECT_TRUE(subscriber.take());
    EXPECT_FALSE(subscriber.take());
    EXPECT_EQ(::poll(&entry, 1, 0), 0) << topic;
    publish(publisher, 1, 1);
    EXPECT_EQ(::poll(&entry, 1, 1'000), 1) << topic;
  }
}

TEST_P(Notifies, ring_nobody_who_polls) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.notify = Notify::poll}).value();
  std::thread writer([&] {
    for (std::uint64_t number = 0; number < 20; ++number) {
      std::this_thread::sleep_for(1ms);
      publish(publisher, 1, number);
    }
  });
  std::uint64_t taken = 0;
  while (taken < 20) {
    ASSERT_TRUE(subscriber.wait(60s));
    taken += take_all(subscriber).size();
  }
  writer.join();
  EXPECT_EQ(publisher.counters().wakeups, 0U);
}

}  // namespace conformance
