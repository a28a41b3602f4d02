#include "fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <list>
#include <optional>
#include <random>

#include "baton/log.hpp"

namespace conformance {

using baton::WaitSet;
using baton::WaitStatus;

BATON_CONFORMANCE_SUITE(WaitSets);

/// Both ends of a pipe.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  ~Pipe() {
    close_reader();
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reader() const { return ends_[0]; }
  void write() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
  void read() const {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }
  void close_reader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// Makes a set sleep in poll, without ever waking it.
WaitSet::Id make_it_poll(WaitSet& set, const Pipe& pipe) {
  return set.add_descriptor(pipe.reader(), POLLIN, [](short) { FAIL(); }).value();
}

TEST_P(WaitSets, hand_every_message_of_every_subscriber_to_its_handler) {
  auto first = node_.publisher<Message>("first").value();
  auto second = node_.publisher<Message>("second").value();
  auto by_sample = other_.subscriber<Message>("first").value();
  auto by_itself = other_.subscriber<Message>("second").value();
  std::vector<std::uint64_t> samples;
  std::vector<std::uint64_t> taken;
  WaitSet set = other_.wait_set();
  ASSERT_TRUE(set.add(by_sample, [&](const baton::Sample<Message>& sample) { samples.push_back(sample->number); }));
  ASSERT_TRUE(set.add(by_itself, [&] {
    while (auto sample = by_itself.take()) taken.push_back(sample->number);
  }));
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.wait(0s) == WaitStatus::timeout);
  for (std::uint64_t number = 0; number < 5; ++number) {
    publish(first, 1, number);
    publish(second, 2, number + 10);
  }
  EXPECT_TRUE(set.wait(60s));
  EXPECT_TRUE(set.wait(0s) == WaitStatus::timeout) << "everything was handled at once";
  EXPECT_EQ(samples, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{10, 11, 12, 13, 14}));
}

TEST_P(WaitSets, let_a_handler_keep_its_samples) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::list<baton::Sample<Message>> kept;
  WaitSet set = other_.wait_set();
  ASSERT_TRUE(set.add(subscriber, [&](baton::Sample<Message> sample) { kept.push_back(std::move(sample)); }));
  publish(publisher, 1, 7);
  EXPECT_TRUE(set.wait(60s));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept.front()->checksum, checksum_of(*kept.front()));
}

TEST_P(WaitSets, wake_for_a_message_of_each_of_two_hundred_subscribers) {
  constexpr std::size_t kSubscribers = 200;
  std::vector<baton::Publisher<Message>> publishers;
  std::list<baton::Subscriber<Message>> subscribers;
  WaitSet set = other_.wait_set();
  std::atomic<std::size_t> heard{0};
  for (std::size_t i = 0; i < kSubscribers; ++i) {
    const std::string topic = "topic/number_" + std::to_string(i);
    publishers.push_back(node_.publisher<Message>(topic).value());
    subscribers.push_back(other_.subscriber<Message>(topic).value());
    ASSERT_TRUE(set.add(subscribers.back(), [&heard, i](const baton::Sample<Message>& sample) {
      EXPECT_EQ(sample->writer, i);
      ++heard;
    }));
  }
  std::thread writer([&] {
    for (std::size_t i = 0; i < kSubscribers; ++i) {
      publish(publishers[i], static_cast<std::uint32_t>(i), 1);
      EXPECT_TRUE(eventually([&] { return heard == i + 1; }));  // so that the set goes to sleep in between
    }
  });
  while (heard < kSubscribers) ASSERT_TRUE(set.wait(60s)) << "a wake-up was lost after " << heard;
  writer.join();
}

