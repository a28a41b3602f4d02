// The settings of memory: what they change, and that they change nothing else.

#include <vector>

#include "baton/table.hpp"
#include "fixture.hpp"
#include "test/bounded.hpp"

namespace conformance {
namespace {

BATON_CONFORMANCE_SUITE(Memory);

TEST_P(Memory, preset_holds_where_nothing_is_set_and_changes_nothing_that_is_delivered) {
  auto small = open_node("small", "[memory]\npreset = \"minimal\"\n");
  auto publisher = small.publisher<Message>("topic").value();
  auto subscriber = small.subscriber<Message>("topic").value();
  auto holds_more = small.subscriber<Message>("topic", {.max_held = 3}).value();
  auto profiled = small.subscriber<Message>("topic", {.max_loans = 1, .profile = baton::Profile::sensor}).value();
  for (std::uint64_t number = 0; number < 10; ++number) ASSERT_TRUE(publish(publisher, 1, number));
  std::vector<baton::Sample<Message>> held;
  for (std::uint64_t number = 2; number < 4; ++number) {
    held.push_back(subscriber.take());
    ASSERT_TRUE(held.back());
    EXPECT_EQ(held.back()->number, number) << "the newest 8, as ever";
  }
  EXPECT_EQ(subscriber.take().status(), baton::TakeStatus::held_limit) << "2 by the preset, not 8";
  for (int i = 0; i < 3; ++i) held.push_back(holds_more.take());
  EXPECT_TRUE(held.back()) << "3 by the code";
  EXPECT_EQ(holds_more.take().status(), baton::TakeStatus::held_limit);
  EXPECT_EQ(take_all(profiled), (std::vector<std::uint64_t>{8, 9})) << "2 by the profile";

  const auto first = publisher.loan();
  const auto second = publisher.loan();
  EXPECT_TRUE(second);
  EXPECT_FALSE(publisher.loan()) << "2 by the preset, not 4";
}

TEST_P(Memory, preallocated_carries_messages_of_all_sizes_up_to_the_largest) {
  const std::string config = "[memory]\npreallocate = true\n";
  auto first = open_node("preallocates", config);
  auto second = open_node("preallocates_too", config);
  auto frames = first.publisher<bounded::Frame>("frame", {.history = 1}).value();
  auto frame_reader = second.subscriber<bounded::Frame>("frame").value();
  auto other_reader = other_.subscriber<bounded::Frame>("frame").value();
  for (const std::size_t bytes : {0U, 1U, 100U, 5'000U, 8'036U}) {
    auto loan = frames.loan(bytes).value();
    for (std::size_t i = 0; i < bytes; ++i) {
      loan.data()[i] = static_cast<std::uint8_t>(i);
      loan->number += loan.data()[i];
    }
    const std::uint64_t sum = loan->number;
    ASSERT_TRUE(loan.publish());
    for (auto* const reader : {&frame_reader, &other_reader}) {
      const auto sample = reader->take();
      ASSERT_TRUE(sample);
      ASSERT_EQ(sample.data().size(), bytes);
      std::uint64_t found = 0;
      for (const std::uint8_t byte : sample.data()) found += byte;
      EXPECT_EQ(found, sum);
    }
  }
  EXPECT_FALSE(frames.loan(8'037)) << "beyond max_size";
  auto late_reader = second.subscriber<bounded::Frame>("frame").value();
  const auto late = late_reader.take();
  ASSERT_TRUE(late);
  EXPECT_EQ(late.data().size(), 8'036U);
  EXPECT_TRUE(frames.audit().empty());
}

TEST_P(Memory, of_a_chunk_beyond_the_largest_message_is_not_used) {
  for (const char* const config : {"", "[memory]\npreallocate = true\n"}) {
    auto node = open_node("node", config);
    auto frames = node.publisher<bounded::Frame>("frame").value();
    auto frame = frames.loan(8'000).value();
    const auto refused = frame.resize(8'037);  // 8101 bytes, and the chunk has more
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), baton::Errc::too_large);
    EXPECT_TRUE(frame.resize(8'036));
    EXPECT_TRUE(frame.publish());

    auto routes = node.publisher<bounded::Route>("route").value();
    auto route = routes.loan(1'000).value();
    const auto build = [](auto& loan, std::size_t bytes) {
      const auto image = loan.builder().CreateVector(std::vector<std::uint8_t>(bytes));
      loan.finish(bounded::CreateRoute(loan.builder(), 1, image));
    };
    build(route, 980);
    EXPECT_GT(route.needed(), 1'000U);
    EXPECT_LE(route.needed(), 1'024U);
    EXPECT_EQ(route.publish().status, baton::PublishStatus::too_large);
    EXPECT_EQ(route.explain().code(), baton::Errc::too_large);
    route.discard();
    auto smaller = routes.loan(1'000).value();
    build(smaller, 900);
    EXPECT_TRUE(smaller.publish());
  }
}

TEST_P(Memory, limit_of_a_node_bounds_that_of_its_topics) {
  auto small = open_node("small", "[memory]\nmax_node = \"256 KiB\"\n");
  const auto refused = small.publisher<Message>("topic", {.max_memory = 262'145});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), baton::Errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("max_node of test.toml:2"), std::string::npos) << refused.error();
  EXPECT_FALSE(small.publisher<Message>("topic", {.history = 10'000})) << "by the lowered default";
  EXPECT_TRUE(small.publisher<Message>("topic", {.max_memory = 65'536}));
}

}  // namespace
}  // namespace conformance
