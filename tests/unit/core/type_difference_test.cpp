// Which types are taken for one another: the pairs of tests/codegen/evolution, which batongen judges too.

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "baton/type_info.hpp"

namespace {

using baton::compatible;
using baton::first_difference;

struct Pair {
  std::string name;
  std::string verdict;  // what the older side says, or empty
  std::string old_text;
  std::string new_text;
};

std::vector<Pair> pairs() {
  std::ifstream file(BATON_SOURCE_DIR "/tests/codegen/evolution/texts.txt");
  std::vector<Pair> found;
  std::string* text = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== ")) {
      Pair& pair = found.emplace_back();
      pair.name = line.substr(3);
      std::getline(file, pair.verdict);
      text = &pair.old_text;
    } else if (line == "--") {
      text = &found.back().new_text;
    } else {
      *text += line + "\n";
    }
  }
  return found;
}

TEST(TypeDifference, of_versions_of_a_file_is_what_batongen_says_in_both_directions) {
  ASSERT_GT(pairs().size(), 15U);
  for (const Pair& pair : pairs()) {
    EXPECT_EQ(compatible(pair.old_text, pair.new_text), pair.verdict.empty()) << pair.name;
    EXPECT_EQ(compatible(pair.new_text, pair.old_text), pair.verdict.empty()) << pair.name;
    if (pair.verdict.empty()) continue;
    EXPECT_EQ(first_difference(pair.old_text, pair.new_text, "new"), pair.verdict) << pair.name;
    EXPECT_NE(first_difference(pair.new_text, pair.old_text, "old"), "") << pair.name;
  }
}

constexpr std::string_view kPlan =
    "baton-type 1\n"
    "struct m::Point fixed size 8 align 8\n"
    "  x double @0\n"
    "table m::Plan appendable\n"
    "  title string #0 key\n"
    "  where m::Point #1\n";

TEST(TypeDifference, of_tables_needs_texts_that_can_be_read) {
  EXPECT_TRUE(compatible(kPlan, kPlan));
  for (const std::string_view other :
       {"", "baton-type 1\n", "table m::Plan appendable\n  title string #0 key\n  where m::Point #1\n", "table\n",
        "table m::Plan appendable\n  title\n"}) {
    EXPECT_FALSE(compatible(kPlan, other)) << other;
    EXPECT_FALSE(compatible(other, kPlan)) << other;
  }
  EXPECT_EQ(first_difference(kPlan, "table m::Plan appendable\n  title string #0 key\n  where m::Point #1\n", "X"),
            "type m::Point: struct here, unknown in X");
}

TEST(TypeDifference, of_fixed_types_is_any) {
  const std::string fixed = "baton-type 1\nstruct m::Point fixed size 8 align 8\n  x double @0\n";
  EXPECT_FALSE(compatible(fixed, fixed + "  y double @8\n"));
}

TEST(TypeDifference, is_found_in_texts_of_which_any_part_is_missing) {
  for (std::size_t at = 0; at < kPlan.size(); ++at) {
    for (std::size_t count = 1; count < 20; ++count) {
      std::string other(kPlan);
      other.erase(at, count);
      EXPECT_NE(first_difference(kPlan, other, "X"), "");
      static_cast<void>(compatible(other, kPlan));
    }
  }
}

}  // namespace