TEST_P(WaitSets, lose_no_wake_up_against_pauses_of_any_length) {
  const std::uint64_t messages = stress_messages(8'000);
  const Pipe pipe;
  for (const bool polls : {false, true}) {
    const std::string name = polls ? "polled" : "rung";
    const baton::QosSettings lossless{.overflow = baton::Overflow::block, .block_timeout = 60s};
    std::array publishers{node_.publisher<Message>(name + "/a", lossless).value(),
                          node_.publisher<Message>(name + "/b", lossless).value()};
    std::array subscribers{other_.subscriber<Message>(name + "/a", {.depth = 4}).value(),
                           other_.subscriber<Message>(name + "/b", {.depth = 4}).value()};
    WaitSet set = other_.wait_set();
    std::array<Ledger, 2> ledgers;
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_TRUE(set.add(subscribers[i], [&, i](const baton::Sample<Message>& s) { ledgers[i].note(*s); }));
    }
    if (polls) make_it_poll(set, pipe);
    std::vector<std::thread> writers;
    for (std::uint32_t writer = 0; writer < 2; ++writer) {
      writers.emplace_back([&, writer] {
        std::minstd_rand random(writer + 1);
        for (std::uint64_t number = 0; number < messages; ++number) {
          EXPECT_TRUE(publish(publishers[writer], writer, number));
          for (auto pause = random() % 4'000; pause-- > 0;) asm volatile("");
        }
      });
    }
    while (ledgers[0].count() + ledgers[1].count() < 2 * messages) {
      EXPECT_TRUE(set.wait(30s)) << "a wake-up was lost";
      if (HasFailure()) break;
    }
    if (HasFailure()) {
      for (auto& subscriber : subscribers) subscriber.close();  // lets the writers run out
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(ledgers[0].missing() + ledgers[1].missing(), 0U);
  }
}

TEST_P(WaitSets, lose_no_message_when_subscribers_come_and_go_between_sets_and_waits_of_their_own) {
  const std::uint64_t messages = stress_messages(6'000);
  const baton::QosSettings lossless{.overflow = baton::Overflow::block, .block_timeout = 60s};
  auto publisher = node_.publisher<Message>("topic", lossless).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 4}).value();
  std::array sets{other_.wait_set(), other_.wait_set()};
  std::thread writer([&] {
    std::minstd_rand random(3);
    for (std::uint64_t number = 0; number < messages; ++number) {
      EXPECT_TRUE(publish(publisher, 1, number));
      for (auto pause = random() % 3'000; pause-- > 0;) asm volatile("");
    }
  });
  Ledger ledger;
  const auto note = [&](const baton::Sample<Message>& sample) { ledger.note(*sample); };
  for (std::uint64_t round = 0; ledger.count() < messages && !HasFailure(); ++round) {
    if (round % 3 == 2) {
      EXPECT_TRUE(subscriber.wait(30s)) << "a wake-up of its own was lost after " << ledger.count();
      while (auto sample = subscriber.take()) note(sample);
      continue;
    }
    WaitSet& set = sets[round % 3];
    const auto id = set.add(subscriber, note);
    ASSERT_TRUE(id) << id.error().message();
    EXPECT_TRUE(set.wait(30s)) << "a set's wake-up was lost after " << ledger.count();
    set.remove(*id);
  }
  if (HasFailure()) subscriber.close();
  writer.join();
  EXPECT_EQ(ledger.missing(), 0U);
}

TEST_P(WaitSets, call_timers_every_period_and_deadlines_once) {
  WaitSet set = other_.wait_set();
  std::uint64_t periods = 0;
  int calls = 0;
  int deadlines = 0;
  const auto start = WaitSet::Clock::now();
  ASSERT_TRUE(set.add_timer(10ms, [&](std::uint64_t over) {
    periods += over;
    ++calls;
  }));
  ASSERT_TRUE(set.add_deadline(start + 25ms, [&] { ++deadlines; }));
  ASSERT_TRUE(set.add_deadline(start - 1h, [&] { ++deadlines; }));
  EXPECT_TRUE(set.wait(0s)) << "one deadline is over already";
  EXPECT_EQ(deadlines, 1);
  while (WaitSet::Clock::now() < start + 100ms) EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(deadlines, 2);
  EXPECT_EQ(set.size(), 1U) << "a deadline takes itself out";
  EXPECT_GE(periods, 10U);
  EXPECT_LE(periods, (WaitSet::Clock::now() - start) / 10ms);
  std::this_thread::sleep_for(100ms);
  const int before = calls;
  EXPECT_TRUE(set.wait(0s));
  EXPECT_EQ(calls, before + 1) << "calls that come too late are not made up for";
  EXPECT_GE(periods, 20U);
}

TEST_P(WaitSets, refuse_timers_without_a_period) {
  WaitSet set = other_.wait_set();
  for (const std::chrono::nanoseconds period : {0ns, -5ns, 999ns}) {
    const auto refused = set.add_timer(period, [] {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), baton::Errc::invalid_argument);
    EXPECT_NE(refused.error().message().find("1 us at least"), std::string::npos) << refused.error();
  }
  EXPECT_EQ(set.size(), 0U);
}

TEST_P(WaitSets, hand_over_the_events_of_a_node_that_wait_and_those_that_come) {
  auto publisher = node_.publisher<Message>("topic").value();
  WaitSet set = other_.wait_set();
  std::vector<std::string> heard;
  const auto note = [&](const baton::Event& event) {
    if (!event.topic.empty()) heard.push_back(std::string(to_string(event.kind)));
  };
  ASSERT_TRUE(set.add_events(other_, note));
  auto subscriber = std::optional(other_.subscriber<Message>("topic").value());
  const auto until = [&](std::size_t count) {
    while (heard.size() < count) ASSERT_TRUE(set.wait(60s));
  };
  until(1);
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    publisher.close();
  });
  until(2);
  closer.join();
  EXPECT_EQ(heard, (std::vector<std::string>{"matched", "unmatched"}));
  WaitSet second = other_.wait_set();
  const auto refused = second.add_events(other_, note);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), baton::Errc::in_use);
}

