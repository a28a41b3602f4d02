#include "size.hpp"

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(Size, reads_a_number_and_each_unit_with_and_without_a_space) {
  EXPECT_EQ(parse_size("512 B").value(), 512U);
  EXPECT_EQ(parse_size("4KiB").value(), 4'096U);
  EXPECT_EQ(parse_size("64 MiB").value(), std::uint64_t{64} << 20);
  EXPECT_EQ(parse_size("3  GiB").value(), std::uint64_t{3} << 30);
  EXPECT_EQ(parse_size("1 TiB").value(), std::uint64_t{1} << 40);
  EXPECT_EQ(parse_size("0 B").value(), 0U);
}

TEST(Size, reads_a_fraction) {
  EXPECT_EQ(parse_size("1.5 GiB").value(), std::uint64_t{3} << 29);
  EXPECT_EQ(parse_size("0.5 KiB").value(), 512U);
  EXPECT_EQ(parse_size("0.9999999 B").value(), 0U);
}

TEST(Size, says_what_is_wrong_with_a_text) {
  EXPECT_EQ(parse_size("").error(), "is not a number with a unit; write for example '64 MiB'");
  EXPECT_EQ(parse_size("much").error(), "is not a number with a unit; write for example '64 MiB'");
  EXPECT_EQ(parse_size("-1 B").error(), "is not a number with a unit; write for example '64 MiB'");
  EXPECT_EQ(parse_size("64").error(), "has no unit; write for example '64 MiB'");
  EXPECT_EQ(parse_size("1. GiB").error(), "has no digit after the point; write for example '1.5 GiB'");
  EXPECT_EQ(parse_size("64 MB").error(), "has an unknown unit; known are B, KiB, MiB, GiB, TiB");
  EXPECT_EQ(parse_size("99999999999999999999 B").error(), "is too large to be represented");
  EXPECT_EQ(parse_size("16777216 TiB").error(), "is too large to be represented");
}

TEST(Size, is_written_in_the_largest_unit_that_gives_a_whole_number) {
  EXPECT_EQ(size_text(std::uint64_t{64} << 20), "64 MiB");
  EXPECT_EQ(size_text(1'025), "1025 B");
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(~std::uint64_t{0}), "18446744073709551615 B");
}

}  // namespace
}  // namespace baton
