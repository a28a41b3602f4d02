// Messages of the layout `raw`: a head, and any number of elements.

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "fixture.hpp"

namespace conformance {
namespace {

BATON_CONFORMANCE_SUITE(Raw);

using Clouds = baton::Publisher<Cloud>;
using CloudReader = baton::Subscriber<Cloud>;

std::uint32_t checksum_of(std::uint64_t number, std::span<const Point> points) {
  std::uint32_t sum = static_cast<std::uint32_t>(number) * 31U + static_cast<std::uint32_t>(points.size());
  for (const Point& point : points) sum = sum * 31U + point.intensity;
  return sum;
}

void fill(Cloud& head, std::span<Point> points, std::uint64_t number) {
  head.number = number;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = {static_cast<float>(i), static_cast<float>(number), static_cast<std::uint32_t>(number * 7 + i)};
  }
  head.checksum = checksum_of(number, points);
}

baton::PublishStatus send(Clouds& publisher, std::uint64_t number, std::size_t count) {
  auto loan = publisher.loan(count);
  if (!loan) {
    ADD_FAILURE() << loan.error().message();
    return baton::PublishStatus::out_of_chunks;
  }
  EXPECT_EQ(loan->data().size(), count);
  fill(**loan, loan->data(), number);
  return loan->publish().status;
}

void expect_intact(const baton::Sample<Cloud>& sample, std::uint64_t number, std::size_t count) {
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, number);
  ASSERT_EQ(sample.data().size(), count);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(sample.data().data()) % 64, 0U);
  EXPECT_EQ(sample->checksum, checksum_of(number, sample.data()));
}

TEST_P(Raw, carries_messages_of_every_size_from_none_to_millions_of_elements) {
  auto publisher = node_.publisher<Cloud>("cloud", {.depth = 1}).value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  std::uint64_t number = 0;
  for (const std::size_t count : {0U, 1U, 2U, 5U, 21U, 100U, 1'000U, 10'000U, 1'000'000U, 3U, 0U, 10'001U}) {
    ASSERT_EQ(send(publisher, number, count), baton::PublishStatus::ok);
    expect_intact(subscriber.take(), number++, count);
  }
}

TEST_P(Raw, gives_the_head_its_defaults_and_not_what_the_chunk_held) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  for (int i = 0; i < 100; ++i) {
    auto loan = publisher.loan(3).value();
    EXPECT_EQ(loan->number, 0U);
    EXPECT_EQ(loan->kind, 5U);
    loan->number = 99;
    loan->kind = 0;
    loan.publish();
    EXPECT_TRUE(subscriber.take());
  }
}