TEST_P(WaitSets, watch_descriptors_beside_subscribers) {
  const Pipe pipe;
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  std::atomic<int> bytes{0};
  int messages = 0;
  ASSERT_TRUE(set.add(subscriber, [&](const baton::Sample<Message>&) { ++messages; }));
  publish(publisher, 1, 0);
  EXPECT_TRUE(set.wait(60s)) << "before there is a descriptor";
  const auto id = set.add_descriptor(pipe.reader(), POLLIN, [&](short found) {
    EXPECT_EQ(found, POLLIN);
    pipe.read();
    ++bytes;
  });
  ASSERT_TRUE(id) << id.error().message();
  EXPECT_TRUE(set.wait(0s) == WaitStatus::timeout);
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    pipe.write();
    EXPECT_TRUE(eventually([&] { return bytes == 1; }));
    std::this_thread::sleep_for(20ms);
    publish(publisher, 1, 1);
  });
  while (bytes < 1 || messages < 2) ASSERT_TRUE(set.wait(60s));
  writer.join();
  set.remove(*id);
  pipe.write();
  EXPECT_TRUE(set.wait(1ms) == WaitStatus::timeout) << "it was taken out";
}

TEST_P(WaitSets, go_on_sleeping_on_their_bell_when_no_descriptor_is_left_to_poll_with) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add(subscriber, [&](const baton::Sample<Message>&) { ++handled; }));
  const Pipe pipe;
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const int first_free = dup(0);
  close(first_free);
  const rlimit tight{static_cast<rlim_t>(first_free), usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto added = set.add_descriptor(pipe.reader(), POLLIN, [](short) { FAIL(); });
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().os_errno(), EMFILE);
  EXPECT_EQ(set.size(), 1U);
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    publish(publisher, 1, 0);
  });
  EXPECT_TRUE(set.wait(60s));
  writer.join();
  EXPECT_EQ(handled, 1);
  EXPECT_TRUE(set.add_descriptor(pipe.reader(), POLLIN, [](short) { FAIL(); }));
}

TEST_P(WaitSets, tell_of_a_descriptor_that_the_user_closed_and_drop_it) {
  Pipe pipe;
  WaitSet set = other_.wait_set();
  std::vector<short> told;
  ASSERT_TRUE(set.add_descriptor(pipe.reader(), POLLIN, [&](short found) { told.push_back(found); }));
  pipe.close_reader();
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(told, std::vector<short>{POLLNVAL});
  EXPECT_EQ(set.size(), 0U);
  EXPECT_TRUE(set.wait(1ms) == WaitStatus::timeout);
  const auto refused = set.add_descriptor(12345, POLLIN, [](short) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), baton::Errc::invalid_argument);
}

TEST_P(WaitSets, keep_nobody_waiting_for_a_subscriber_that_always_has_something) {
  auto flood = node_.publisher<Message>("flood").value();
  auto drop = node_.publisher<Message>("drop").value();
  auto flooded = other_.subscriber<Message>("flood").value();
  auto quiet = other_.subscriber<Message>("drop").value();
  WaitSet set = other_.wait_set();
  int of_flood = 0;
  int of_drop = 0;
  ASSERT_TRUE(set.add(flooded, [&](const baton::Sample<Message>&) {
    ++of_flood;
    publish(flood, 1, static_cast<std::uint64_t>(of_flood));  // it never ends
  }));
  ASSERT_TRUE(set.add(quiet, [&](const baton::Sample<Message>&) { ++of_drop; }));
  publish(flood, 1, 0);
  publish(drop, 2, 0);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(of_drop, 1);
  EXPECT_LE(of_flood, 64);
  EXPECT_TRUE(set.wait(0s)) << "the rest has its turn the next time";
}

