#include "baton/optional.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "baton/message_format.hpp"
#include "test/members.hpp"

namespace {

using baton::Optional;

static_assert(sizeof(Optional<std::int32_t>) == 8 && sizeof(Optional<char>) == 2 && alignof(Optional<double>) == 8);
static_assert(std::is_trivially_copyable_v<Optional<baton::String<5>>>);
static_assert(!std::is_convertible_v<Optional<int>, bool>);

TEST(Optional, begins_without_a_value) {
  constexpr Optional<int> kNone;
  static_assert(!kNone.has_value() && kNone == std::nullopt && kNone.value_or(3) == 3);
  EXPECT_FALSE(kNone);
}

TEST(Optional, holds_what_is_assigned) {
  Optional<int> number = 5;
  EXPECT_TRUE(number.has_value());
  EXPECT_EQ(*number, 5);
  EXPECT_EQ(number, 5);
  EXPECT_EQ(number.value_or(3), 5);
  number = 7;
  EXPECT_EQ(number.value(), 7);
  number = std::nullopt;
  EXPECT_EQ(number, std::nullopt);
  Optional<baton::String<8>> text;
  text = "hello";
  EXPECT_EQ(*text, "hello");
  EXPECT_EQ(text->size(), 5U);
}

TEST(Optional, reset_and_emplace) {
  Optional<members::Point> point;
  EXPECT_EQ(point.emplace().x, 1.0) << "the defaults of the IDL";
  point->y = 4;
  point.reset();
  EXPECT_FALSE(point.has_value());
  EXPECT_EQ(point.emplace(2.0, 3.0), (members::Point{2, 3}));
}

TEST(Optional, value_throws_if_there_is_none) {
  Optional<int> none;
  EXPECT_THROW(static_cast<void>(none.value()), std::bad_optional_access);
}

TEST(Optional, compares_values_only_if_there_are_any) {
  Optional<int> a = 1;
  Optional<int> b = 2;
  EXPECT_NE(a, b);
  a.reset();
  EXPECT_NE(a, b);
  b.reset();
  EXPECT_EQ(a, b) << "what is left of an absent value does not count";
  EXPECT_NE(a, 1);
}

TEST(Optional, any_byte_but_zero_counts_as_present) {
  Optional<std::int16_t> number = 3;
  const std::uint8_t foreign = 2;
  std::memcpy(reinterpret_cast<unsigned char*>(&number) + 2, &foreign, 1);
  EXPECT_TRUE(number.has_value());
  EXPECT_EQ(number, Optional<std::int16_t>(3));
}

TEST(Optional, is_printed_as_its_value_or_none) {
  EXPECT_EQ(fmt::format("{} {}", Optional<int>(3), Optional<int>()), "3 none");
  members::Optionals optionals;
  optionals.text = "a";
  optionals.pairs.emplace()[1][1] = 4;
  EXPECT_EQ(
      fmt::format("{}", optionals),
      "{number: none, ratio: none, text: \"a\", items: none, point: none, color: none, flag: none, pairs: [[0, 0], "
      "[0, 4]]}");
}

TEST(Optional, is_part_of_the_canonical_text) {
  const auto& info = baton::TypeTraits<members::Optionals>::info();
  EXPECT_EQ(info.fields[4].type, "optional<members::Point>");
  EXPECT_EQ(info.fields[4].nested, &baton::TypeTraits<members::Point>::info());
  std::string theirs(info.canonical);
  theirs.replace(theirs.find("  y double"), 10, "  y uint64");
  EXPECT_EQ(baton::first_difference(info.canonical, theirs, "X"),
            "field point.y (members::Point): double here, uint64 in X");
}

}  // namespace
