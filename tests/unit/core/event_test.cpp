#include "baton/event.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "baton/log.hpp"

namespace baton {
namespace {

using namespace std::chrono_literals;

TEST(EventQueue, gives_events_in_order_and_then_none) {
  EventQueue queue("node");
  queue.append({EventKind::matched, "a", "peer", ""});
  queue.append({EventKind::unmatched, "a", "peer", ""});
  EXPECT_EQ(queue.take()->kind, EventKind::matched);
  EXPECT_EQ(queue.take()->kind, EventKind::unmatched);
  EXPECT_FALSE(queue.take());
}

TEST(EventQueue, keeps_the_newest_and_counts_the_lost) {
  EventQueue queue("node");
  for (std::size_t i = 0; i < EventQueue::kCapacity + 3; ++i) {
    queue.append({EventKind::matched, std::to_string(i), "peer", ""});
  }
  EXPECT_EQ(queue.lost(), 3U);
  EXPECT_EQ(queue.take()->topic, "3");
}

TEST(EventQueue, calls_back_without_holding_a_lock) {
  EventQueue queue("node");
  std::vector<std::string> topics;
  queue.set_callback([&](const Event& event) {
    topics.push_back(event.topic);
    queue.take();
    queue.set_callback(nullptr);
  });
  queue.announce({EventKind::matched, "a", "peer", ""});
  queue.announce({EventKind::matched, "b", "peer", ""});
  EXPECT_EQ(topics, (std::vector<std::string>{"a"}));
}

TEST(EventQueue, logs_what_a_callback_throws_and_goes_on) {
  EventQueue queue("node");
  int called = 0;
  set_log_sink([](LogLevel, std::string_view) {});
  queue.set_callback([&](const Event&) {
    if (++called == 1) throw std::runtime_error("as the test wants it");
    throw 7;
  });
  queue.announce({EventKind::matched, "a", "peer", ""});
  queue.announce({EventKind::matched, "a", "peer", ""});
  set_log_sink(nullptr);
  EXPECT_EQ(called, 2);
}

TEST(EventQueue, destroys_a_replaced_callback_without_holding_its_lock) {
  EventQueue queue("node");
  // What the callback owns may itself cause an event when it goes, as a publisher does.
  struct AppendsWhenItGoes {
    explicit AppendsWhenItGoes(EventQueue* target) : queue(target) {}
    EventQueue* queue;
    ~AppendsWhenItGoes() { queue->append({EventKind::unmatched, "a", "peer", ""}); }
  };
  queue.set_callback([owned = std::make_shared<AppendsWhenItGoes>(&queue)](const Event&) {});
  queue.set_callback(nullptr);
  EXPECT_TRUE(queue.take());
}

TEST(EventQueue, wakes_who_waits_for_an_event) {
  EventQueue queue("node");
  const std::uint64_t seen = queue.total();
  std::thread other([&] {
    std::this_thread::sleep_for(20ms);
    queue.append({EventKind::matched, "a", "peer", ""});
  });
  queue.wait_for_event(seen, std::chrono::steady_clock::time_point::max());
  EXPECT_EQ(queue.total(), seen + 1);
  other.join();
}

TEST(EventQueue, lets_nobody_wait_for_an_event_that_has_come_meanwhile_or_longer_than_he_wants) {
  EventQueue queue("node");
  const std::uint64_t seen = queue.total();
  const auto begin = std::chrono::steady_clock::now();
  queue.wait_for_event(seen, begin + 20ms);
  EXPECT_GE(std::chrono::steady_clock::now(), begin + 20ms);
  queue.append({EventKind::matched, "a", "peer", ""});
  queue.take();
  queue.wait_for_event(seen, std::chrono::steady_clock::time_point::max());
}

TEST(EventQueue, counts_the_messages_of_an_event_that_is_reported) {
  EventQueue queue("node");
  std::vector<Event> to_announce;
  queue.report(EventKind::dropped, "topic", "peer", "drop_oldest", to_announce, 7);
  ASSERT_EQ(to_announce.size(), 1U);
  EXPECT_EQ(to_announce[0].count, 7U);
  EXPECT_EQ(queue.take()->count, 7U);
}

TEST(EventKind, has_a_name_for_each_of_its_values) {
  for (auto value = EventKind::matched; value <= EventKind::deadline_missed;
       value = static_cast<EventKind>(static_cast<int>(value) + 1)) {
    EXPECT_NE(to_string(value), "unknown") << static_cast<int>(value);
  }
}

}  // namespace
}  // namespace baton