TEST_P(WaitSets, refuse_a_subscriber_that_is_closed_in_another_set_or_called_back) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet first = other_.wait_set();
  WaitSet second = other_.wait_set();
  const auto id = first.add(subscriber, [] {});
  ASSERT_TRUE(id);
  const auto twice = second.add(subscriber, [] {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), baton::Errc::in_use);
  EXPECT_NE(twice.error().message().find("in a wait set already"), std::string::npos) << twice.error();
  const auto descriptor = subscriber.fd();
  ASSERT_FALSE(descriptor);
  EXPECT_EQ(descriptor.error().code(), baton::Errc::in_use);

  first.remove(*id);
  EXPECT_TRUE(subscriber.fd()) << "it is its own again";
  subscriber.on_message([](const baton::Sample<Message>&) {});
  const auto called = second.add(subscriber, [] {});
  ASSERT_FALSE(called);
  EXPECT_EQ(called.error().code(), baton::Errc::in_use);
  EXPECT_NE(called.error().message().find("it has a callback"), std::string::npos) << called.error();
  subscriber.close();
  const auto closed = second.add(subscriber, [] {});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), baton::Errc::closed);
}

TEST_P(WaitSets, keep_the_callbacks_of_others_from_their_subscribers) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add(subscriber, [&](const baton::Sample<Message>&) { ++handled; }));
  subscriber.on_message([](const baton::Sample<Message>&) { FAIL(); });  // refused, with a line in the log
  publish(publisher, 1, 0);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(handled, 1);
}

TEST_P(WaitSets, let_a_subscriber_with_a_descriptor_keep_it) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  const int fd = subscriber.fd().value();
  WaitSet set = other_.wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add(subscriber, [&] {
    while (subscriber.take()) ++handled;
  }));
  publish(publisher, 1, 0);
  pollfd entry{fd, POLLIN, 0};
  EXPECT_EQ(poll(&entry, 1, 60'000), 1);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(poll(&entry, 1, 0), 0);
}

TEST_P(WaitSets, let_handlers_close_and_destroy_subscribers_their_own_and_others) {
  auto publisher = node_.publisher<Message>("topic").value();
  std::array<std::optional<baton::Subscriber<Message>>, 3> subscribers;
  WaitSet set = other_.wait_set();
  std::array<int, 3> calls{};
  for (std::size_t i = 0; i < 3; ++i) {
    subscribers[i].emplace(other_.subscriber<Message>("topic").value());
    ASSERT_TRUE(set.add(*subscribers[i], [&, i](const baton::Sample<Message>& sample) {
      ++calls[i];
      subscribers[i].reset();            // in the middle of its messages
      subscribers[(i + 1) % 3].reset();  // which may be there or not, and may be ready
      EXPECT_EQ(sample->checksum, checksum_of(*sample)) << "the sample outlives them";
    }));
  }
  for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_LE(calls[0] + calls[1] + calls[2], 2);
  while (set.size() != 0) ASSERT_TRUE(set.wait(60s));
  EXPECT_TRUE(set.wait(1ms) == WaitStatus::timeout);
}

TEST_P(WaitSets, let_a_handler_destroy_the_set_it_is_called_by) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  auto set = std::optional(other_.wait_set());
  int handled = 0;
  ASSERT_TRUE(set->add(subscriber, [&, big = std::vector<int>(1000, 7)](const baton::Sample<Message>&) {
    set.reset();
    EXPECT_EQ(big.back(), 7) << "the handler is still there";
    ++handled;
  }));
  ASSERT_TRUE(set->add_deadline(WaitSet::Clock::now(), [] {}));
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  WaitSet& same = *set;
  same.wait(60s);
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(take_all(subscriber).size(), 2U) << "what was not handled is the subscriber's";
  EXPECT_TRUE(subscriber.fd());
}

TEST_P(WaitSets, end_a_spin_when_a_handler_destroys_them_or_their_node) {
  auto set = std::optional(other_.wait_set());
  ASSERT_TRUE(set->add_deadline(WaitSet::Clock::now(), [&] { set.reset(); }));
  set->spin();
  EXPECT_FALSE(set.has_value());
  auto node = std::optional(open_node("third"));
  ASSERT_TRUE(node->executor().add_deadline(WaitSet::Clock::now(), [&] { node.reset(); }));
  node->spin();
  EXPECT_FALSE(node.has_value());
}

