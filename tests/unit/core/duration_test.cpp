#include "duration.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace baton {
namespace {

using namespace std::chrono_literals;

TEST(Duration, reads_a_number_and_each_unit_with_and_without_a_space) {
  EXPECT_EQ(parse_duration("100 ms").value(), 100ms);
  EXPECT_EQ(parse_duration("2s").value(), 2s);
  EXPECT_EQ(parse_duration("50us").value(), 50us);
  EXPECT_EQ(parse_duration("1 min").value(), 1min);
  EXPECT_EQ(parse_duration("3 h").value(), 3h);
  EXPECT_EQ(parse_duration("7  ns").value(), 7ns);
  EXPECT_EQ(parse_duration("0 ms").value(), 0ns);
}

TEST(Duration, reads_a_fraction_exactly_down_to_the_nanosecond) {
  EXPECT_EQ(parse_duration("1.5 s").value(), 1500ms);
  EXPECT_EQ(parse_duration("0.25 h").value(), 15min);
  EXPECT_EQ(parse_duration("1.123456789 s").value(), 1'123'456'789ns);
  EXPECT_EQ(parse_duration("0.5 us").value(), 500ns);
  EXPECT_EQ(parse_duration("0.9999999999999 ns").value(), 0ns);
}

TEST(Duration, says_what_is_wrong_with_a_text) {
  EXPECT_EQ(parse_duration("100").error(), "has no unit; write for example '100 ms'");
  EXPECT_EQ(parse_duration("").error(), "is not a number with a unit; write for example '100 ms'");
  EXPECT_EQ(parse_duration("-1 ms").error(), "is not a number with a unit; write for example '100 ms'");
  EXPECT_EQ(parse_duration("soon").error(), "is not a number with a unit; write for example '100 ms'");
  EXPECT_EQ(parse_duration("1. s").error(), "has no digit after the point; write for example '1.5 s'");
  EXPECT_EQ(parse_duration("1 fortnight").error(), "has an unknown unit; known are ns, us, ms, s, min, h");
  EXPECT_EQ(parse_duration("1 ms ").error(), "has an unknown unit; known are ns, us, ms, s, min, h");
  EXPECT_EQ(parse_duration("99999999999999999999 ns").error(), "is too long to be represented");
  EXPECT_EQ(parse_duration("9999999 h").error(), "is too long to be represented");
}

TEST(Duration, prints_the_largest_unit_that_gives_a_whole_number) {
  EXPECT_EQ(to_text(100ms), "100 ms");
  EXPECT_EQ(to_text(1h), "1 h");
  EXPECT_EQ(to_text(90s), "90 s");
  EXPECT_EQ(to_text(1us + 1ns), "1001 ns");
  EXPECT_EQ(to_text(0ns), "0 ms");
}

}  // namespace
}  // namespace baton
