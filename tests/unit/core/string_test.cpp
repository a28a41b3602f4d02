#include "baton/string.hpp"

#include <cstring>
#include <sstream>
#include <stdexcept>
#include <unordered_set>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace {

using baton::String;

static_assert(std::is_trivially_copyable_v<String<5>> && std::is_standard_layout_v<String<5>>);
static_assert(sizeof(String<5>) == 12 && alignof(String<5>) == 4);
static_assert(String<5>("abc").size() == 3);
static_assert(String<5>("abc") == "abc" && String<5>("abc") < String<9>("abd"));
static_assert(String<8>("ad").insert(1, "bc").erase(0, 1) == "bcd");
static_assert(!std::is_constructible_v<String<5>, std::nullptr_t>);

template <std::size_t N>
void write_length(String<N>& text, std::uint32_t length) {
  std::memcpy(static_cast<void*>(&text), &length, sizeof length);
}

TEST(String, takes_text_from_whatever_holds_text) {
  const char* pointer = "pointer";
  String<8> text = "literal";
  EXPECT_EQ(text, "literal");
  text = pointer;
  EXPECT_EQ(text, pointer);
  text = std::string("string");
  EXPECT_EQ(text, std::string("string"));
  text = std::string_view("view");
  EXPECT_EQ(std::string_view("view"), text);
  text = String<4>("four");
  EXPECT_EQ(text, String<30>("four"));
  EXPECT_EQ(String<8>(3, 'x'), "xxx");
  const std::string_view view = text;
  EXPECT_EQ(view, "four");
}

TEST(String, throws_and_stays_as_it_was_when_there_is_no_room) {
  String<4> text = "abc";
  EXPECT_THROW(text = "abcde", std::length_error);
  EXPECT_THROW(text += "de", std::length_error);
  EXPECT_THROW(text.insert(0, "xy"), std::length_error);
  EXPECT_THROW(text.resize(5), std::length_error);
  EXPECT_EQ(text, "abc");
  text.push_back('d');
  EXPECT_THROW(text.push_back('e'), std::length_error);
  EXPECT_EQ(text, "abcd");
  try {
    text.assign("abcdefg");
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(), "baton::String: 7 elements do not fit a capacity of 4");
  }
}

TEST(String, try_members_return_false_and_leave_the_value) {
  String<4> text = "abc";
  static_assert(noexcept(text.try_assign("x"))&& noexcept(text.try_append("x"))&& noexcept(text.try_resize(1)));
  EXPECT_FALSE(text.try_assign("abcde"));
  EXPECT_FALSE(text.try_append("de"));
  EXPECT_FALSE(text.try_resize(5));
  EXPECT_FALSE(text.try_insert(1, "xy"));
  EXPECT_FALSE(text.try_insert(4, "x"));
  EXPECT_EQ(text, "abc");
  EXPECT_TRUE(text.try_push_back('d'));
  EXPECT_FALSE(text.try_push_back('e'));
  EXPECT_EQ(text, "abcd");
}

TEST(String, edits_like_a_std_string) {
  String<16> text = "hello";
  text.append(" ").append("you");
  text.insert(5, ",");
  EXPECT_EQ(text, "hello, you");
  text.erase(5, 1);
  EXPECT_EQ(text, "hello you");
  text.erase(5);
  text.pop_back();
  EXPECT_EQ(text, "hell");
  EXPECT_EQ(text.front(), 'h');
  EXPECT_EQ(text.back(), 'l');
  EXPECT_EQ(text.at(1), 'e');
  EXPECT_THROW((void)text.at(4), std::out_of_range);
  EXPECT_THROW(text.erase(5), std::out_of_range);
  text = text.substr(2);  // a part of itself
  EXPECT_EQ(text, "ll");
  text.resize(4, '-');
  EXPECT_EQ(text, "ll--");
  EXPECT_TRUE(text.starts_with("ll") && text.ends_with("--"));
  text.clear();
  text.pop_back();
  EXPECT_TRUE(text.empty());
}

TEST(String, reads_a_foreign_length_as_its_capacity_at_most) {
  String<4> text = "ab";
  write_length(text, 0xFFFF'FFFF);
  EXPECT_EQ(text.size(), 4U);
  EXPECT_EQ(text.view().size(), 4U);
  EXPECT_EQ(text.end() - text.begin(), 4);
  EXPECT_FALSE(text.try_push_back('x'));
  EXPECT_EQ(fmt::format("{}", text).size(), 4U);
}

TEST(String, of_zero_bytes_is_the_default) {
  const String<8> text;  // without padding at its end, whose bytes nobody promises
  const unsigned char zeros[sizeof text] = {};
  EXPECT_EQ(std::memcmp(&text, zeros, sizeof text), 0);
}

TEST(String, compares_hashes_and_prints_as_its_text) {
  EXPECT_LT(String<4>("a"), "b");
  EXPECT_GT("b", String<4>("a"));
  EXPECT_NE(String<4>("a"), String<5>("b"));
  EXPECT_EQ(std::hash<String<4>>()("a"), std::hash<std::string_view>()("a"));
  const std::unordered_set<String<4>> set{"a", "b", "a"};
  EXPECT_EQ(set.size(), 2U);
  std::ostringstream out;
  out << String<4>("out");
  EXPECT_EQ(out.str(), "out");
  EXPECT_EQ(fmt::format("[{:>5}]", String<4>("fmt")), "[  fmt]");
}

}  // namespace