TEST_P(WaitSets, end_a_wait_when_another_thread_destroys_them) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  for (int round = 0; round < 20; ++round) {
    auto set = std::make_unique<WaitSet>(other_.wait_set());
    ASSERT_TRUE(set->add(subscriber, [] {}));
    std::atomic<bool> waiting{false};
    std::atomic<bool> closed{false};
    std::thread waiter([&, &same = *set] {
      waiting = true;
      closed = same.wait(std::chrono::hours::max()) == WaitStatus::closed;
    });
    while (!waiting) std::this_thread::yield();
    std::this_thread::sleep_for(5ms + std::chrono::microseconds(round * 100));  // it must have gone inside
    set.reset();
    waiter.join();
    EXPECT_TRUE(closed);
  }
}

TEST_P(WaitSets, stop_at_once_from_another_thread_and_before_they_are_waited_for) {
  WaitSet set = other_.wait_set();
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    set.stop();
  });
  set.spin();
  stopper.join();
  EXPECT_TRUE(set.wait(0s) == WaitStatus::timeout) << "a stop ends one wait";
  set.stop();
  EXPECT_TRUE(set.wait(std::chrono::hours::max()) == WaitStatus::closed);
  const auto start = WaitSet::Clock::now();
  EXPECT_TRUE(set.wait(20ms) == WaitStatus::timeout);
  EXPECT_GE(WaitSet::Clock::now() - start, 20ms);
  EXPECT_TRUE(set.wait(-5s) == WaitStatus::timeout);
}

TEST_P(WaitSets, go_on_when_a_handler_throws) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add(subscriber, [&](const baton::Sample<Message>&) {
    if (++handled == 1) throw std::runtime_error("as the test wants it");
    if (handled == 2) throw 2;  // NOLINT(hicpp-exception-baseclass): anything may be thrown
  }));
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  for (int round = 0; round < 3; ++round) EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(handled, 3);
}

TEST_P(WaitSets, are_not_waited_for_by_their_own_handlers) {
  WaitSet set = other_.wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add_deadline(WaitSet::Clock::now(), [&] {
    ++handled;
    EXPECT_TRUE(set.wait(60s) == WaitStatus::closed);
  }));
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(handled, 1);
}

TEST_P(WaitSets, take_things_that_handlers_add_and_drop_what_they_remove) {
  WaitSet set = other_.wait_set();
  int late = 0;
  int never = 0;
  const auto doomed = set.add_deadline(WaitSet::Clock::now() + 50ms, [&] { ++never; }).value();
  ASSERT_TRUE(set.add_deadline(WaitSet::Clock::now(), [&] {
    set.remove(doomed);
    set.remove(doomed);
    set.remove(123456);
    EXPECT_TRUE(set.add_deadline(WaitSet::Clock::now(), [&] { ++late; }));
  }));
  EXPECT_TRUE(set.wait(60s));
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(late, 1);
  EXPECT_TRUE(set.wait(100ms) == WaitStatus::timeout);
  EXPECT_EQ(never, 0);
}

TEST_P(WaitSets, hold_subscribers_of_patterns_and_of_any_type) {
  WaitSet set = other_.wait_set();
  auto pattern = other_.subscriber<Message>("camera/*").value();
  auto any = other_.generic_subscriber("camera/*").value();
  int of_pattern = 0;
  int of_any = 0;
  ASSERT_TRUE(set.add(pattern, [&](const baton::Sample<Message>&) { ++of_pattern; }));
  ASSERT_TRUE(set.add(any, [&] {
    while (any.take()) ++of_any;
  }));
  auto left = node_.publisher<Message>("camera/left", {.history = 1}).value();
  publish(left, 1, 0);
  while (of_pattern < 1 || of_any < 1) ASSERT_TRUE(set.wait(60s));
  publish(left, 1, 1);
  while (of_pattern < 2 || of_any < 2) ASSERT_TRUE(set.wait(60s));
}

TEST_P(WaitSets, hold_subscribers_of_several_nodes) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto mine = other_.subscriber<Message>("topic").value();
  auto theirs = node_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  int of_mine = 0;
  int of_theirs = 0;
  ASSERT_TRUE(set.add(mine, [&](const baton::Sample<Message>&) { ++of_mine; }));
  ASSERT_TRUE(set.add(theirs, [&](const baton::Sample<Message>&) { ++of_theirs; }));
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    publish(publisher, 1, 0);
  });
  while (of_mine < 1 || of_theirs < 1) ASSERT_TRUE(set.wait(60s));
  writer.join();
}

