// Messages of the layout `table`: FlatBuffers, built in place.

#include <numeric>
#include <string>
#include <vector>

#include "baton/table.hpp"
#include "fixture.hpp"
#include "test/conformance.hpp"

namespace conformance {
namespace {

BATON_CONFORMANCE_SUITE(Table);

using Plans = baton::Publisher<Plan>;
using PlanLoan = baton::Loan<Plan>;

std::string name_of(std::size_t step) { return "step " + std::to_string(step) + std::string(step % 13, '.'); }

void build(PlanLoan& loan, std::uint64_t number, std::size_t steps, std::size_t image_bytes = 0) {
  flatbuffers::FlatBufferBuilder& builder = loan.builder();
  std::vector<flatbuffers::Offset<Step>> made;
  for (std::size_t i = 0; i < steps; ++i) {
    made.push_back(CreateStep(builder, builder.CreateString(name_of(i)), static_cast<double>(i) / 2));
  }
  std::vector<std::uint8_t> image(image_bytes);
  std::iota(image.begin(), image.end(), static_cast<std::uint8_t>(number));
  const auto title = builder.CreateString("plan " + std::to_string(number));
  loan.finish(CreatePlan(builder, number, title, builder.CreateVector(made), builder.CreateVector(image)));
}

void expect_intact(const Plan* plan, std::uint64_t number, std::size_t steps, std::size_t image_bytes = 0) {
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->number(), number);
  EXPECT_EQ(plan->title()->str(), "plan " + std::to_string(number));
  ASSERT_EQ(plan->steps()->size(), steps);
  for (std::size_t i = 0; i < steps; ++i) {
    const Step& step = *plan->steps()->Get(static_cast<flatbuffers::uoffset_t>(i));
    ASSERT_EQ(step.name()->str(), name_of(i));
    ASSERT_EQ(step.metres(), static_cast<double>(i) / 2);
  }
  ASSERT_EQ(plan->image()->size(), image_bytes);
  for (std::size_t i = 0; i < image_bytes; ++i) {
    ASSERT_EQ(plan->image()->Get(static_cast<flatbuffers::uoffset_t>(i)), static_cast<std::uint8_t>(number + i));
  }
}

TEST_P(Table, carries_tables_that_fit_their_first_chunk) {
  auto publisher = node_.publisher<Plan>("plan").value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  for (std::uint64_t number = 0; number < 100; ++number) {
    auto loan = publisher.loan(4'096).value();
    build(loan, number, number % 20);
    expect_intact(loan.get(), number, number % 20);
    ASSERT_TRUE(loan.publish());
    EXPECT_FALSE(loan);
    const auto sample = subscriber.take();
    expect_intact(sample.get(), number, number % 20);
    EXPECT_EQ(sample.info().sequence, number);
  }
  EXPECT_EQ(publisher.counters().open_loans, 0U);
}

TEST_P(Table, moves_a_table_that_grows_to_larger_chunks) {
  auto publisher = node_.publisher<Plan>("plan", {.max_loans = 1}).value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  for (const std::size_t steps : {0U, 1U, 10U, 100U, 1'000U, 10'000U, 50'000U}) {
    auto loan = publisher.loan(0).value();
    build(loan, steps, steps);
    ASSERT_TRUE(loan.publish()) << steps;
    expect_intact(subscriber.take().get(), steps, steps);
  }
}

TEST_P(Table, takes_a_first_part_that_is_larger_than_the_chunk) {
  auto publisher = node_.publisher<Plan>("plan", {.max_loans = 1}).value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  for (const std::size_t bytes : {1U, 300U, 4'096U, 1'000'000U, 8'000'000U}) {
    auto loan = publisher.loan(1).value();
    build(loan, bytes, 0, bytes);
    ASSERT_TRUE(loan.publish()) << bytes;
    expect_intact(subscriber.take().get(), bytes, 0, bytes);
  }
}

TEST_P(Table, says_what_size_is_needed_when_no_chunk_has_it_and_keeps_the_message) {
  auto publisher = node_.publisher<Plan>("plan", {.max_loans = 1, .max_memory = 1U << 20U}).value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  auto loan = publisher.loan(100).value();
  build(loan, 3, 2, 2'000'000);
  EXPECT_EQ(loan.publish().status, baton::PublishStatus::out_of_chunks);
  ASSERT_TRUE(loan);
  expect_intact(loan.get(), 3, 2, 2'000'000);
  EXPECT_GT(loan.needed(), 2'000'000U);
  const std::string why = loan.explain().message();
  EXPECT_NE(why.find(std::to_string(loan.needed())), std::string::npos) << why;
  EXPECT_NE(why.find("max_memory"), std::string::npos) << why;
  loan.discard();
  EXPECT_EQ(publisher.counters().open_loans, 0U);
  EXPECT_FALSE(subscriber.take());
}

TEST_P(Table, refuses_more_than_the_type_allows) {
  auto publisher = node_.publisher<Plan>("plan").value();
  auto loan = publisher.loan(100).value();
  build(loan, 3, 0, 33U << 20U);
  EXPECT_EQ(loan.publish().status, baton::PublishStatus::too_large);
  EXPECT_NE(loan.explain().message().find("33554432"), std::string::npos) << loan.explain().message();
}

TEST_P(Table, is_not_published_before_it_is_finished) {
  auto publisher = node_.publisher<Plan>("plan").value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  auto loan = publisher.loan(1'000).value();
  EXPECT_EQ(loan.publish().status, baton::PublishStatus::not_finished);
  EXPECT_EQ(loan.get(), nullptr);
  ASSERT_TRUE(loan);
  build(loan, 1, 1);
  ASSERT_TRUE(loan.publish());
  EXPECT_EQ(loan.publish().status, baton::PublishStatus::no_loan);
  expect_intact(subscriber.take().get(), 1, 1);
}

TEST_P(Table, can_be_published_again_when_it_was_rejected) {
  auto publisher = node_.publisher<Plan>("plan", {.overflow = baton::Overflow::reject}).value();
  auto subscriber = other_.subscriber<Plan>("plan", {.depth = 1, .max_held = 1}).value();
  std::uint64_t number = 0;
  while (true) {
    auto loan = publisher.loan(1'000).value();
    build(loan, number, 3);
    if (const auto result = loan.publish(); !result) {
      ASSERT_EQ(result.status, baton::PublishStatus::rejected);
      expect_intact(subscriber.take().get(), 0, 3);
      ASSERT_TRUE(loan.publish());
      break;
    }
    ++number;
  }
  for (std::uint64_t next = 1; next <= number; ++next) expect_intact(subscriber.take().get(), next, 3);
}

TEST_P(Table, does_not_reach_the_reader_when_it_is_damaged) {
  auto publisher = node_.publisher<Plan>("plan", {.depth = 8}).value();
  auto subscriber = other_.subscriber<Plan>("plan", {.depth = 8}).value();
  for (std::uint64_t number = 0; number < 4; ++number) {
    auto loan = publisher.loan(1'000).value();
    build(loan, number, 3);
    // The root offset of every other message is sent to the end of the world.
    if (number % 2 == 1) std::memset(loan.builder().GetBufferPointer(), 0x7F, 4);
    ASSERT_TRUE(loan.publish());
  }
  expect_intact(subscriber.take().get(), 0, 3);
  expect_intact(subscriber.take().get(), 2, 3);
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.counters().damaged, 2U);
  EXPECT_TRUE(eventually([&] { return publisher.counters().free_chunks == publisher.counters().chunks; }));
}

TEST_P(Table, calls_back) {
  auto publisher = node_.publisher<Plan>("plan", {.overflow = baton::Overflow::block}).value();
  auto subscriber = other_.subscriber<Plan>("plan").value();
  Heard heard;
  subscriber.on_message([&](const baton::Sample<Plan>& sample) {
    expect_intact(sample.get(), sample->number(), sample->number() * 3);
    heard.note(sample->number());
  });
  for (std::uint64_t number = 0; number < 5; ++number) {
    auto loan = publisher.loan(100).value();
    build(loan, number, number * 3);
    loan.publish();
  }
  EXPECT_TRUE(heard.is({0, 1, 2, 3, 4}));
  subscriber.on_message(nullptr);
}

}  // namespace
}  // namespace conformance
