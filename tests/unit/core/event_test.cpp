#include "baton/event.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(EventQueue, gives_events_in_order_and_then_none) {
  EventQueue queue("node");
  queue.push({EventKind::matched, "a", "peer", ""});
  queue.push({EventKind::unmatched, "a", "peer", ""});
  EXPECT_EQ(queue.take()->kind, EventKind::matched);
  EXPECT_EQ(queue.take()->kind, EventKind::unmatched);
  EXPECT_FALSE(queue.take());
}

TEST(EventQueue, keeps_the_newest_and_counts_the_lost) {
  EventQueue queue("node");
  for (std::size_t i = 0; i < EventQueue::kCapacity + 3; ++i) {
    queue.push({EventKind::matched, std::to_string(i), "peer", ""});
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
  queue.push({EventKind::matched, "a", "peer", ""});
  queue.push({EventKind::matched, "b", "peer", ""});
  EXPECT_EQ(topics, (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace baton