TEST_P(WaitSets, keep_the_nodes_of_their_subscribers_that_have_no_keeper) {
  baton::Options options;
  options.domain = domain_;
  options.config = baton::Config();
  options.transports = {GetParam().make()};
  options.keeper = false;
  auto unkept = baton::Node::open("unkept", std::move(options)).value();
  bool told = false;  // only a round of the keeper's work finds a newcomer whom it has nothing to do with
  unkept.on_event([&](const baton::Event& event) { told |= event.peer == "third"; });
  auto subscriber = unkept.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  ASSERT_TRUE(set.add(subscriber, [](const baton::Sample<Message>&) {}));
  const auto third = open_node("third").publisher<Message>("another").value();
  EXPECT_TRUE(set.wait(300ms) == WaitStatus::timeout);
  EXPECT_TRUE(told);
}

TEST_P(WaitSets, leave_room_for_callbacks_however_many_there_are) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::vector<WaitSet> sets;
  for (int i = 0; i < 100; ++i) sets.push_back(other_.wait_set());
  Heard heard;
  subscriber.on_message([&](const baton::Sample<Message>& sample) { heard.note(sample->number); });
  publish(publisher, 1, 0);
  EXPECT_TRUE(heard.is({0}));
  finish(subscriber);
}

TEST_P(WaitSets, wake_when_a_release_makes_room_at_the_holding_limit) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.max_held = 1}).value();
  std::vector<baton::Sample<Message>> held;
  WaitSet set = other_.wait_set();
  ASSERT_TRUE(set.add(subscriber, [&](baton::Sample<Message> sample) { held.push_back(std::move(sample)); }));
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_TRUE(set.wait(5ms) == WaitStatus::timeout);
  std::thread releaser([sample = std::move(held.front())]() mutable {
    std::this_thread::sleep_for(20ms);
    sample.release();
  });
  EXPECT_TRUE(set.wait(60s));
  releaser.join();
  EXPECT_EQ(held.size(), 2U);
}

TEST_P(WaitSets, of_a_node_call_back_what_spins_on_it) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  const auto here = std::this_thread::get_id();
  int calls = 0;
  ASSERT_TRUE(subscriber.on_message(
      [&](const baton::Sample<Message>&) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        if (++calls == 3) other_.stop();
      },
      other_.executor()));
  for (std::uint64_t number = 0; number < 2; ++number) publish(publisher, 1, number);
  EXPECT_EQ(calls, 0) << "nobody spins";
  EXPECT_TRUE(other_.spin_once(60s));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(other_.spin_once(0s) == WaitStatus::timeout);
  publish(publisher, 1, 2);
  other_.spin();
  EXPECT_EQ(calls, 3);
}

TEST_P(WaitSets, of_a_node_end_with_it_whatever_their_handlers_own) {
  const auto is_there = [this](const char* name) {
    while (auto event = node_.take_event()) {
      if (event->kind == baton::EventKind::left && event->peer == name) return false;
    }
    return true;
  };
  auto publisher = node_.publisher<Message>("topic").value();
  auto node = std::optional(open_node("third"));
  auto any = std::make_shared<baton::GenericSubscriber>(node->generic_subscriber("**").value());
  auto moved = std::move(*node);
  ASSERT_TRUE(moved.executor().add(*any, [any] { static_cast<void>(any->take()); }));
  const std::weak_ptr<baton::GenericSubscriber> owned = any;
  any.reset();
  EXPECT_FALSE(owned.expired());
  node.reset();
  EXPECT_FALSE(owned.expired()) << "the node lives where it was moved";
  moved = open_node("fourth");
  EXPECT_TRUE(owned.expired());
  EXPECT_TRUE(GetParam().name == "inproc" || eventually([&] { return !is_there("third"); })) << "still in the domain";
}

TEST_P(WaitSets, outlive_their_node) {
  auto node = std::optional(open_node("third"));
  auto subscriber = node->subscriber<Message>("topic").value();
  WaitSet set = node->wait_set();
  int handled = 0;
  ASSERT_TRUE(set.add(subscriber, [&](const baton::Sample<Message>&) { ++handled; }));
  node.reset();
  auto publisher = node_.publisher<Message>("topic").value();
  publish(publisher, 1, 0);
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(handled, 1);
}

}  // namespace conformance
