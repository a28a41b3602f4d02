// The quality of service that the IDL gives a type with @baton: @baton(depth=3, history=2, overflow="reject").

#include "fixture.hpp"
#include "test/conformance.hpp"

namespace conformance {
namespace {

BATON_CONFORMANCE_SUITE(Hints);

std::uint64_t publish_until_rejected(baton::Publisher<Hinted>& publisher) {
  for (std::uint64_t number = 0; number < 1'000; ++number) {
    if (!publisher.publish(Hinted{.number = number})) return number;
  }
  return 1'000;
}

TEST_P(Hints, hold_where_the_code_says_nothing) {
  auto publisher = node_.publisher<Hinted>("topic").value();
  auto subscriber = other_.subscriber<Hinted>("topic", {.max_held = 1}).value();
  EXPECT_EQ(publish_until_rejected(publisher), 3U + 1U) << "the depth and what may be held";

  auto late = other_.subscriber<Hinted>("topic", {.max_held = 2}).value();
  ASSERT_TRUE(late.wait(10s));
  const auto first = late.take();
  const auto second = late.take();
  EXPECT_EQ(first->number, 2U);
  EXPECT_EQ(second->number, 3U);
}

TEST_P(Hints, hold_for_publishers_that_know_the_type_by_its_description) {
  const auto type = baton::TypeDescription::of<Hinted>().value();
  auto publisher = node_.generic_publisher("topic", type).value();
  for (int number = 0; number < 5; ++number) {
    ASSERT_TRUE(publisher.publish_json("{\"number\": " + std::to_string(number) + "}"));
  }
  auto late = other_.subscriber<Hinted>("topic").value();
  ASSERT_TRUE(late.wait(10s));
  EXPECT_EQ(late.take()->number, 3U);
}

TEST_P(Hints, give_way_to_the_code) {
  auto publisher = node_.publisher<Hinted>("topic", {.depth = 5, .history = 0}).value();
  auto subscriber = other_.subscriber<Hinted>("topic", {.depth = 5, .max_held = 1}).value();
  EXPECT_EQ(publish_until_rejected(publisher), 5U + 1U);
  auto late = other_.subscriber<Hinted>("topic").value();
  EXPECT_FALSE(late.wait(50ms));
}

TEST_P(Hints, are_no_wish_of_a_subscriber) {
  auto publisher = node_.publisher<Hinted>("topic", {.overflow = baton::Overflow::drop_oldest}).value();
  auto subscriber = other_.subscriber<Hinted>("topic").value();
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  EXPECT_EQ(publish_until_rejected(publisher), 1'000U);
}

}  // namespace
}  // namespace conformance