TEST_P(Raw, shrinks_a_loan_in_place_and_grows_it_into_a_larger_chunk_with_what_it_has) {
  auto publisher = node_.publisher<Cloud>("cloud", {.max_loans = 1}).value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  auto loan = publisher.loan(50).value();
  fill(*loan, loan.data(), 1);
  const Point* const before = loan.data().data();
  ASSERT_TRUE(loan.resize(20));
  EXPECT_EQ(loan.data().size(), 20U);
  EXPECT_EQ(loan.data().data(), before);
  ASSERT_TRUE(loan.resize(100'000));
  EXPECT_EQ(loan->number, 1U);
  ASSERT_EQ(loan.data().size(), 100'000U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(loan.data()[i].intensity, 7 + i);
  fill(*loan, loan.data(), 2);
  ASSERT_TRUE(loan.publish());
  expect_intact(subscriber.take(), 2, 100'000);
  EXPECT_FALSE(publisher.loan(2).value().resize(100'000'000));  // beyond max_size: and the loan is still good
  EXPECT_EQ(publisher.counters().open_loans, 0U);
}

TEST_P(Raw, publishes_copies) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  std::vector<Point> points(1'234);
  Cloud head;
  fill(head, points, 8);
  ASSERT_TRUE(publisher.publish(head, points));
  expect_intact(subscriber.take(), 8, points.size());
  ASSERT_TRUE(publisher.publish(head, {}));
  EXPECT_TRUE(subscriber.take().data().empty());
}

TEST_P(Raw, refuses_more_than_the_type_allows_and_says_what_is_allowed) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  const auto refused = publisher.loan(10'000'000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), baton::Errc::too_large);
  EXPECT_NE(refused.error().message().find("120000064"), std::string::npos) << refused.error().message();
  EXPECT_NE(refused.error().message().find("67108864"), std::string::npos) << refused.error().message();
  EXPECT_FALSE(publisher.loan(~std::size_t{0}));
  EXPECT_FALSE(publisher.loan(~std::size_t{0} / sizeof(Point)));
  EXPECT_EQ(publisher.publish({}, std::span<const Point>(static_cast<const Point*>(nullptr), 10'000'000)).status,
            baton::PublishStatus::too_large);
}

TEST_P(Raw, refuses_what_max_memory_does_not_allow_and_goes_on_with_less) {
  auto publisher = node_.publisher<Cloud>("cloud", {.max_memory = 4U << 20U}).value();
  const auto refused = publisher.loan(500'000);  // 6 MB
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), baton::Errc::out_of_chunks);
  EXPECT_NE(refused.error().message().find("max_memory"), std::string::npos) << refused.error().message();
  EXPECT_TRUE(publisher.loan(10'000));
}

TEST_P(Raw, always_has_a_loan_while_readers_keep_to_their_limits) {
  auto publisher = node_.publisher<Cloud>("cloud", {.depth = 4, .overflow = baton::Overflow::drop_oldest}).value();
  auto subscriber = other_.subscriber<Cloud>("cloud", {.depth = 4, .max_held = 3}).value();
  std::vector<baton::Sample<Cloud>> held;
  std::uint64_t number = 0;
  std::uint64_t next = 0;
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = static_cast<std::size_t>(round % 7) * static_cast<std::size_t>(round % 11) * 40U;
    for (int i = 0; i < 3; ++i) ASSERT_EQ(send(publisher, number++, count), baton::PublishStatus::ok);
    while (held.size() < 3) {
      auto sample = subscriber.take();
      if (!sample) break;
      ASSERT_GE(sample->number, next);
      next = sample->number + 1;
      EXPECT_EQ(sample->checksum, checksum_of(sample->number, sample.data()));
      held.push_back(std::move(sample));
    }
    for (const auto& sample : held) EXPECT_EQ(sample->checksum, checksum_of(sample->number, sample.data()));
    held.erase(held.begin());
  }
  held.clear();
  subscriber.close();
  EXPECT_TRUE(eventually([&] { return publisher.counters().free_chunks == publisher.counters().chunks; }));
}

TEST_P(Raw, gives_a_late_reader_the_history) {
  auto publisher = node_.publisher<Cloud>("cloud", {.depth = 8, .history = 3}).value();
  for (std::uint64_t number = 0; number < 10; ++number) send(publisher, number, 100 * number);
  auto subscriber = other_.subscriber<Cloud>("cloud", {.depth = 8}).value();
  for (std::uint64_t number = 7; number < 10; ++number) expect_intact(subscriber.take(), number, 100 * number);
}

TEST_P(Raw, calls_back_with_the_elements) {
  auto publisher = node_.publisher<Cloud>("cloud", {.overflow = baton::Overflow::block}).value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  Heard heard;
  subscriber.on_message([&](const baton::Sample<Cloud>& sample) {
    expect_intact(sample, sample->number, 10 * sample->number);
    heard.note(sample->number);
  });
  for (std::uint64_t number = 0; number < 5; ++number) send(publisher, number, 10 * number);
  EXPECT_TRUE(heard.is({0, 1, 2, 3, 4}));
  subscriber.on_message(nullptr);
}

TEST_P(Raw, gives_no_more_elements_than_its_chunk_has_room_for_whatever_the_publisher_says) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  auto loan = publisher.loan(10).value();
  auto* const payload = reinterpret_cast<std::byte*>(loan.get());
  ASSERT_TRUE(loan.publish());
  baton::RawParts<Cloud>::set_count(payload, ~std::size_t{0});  // as a program gone wild might
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_GE(sample.data().size(), 10U);
  EXPECT_LE(sample.data().size_bytes(), 1'024U);
}

TEST_P(Raw, is_empty_handed_when_the_loan_or_the_sample_is) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  auto subscriber = other_.subscriber<Cloud>("cloud").value();
  auto loan = publisher.loan(4).value();
  ASSERT_TRUE(loan.publish());
  EXPECT_TRUE(loan.data().empty());
  EXPECT_FALSE(loan.resize(1));
  auto sample = subscriber.take();
  sample.release();
  EXPECT_TRUE(sample.data().empty());
  EXPECT_TRUE(subscriber.take().data().empty());
}

}  // namespace
}  // namespace conformance
