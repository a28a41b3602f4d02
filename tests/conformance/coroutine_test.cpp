#include "fixture.hpp"

#include <optional>
#include <stdexcept>

#include "baton/coroutine.hpp"

#ifdef BATON_HAS_COROUTINES

namespace conformance {

using baton::Task;
using baton::WaitSet;
using baton::WaitStatus;

BATON_CONFORMANCE_SUITE(Coroutines);

Task collect(baton::Subscriber<Message>& subscriber, std::vector<std::uint64_t>& numbers) {
  while (auto sample = co_await subscriber.next()) {
    EXPECT_EQ(sample->checksum, checksum_of(*sample));
    numbers.push_back(sample->number);
  }
}

/// Says when it is destroyed.
struct Witness {
  explicit Witness(int& count) : gone(count) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { ++gone; }
  int& gone;
};

Task hold(baton::Subscriber<Message>& subscriber, int& gone) {
  const Witness witness(gone);
  const auto sample = co_await subscriber.next();
  ADD_FAILURE() << "it must not go on";
}

TEST_P(Coroutines, await_messages_of_several_subscribers_on_one_thread) {
  auto first = node_.publisher<Message>("first").value();
  auto second = node_.publisher<Message>("second").value();
  auto of_first = other_.subscriber<Message>("first").value();
  auto of_second = other_.subscriber<Message>("second").value();
  std::vector<std::uint64_t> numbers_of_first;
  std::vector<std::uint64_t> numbers_of_second;
  WaitSet set = other_.wait_set();
  publish(first, 1, 0);
  baton::spawn(set, collect(of_first, numbers_of_first));
  baton::spawn(set, collect(of_second, numbers_of_second));
  EXPECT_EQ(numbers_of_first, std::vector<std::uint64_t>{0}) << "what is there is taken at once";
  std::thread writer([&] {
    for (std::uint64_t number = 1; number < 100; ++number) {
      publish(first, 1, number);
      publish(second, 2, number);
      std::this_thread::sleep_for(200us);
    }
    EXPECT_TRUE(first.flush(30s) && second.flush(30s));
    set.stop();
  });
  set.spin();
  writer.join();
  EXPECT_EQ(numbers_of_first.size() + first.counters().connections[0].dropped(), 100U);
  EXPECT_EQ(numbers_of_second.size() + second.counters().connections[0].dropped(), 99U);
}

TEST_P(Coroutines, end_where_they_wait_when_their_subscriber_closes) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  int gone = 0;
  baton::spawn(set, hold(subscriber, gone));
  EXPECT_EQ(set.size(), 1U);
  EXPECT_EQ(gone, 0);
  subscriber.close();
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(set.size(), 0U);
  std::vector<std::uint64_t> numbers;
  baton::spawn(set, collect(subscriber, numbers));  // of one that is closed already: an empty sample
  EXPECT_EQ(set.size(), 0U);
}

TEST_P(Coroutines, end_where_they_wait_when_their_set_is_destroyed) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  int gone = 0;
  {
    WaitSet set = other_.wait_set();
    baton::spawn(set, hold(subscriber, gone));
    WaitSet moved = std::move(set);
    EXPECT_EQ(gone, 0) << "it goes along with the set";
  }
  EXPECT_EQ(gone, 1);
  EXPECT_TRUE(subscriber.fd()) << "the subscriber is its own again";
}

Task own(baton::Node& node, int& gone) {
  const Witness witness(gone);
  auto subscriber = node.subscriber<Message>("topic").value();
  const auto sample = co_await subscriber.next();
  EXPECT_EQ(sample->number, 3U);
}

TEST_P(Coroutines, may_own_the_subscribers_that_they_wait_for) {
  int gone = 0;
  {
    WaitSet set = other_.wait_set();
    baton::spawn(set, own(other_, gone));
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 3);
    while (gone == 0) ASSERT_TRUE(set.wait(60s));
    baton::spawn(set, own(other_, gone));
  }
  EXPECT_EQ(gone, 2) << "the second one ended with its set, and its subscriber with it";
}

Task tick(std::unique_ptr<WaitSet>& set, int& gone) {
  const Witness witness(gone);
  for (int times = 0;; ++times) {
    co_await baton::sleep_for(1ms);
    if (times == 3) set.reset();
  }
}

TEST_P(Coroutines, end_where_they_would_wait_when_they_have_destroyed_their_set) {
  auto set = std::make_unique<WaitSet>(other_.wait_set());
  int gone = 0;
  baton::spawn(*set, tick(set, gone));
  set->spin();
  EXPECT_EQ(gone, 1);
}

Task take_without_end(baton::Publisher<Message>& publisher, baton::Subscriber<Message>& subscriber,
                      std::uint64_t& count) {
  while (auto sample = co_await subscriber.next()) publish(publisher, 1, ++count);
}

TEST_P(Coroutines, let_others_have_their_turn_though_there_is_always_a_message) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet set = other_.wait_set();
  std::uint64_t count = 0;
  publish(publisher, 1, 0);
  ASSERT_TRUE(set.add_deadline(WaitSet::Clock::now(), [&] { set.stop(); }));
  baton::spawn(set, take_without_end(publisher, subscriber, count));
  set.spin();
  EXPECT_GE(count, 1U);
}

Task wait_a_little(std::vector<int>& steps) {
  co_await baton::sleep_for(5ms);
  steps.push_back(2);
  co_await baton::sleep_until(WaitSet::Clock::now() - 1s);
  steps.push_back(3);
  throw std::runtime_error("as the test wants it");
}

Task wait_for_another(std::vector<int>& steps) {
  steps.push_back(1);
  try {
    co_await wait_a_little(steps);
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "as the test wants it");
    steps.push_back(4);
  }
  throw 5;  // logged, as nobody awaits this one
}

TEST_P(Coroutines, await_each_other_and_throw_into_who_awaits_them) {
  WaitSet set = other_.wait_set();
  std::vector<int> steps;
  baton::spawn(set, wait_for_another(steps));
  EXPECT_EQ(steps, (std::vector<int>{1}));
  EXPECT_TRUE(set.wait(60s));
  EXPECT_EQ(steps, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(set.size(), 0U);
  static_cast<void>(wait_for_another(steps));
  EXPECT_EQ(steps.size(), 4U) << "one that nobody spawns does nothing";
}

TEST_P(Coroutines, cannot_wait_for_a_subscriber_that_is_in_another_set) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  WaitSet first = other_.wait_set();
  WaitSet second = other_.wait_set();
  ASSERT_TRUE(first.add(subscriber, [] {}));
  std::vector<std::uint64_t> numbers;
  baton::spawn(second, collect(subscriber, numbers));  // with a line in the log
  EXPECT_EQ(second.size(), 0U);
  EXPECT_TRUE(numbers.empty());
}

}  // namespace conformance

#endif
