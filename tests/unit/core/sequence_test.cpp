#include "baton/sequence.hpp"

#include <array>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "baton/string.hpp"

namespace {

using baton::Sequence;

struct Point {
  int x = 7;
  int y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

static_assert(std::is_trivially_copyable_v<Sequence<Point, 3>> && std::is_standard_layout_v<Sequence<Point, 3>>);
static_assert(std::is_trivially_copyable_v<Sequence<int, 3>> && std::is_standard_layout_v<Sequence<int, 3>>);
static_assert(sizeof(Sequence<double, 3>) == 32 && alignof(Sequence<double, 3>) == 8);
static_assert(sizeof(Sequence<std::uint8_t, 3>) == 8 && alignof(Sequence<std::uint8_t, 3>) == 4);
static_assert(sizeof(Sequence<Point, 3>) == 28);
static_assert(std::ranges::contiguous_range<Sequence<Point, 3>> && std::ranges::sized_range<Sequence<int, 3>>);
static_assert(Sequence<int, 3>{1, 2}.size() == 2 && Sequence<int, 3>{1, 2}[1] == 2);
static_assert(std::convertible_to<Sequence<int, 3>&, std::span<int>> &&
              std::convertible_to<const Sequence<int, 3>&, std::span<const int>>);

int sum(std::span<const int> values) { return std::accumulate(values.begin(), values.end(), 0); }

TEST(Sequence, is_made_of_lists_counts_and_ranges) {
  EXPECT_EQ((Sequence<int, 4>(2, 7)), (Sequence<int, 4>{7, 7}));
  EXPECT_EQ((Sequence<Point, 4>(2))[1], Point{});
  EXPECT_EQ((Sequence<int, 4>(std::vector{1, 2})), (Sequence<int, 9>{1, 2}));
  Sequence<int, 4> values;
  values = {1, 2, 3};
  EXPECT_EQ(sum(values), 6);
  values = std::array{4, 5};
  EXPECT_EQ(sum(values), 9);
  values.assign(std::span<const int>(values).subspan(1));  // a part of itself
  EXPECT_EQ(values, (Sequence<int, 4>{5}));
  values.assign(3, values[0]);
  EXPECT_EQ(values, (Sequence<int, 4>{5, 5, 5}));
  values = {};
  EXPECT_TRUE(values.empty());
}

TEST(Sequence, throws_and_stays_as_it_was_when_there_is_no_room) {
  Sequence<int, 3> values{1, 2, 3};
  const auto before = values;
  EXPECT_THROW(values.push_back(4), std::length_error);
  EXPECT_THROW(values.emplace_back(4), std::length_error);
  EXPECT_THROW(values.resize(4), std::length_error);
  EXPECT_THROW((values = {1, 2, 3, 4}), std::length_error);
  EXPECT_THROW(values.assign(std::vector<int>(4)), std::length_error);
  EXPECT_THROW(values.assign(4, 1), std::length_error);
  EXPECT_THROW(values.append({4}), std::length_error);
  EXPECT_THROW(values.insert(values.begin(), 0), std::length_error);
  EXPECT_THROW(values.insert(values.begin(), {4, 5}), std::length_error);
  EXPECT_THROW((Sequence<int, 1>{1, 2}), std::length_error);
  EXPECT_EQ(values, before);
  try {
    values.resize(9);
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(), "baton::Sequence: 9 elements do not fit a capacity of 3");
  }
}

TEST(Sequence, try_members_return_false_and_leave_the_value) {
  Sequence<int, 3> values{1, 2};
  EXPECT_FALSE(values.try_assign(std::array{1, 2, 3, 4}));
  EXPECT_FALSE(values.try_append(std::array{3, 4}));
  EXPECT_FALSE(values.try_resize(4));
  EXPECT_EQ(values, (Sequence<int, 3>{1, 2}));
  EXPECT_TRUE(values.try_push_back(3));
  EXPECT_FALSE(values.try_push_back(4));
  EXPECT_FALSE(values.try_emplace_back(4));
  EXPECT_FALSE(values.try_insert(values.begin(), 4));
  EXPECT_EQ(values, (Sequence<int, 3>{1, 2, 3}));
  EXPECT_TRUE(values.try_resize(1));
  EXPECT_TRUE(values.try_append(values));
  EXPECT_EQ(values, (Sequence<int, 3>{1, 1}));
}

TEST(Sequence, edits_like_a_std_vector) {
  Sequence<int, 8> values{1, 2, 3};
  EXPECT_EQ(*values.insert(values.begin() + 1, 9), 9);
  values.insert(values.end(), {4, 5});
  EXPECT_EQ(values, (Sequence<int, 8>{1, 9, 2, 3, 4, 5}));
  values.insert(values.begin(), 2, values.back());  // an element that moves
  EXPECT_EQ(values, (Sequence<int, 8>{5, 5, 1, 9, 2, 3, 4, 5}));
  EXPECT_EQ(*values.erase(values.begin()), 5);
  values.erase(values.begin(), values.begin() + 2);
  EXPECT_EQ(values, (Sequence<int, 8>{9, 2, 3, 4, 5}));
  values.pop_back();
  EXPECT_EQ(values.back(), 4);
  EXPECT_EQ(values.front(), 9);
  EXPECT_EQ(*values.rbegin(), 4);
  EXPECT_EQ(values.at(1), 2);
  EXPECT_THROW((void)values.at(4), std::out_of_range);
  values.clear();
  values.pop_back();
  EXPECT_TRUE(values.empty());
}

TEST(Sequence, gives_new_elements_their_defaults_whatever_was_there) {
  Sequence<Point, 4> points{{1, 2}, {3, 4}};
  points.resize(1);
  points.resize(2);
  EXPECT_EQ(points[1], (Point{7, 0}));
  EXPECT_EQ(points.emplace_back(5, 6), (Point{5, 6}));
  EXPECT_EQ(points.emplace_back(), Point{});
}

TEST(Sequence, reads_a_foreign_length_as_its_capacity_at_most) {
  Sequence<int, 4> values{1, 2};
  const std::uint32_t length = 0xFFFF'FFF0;
  std::memcpy(static_cast<void*>(&values), &length, sizeof length);
  EXPECT_EQ(values.size(), 4U);
  EXPECT_EQ(std::span<const int>(values).size(), 4U);
  EXPECT_EQ(sum(values), 3);
  EXPECT_FALSE(values.try_push_back(1));
  values.pop_back();
  EXPECT_EQ(values.size(), 3U);
}

TEST(Sequence, of_zero_bytes_is_the_default_even_of_elements_with_other_defaults) {
  const Sequence<Point, 4> points;
  const unsigned char zeros[sizeof points] = {};
  EXPECT_EQ(std::memcmp(&points, zeros, sizeof points), 0);
}

TEST(Sequence, compares_across_capacities) {
  EXPECT_EQ((Sequence<int, 3>{1, 2}), (Sequence<int, 5>{1, 2}));
  EXPECT_NE((Sequence<int, 3>{1, 2}), (Sequence<int, 5>{1}));
  EXPECT_LT((Sequence<int, 3>{1, 2}), (Sequence<int, 5>{1, 3}));
  EXPECT_EQ((Sequence<baton::String<4>, 3>{"a", "b"}), (Sequence<baton::String<4>, 2>{"a", "b"}));
}

TEST(Sequence, may_be_copied_byte_by_byte_to_any_address) {
  Sequence<Point, 4> points{{1, 2}, {3, 4}};
  alignas(Sequence<Point, 4>) std::byte elsewhere[sizeof points];
  std::memcpy(elsewhere, &points, sizeof points);
  EXPECT_EQ(*std::launder(reinterpret_cast<Sequence<Point, 4>*>(elsewhere)), points);
}

}  // namespace
