#include <gmock/gmock.h>

#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using conformance::Message;
using testing::HasSubstr;

Node open(const std::string& name) {
  return Node::open(name, {.domain = "max_memory_test", .config = Config(), .transports = {inproc_transport()}})
      .value();
}

/// The next event that is about a port, not about who has joined.
std::optional<Event> take_event_of_a_port(Node& node) {
  auto event = node.take_event();
  while (event && event->topic.empty()) event = node.take_event();
  return event;
}

// The bytes of so many chunks: header and payload, in cache lines.
std::uint64_t memory_of(std::uint64_t chunks) { return chunks * (64 + (sizeof(Message) + 63) / 64 * 64); }

TEST(InprocMaxMemory, refuses_a_publisher_whose_own_chunks_are_more) {
  auto node = open("n");
  const QosSettings settings{.history = 100, .max_loans = 2, .max_memory = memory_of(101)};
  const auto publisher = node.publisher<Message>("topic", settings);
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), Errc::no_space);
  EXPECT_THAT(
      publisher.error().message(),
      HasSubstr(fmt::format("topic 'topic': max_loans 2 and history 100 take {} bytes, and max_memory is {} bytes; "
                            "raise max_memory, or lower the others",
                            memory_of(102), memory_of(101))));
  EXPECT_TRUE(node.publisher<Message>("topic", {.history = 100, .max_loans = 1, .max_memory = memory_of(101)}));
}

TEST(InprocMaxMemory, refuses_the_reader_for_which_it_is_not_enough_and_tells_both_who_has_it) {
  auto writer = open("writer");
  auto first = open("first");
  auto second = open("second");
  // Two loans, and depth + max_held + 1 for a reader.
  auto publisher = writer.publisher<Message>("topic", {.max_loans = 2, .max_memory = memory_of(2 + 17 + 16)}).value();
  auto fits = first.subscriber<Message>("topic", {.depth = 8, .max_held = 8}).value();
  EXPECT_EQ(take_event_of_a_port(writer)->kind, EventKind::matched);
  auto too_much = second.subscriber<Message>("topic", {.depth = 8, .max_held = 8}).value();
  EXPECT_EQ(too_much.publisher_count(), 0U);
  const auto told = take_event_of_a_port(writer);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->kind, EventKind::refused);
  EXPECT_EQ(told->peer, "second");
  EXPECT_THAT(told->reason, HasSubstr(fmt::format("max_memory of {} bytes is enough for 35 chunks", memory_of(35))));
  EXPECT_THAT(told->reason,
              HasSubstr("of which 19 are taken (2 for max_loans and history, 17 for first), and depth and "
                        "max_held of second need 17 more"));
  const auto event = take_event_of_a_port(second);
  ASSERT_TRUE(event);
  EXPECT_THAT(event->reason, HasSubstr("writer's max_memory"));
  EXPECT_THAT(event->reason, HasSubstr("of this subscriber need 17 more"));
  EXPECT_EQ(publisher.publish(Message{}).delivered, 1U);

  auto smaller = second.subscriber<Message>("topic", {.depth = 8, .max_held = 7}).value();
  EXPECT_EQ(smaller.publisher_count(), 1U);
}

}  // namespace
}  // namespace baton
