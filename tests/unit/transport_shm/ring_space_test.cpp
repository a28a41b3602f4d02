#include "ring_space.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace baton::shm {
namespace {

constexpr std::uint64_t kAll = UINT64_MAX;

/// Publishes one record and returns where it begins.
std::uint64_t publish(RingSpace& space, std::uint64_t bytes, std::uint64_t position) {
  const auto loan = space.reserve(bytes, kAll);
  if (loan == RingSpace::kNoLoan) {
    ADD_FAILURE() << "no room for position " << position;
    return 0;
  }
  const std::uint64_t begin = space.loan(loan).begin;
  space.publish(loan, position, begin, begin + bytes);
  return begin;
}

TEST(RingSpace, lends_one_place_after_the_other_and_begins_again_at_the_start) {
  RingSpace space(1'024, 16, 2);
  EXPECT_EQ(publish(space, 256, 0), 0U);
  EXPECT_EQ(publish(space, 512, 1), 256U);
  EXPECT_EQ(space.reserve(320, kAll), RingSpace::kNoLoan) << "256 bytes are left";
  space.give_up(1, {});
  EXPECT_EQ(space.reserve(320, kAll), RingSpace::kNoLoan) << "256 at the end, 256 at the start";
  space.give_up(2, {});
  EXPECT_EQ(publish(space, 320, 2), 0U);
}

TEST(RingSpace, goes_back_to_the_start_early_when_there_is_room) {
  RingSpace space(4'096, 16, 2);
  publish(space, 512, 0);
  publish(space, 512, 1);
  EXPECT_EQ(space.reserve(512, 1'024), RingSpace::kNoLoan)
      << "the start is in use, and beyond the turn it is not to go yet";
  space.give_up(1, {});
  const auto loan = space.reserve(512, 1'024);
  ASSERT_NE(loan, RingSpace::kNoLoan);
  EXPECT_EQ(space.loan(loan).begin, 0U);
}

TEST(RingSpace, uses_the_rest_of_the_buffer_where_an_older_record_is_in_the_way_at_its_start) {
  RingSpace space(8'192, 64, 2);
  for (std::uint64_t position = 0; position < 8; ++position) publish(space, 128, position);
  space.give_up(3, {});
  for (std::uint64_t position = 8; position < 11; ++position) {
    const auto loan = space.reserve(128, 1'024);
    EXPECT_EQ(space.loan(loan).begin, (position - 8) * 128);
    space.publish(loan, position, space.loan(loan).begin, space.loan(loan).begin + 128);
  }
  EXPECT_EQ(space.reserve(128, 1'024), RingSpace::kNoLoan) << "the fourth record is in the way";
  for (std::uint64_t position = 11; position < 64; ++position) {
    EXPECT_EQ(publish(space, 128, position), 1'024 + (position - 11) * 128);
    ASSERT_FALSE(space.overlaps());
  }
  EXPECT_EQ(space.records(), 61U);
  space.give_up(11, {});
  EXPECT_EQ(publish(space, 512, 64), 0U) << "the first run and the second are gone";
}

TEST(RingSpace, uses_every_byte_of_the_buffer_whatever_was_given_up_in_between) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    RingSpace space(64 * 256, 256, 2);
    std::uint64_t tail = 0;
    std::uint64_t floor = 0;
    for (int step = 0; step < 2'000; ++step) {
      if (random() % 3 != 0) {
        if (const std::uint32_t loan = space.reserve(64, 1'024U << random() % 5); loan != RingSpace::kNoLoan) {
          space.publish(loan, tail++, space.loan(loan).begin, space.loan(loan).begin + 64);
        }
      } else {
        floor = std::min(tail, floor + random() % 8);
        space.give_up(floor, {});
      }
      ASSERT_FALSE(space.overlaps()) << "seed " << seed << ", step " << step;
    }
    while (tail - floor < 256) publish(space, 64, tail++);
    EXPECT_EQ(space.reserve(64, kAll), RingSpace::kNoLoan);
    EXPECT_FALSE(space.overlaps());
  }
}

TEST(RingSpace, steps_over_what_is_pinned_lap_after_lap) {
  RingSpace space(1'024, 64, 2);
  space.make_room_for(2);
  const std::uint64_t held = publish(space, 128, 0);
  const std::vector<std::uint64_t> pins{0};
  for (std::uint64_t position = 1; position < 200; ++position) {
    space.give_up(position, pins);
    const std::uint64_t begin = publish(space, 64 * (1 + position % 5), position);
    EXPECT_TRUE(begin >= held + 128 || begin + 64 * (1 + position % 5) <= held);
    EXPECT_FALSE(space.overlaps());
  }
  EXPECT_EQ(space.island_bytes(), 128U);
  space.give_up(200, {});
  EXPECT_EQ(space.island_bytes(), 0U);
  EXPECT_EQ(space.records(), 0U);
}

TEST(RingSpace, gives_up_nothing_that_is_lent_however_long) {
  RingSpace space(1'024, 64, 2);
  const auto loan = space.reserve(128, kAll);
  const std::uint64_t begin = space.loan(loan).begin;
  for (std::uint64_t position = 0; position < 100; ++position) {
    space.give_up(position, {});
    publish(space, 192, position);
    ASSERT_FALSE(space.overlaps());
  }
  EXPECT_EQ(space.loan(loan).begin, begin);
  space.publish(loan, 100, begin, begin + 128);
  space.give_up(100, {});
  EXPECT_EQ(space.records(), 1U) << "what is published is there, although it was reserved long ago";
  space.give_up(101, {});
  EXPECT_EQ(space.records(), 0U);
}

TEST(RingSpace, frees_what_was_reserved_after_a_loan_that_is_published_late) {
  RingSpace space(4'096, 128, 2);
  const auto late = space.reserve(64, kAll);
  for (std::uint64_t position = 0; position < 63; ++position) publish(space, 64, position);
  space.publish(late, 63, space.loan(late).begin, space.loan(late).begin + 64);
  EXPECT_EQ(space.reserve(64, kAll), RingSpace::kNoLoan);
  space.give_up(63, {});
  EXPECT_EQ(space.records(), 1U) << "the one that was published late";
  for (std::uint64_t position = 64; position < 127; ++position) {
    publish(space, 64, position);
    ASSERT_FALSE(space.overlaps());
  }
  space.give_up(127, {});
  EXPECT_EQ(space.records(), 0U);
}

TEST(RingSpace, finds_the_smallest_gap_where_no_more_can_be_used) {
  RingSpace space(8'192, 128, 2);
  for (std::uint64_t position = 0; position < 16; ++position) publish(space, 64, position);
  space.give_up(1, {});
  EXPECT_EQ(space.reserve(64, 1'024), RingSpace::kNoLoan) << "it is not worth it as long as there is more";
  EXPECT_NE(space.reserve_below(64, 1'024), RingSpace::kNoLoan);
}

TEST(RingSpace, takes_back_at_once_what_a_publish_does_not_use) {
  RingSpace space(1'024, 16, 2);
  const auto loan = space.reserve(1'024, kAll);
  space.publish(loan, 0, 0, 128);
  EXPECT_EQ(publish(space, 896, 1), 128U);
}

TEST(RingSpace, makes_the_newest_loan_larger_where_it_is) {
  RingSpace space(1'024, 16, 2);
  const auto first = space.reserve(128, kAll);
  EXPECT_TRUE(space.extend(first, 512));
  EXPECT_FALSE(space.extend(first, 2'048));
  const auto second = space.reserve(128, kAll);
  EXPECT_EQ(space.loan(second).begin, 512U);
  EXPECT_FALSE(space.extend(first, 640)) << "it is not the newest";
}

TEST(RingSpace, lets_nothing_overlap_whatever_is_lent_published_discarded_and_pinned) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    constexpr std::uint32_t kLoans = 3;
    RingSpace space(8'192, 64, kLoans);
    space.make_room_for(4);
    std::vector<std::uint32_t> loans;
    std::vector<std::uint64_t> pins;
    std::uint64_t tail = 0;
    std::uint64_t floor = 0;
    for (int step = 0; step < 4'000; ++step) {
      const std::uint32_t what = random() % 8;
      if (what < 3 && loans.size() < kLoans) {
        if (const std::uint32_t loan = space.reserve(64 * (1 + random() % 20), 1'024 * (1 + random() % 8));
            loan != RingSpace::kNoLoan) {
          loans.push_back(loan);
        } else {
          floor = std::min(tail, floor + 1 + random() % 4);
          space.give_up(floor, pins);
        }
      } else if (what < 6 && !loans.empty()) {
        const std::size_t which = random() % loans.size();
        const RingSpace::Loan place = space.loan(loans[which]);
        const std::uint64_t used = std::min<std::uint64_t>(place.bytes, 64 * (1 + random() % 20));
        if (random() % 2 == 0) {
          space.publish(loans[which], tail++, place.begin, place.begin + used);
        } else {
          space.publish(loans[which], tail++, place.begin + place.bytes - used, place.begin + place.bytes);
        }
        loans.erase(loans.begin() + static_cast<std::ptrdiff_t>(which));
      } else if (what == 6 && !loans.empty()) {
        space.discard(loans.back());
        loans.pop_back();
      } else if (pins.size() < 4 && tail > floor && random() % 2 == 0) {
        const std::uint64_t position = floor + random() % (tail - floor);
        if (!std::count(pins.begin(), pins.end(), position)) pins.push_back(position);
        std::sort(pins.begin(), pins.end());
      } else if (!pins.empty()) {
        pins.erase(pins.begin() + static_cast<std::ptrdiff_t>(random() % pins.size()));
      }
      ASSERT_FALSE(space.overlaps()) << "seed " << seed << ", step " << step;
    }
    for (const std::uint32_t loan : loans) space.discard(loan);
    space.give_up(tail, {});
    EXPECT_EQ(space.records(), 0U);
  }
}

}  // namespace
}  // namespace baton::shm
