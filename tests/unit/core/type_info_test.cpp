#include "baton/type_info.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace {

using baton::first_difference;

constexpr std::string_view kImu =
    "baton-type 1\n"
    "struct geo::Pose fixed size 16 align 8\n"
    "  x double @0\n"
    "  y double @8\n"
    "enum sysmon::Level int32\n"
    "  ok = 0\n"
    "  warning = 1\n"
    "struct sensors::Imu fixed size 96 align 8\n"
    "  accel double[3] @0\n"
    "  poses sequence<geo::Pose, 4>[1] @24\n"
    "  level sysmon::Level @88\n";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kImu);
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string difference(std::string_view from, std::string_view to) {
  return first_difference(kImu, with(from, to), "X");
}

TEST(Fingerprint, is_printed_as_it_is_read) {
  constexpr auto kFingerprint = baton::fingerprint_from_hex("00112233445566778899aabbccddeeff");
  static_assert(kFingerprint.bytes[1] == 0x11 && kFingerprint.bytes[15] == 0xFF);
  EXPECT_EQ(to_string(kFingerprint), "00112233445566778899aabbccddeeff");
}

TEST(FirstDifference, of_equal_texts_is_empty) { EXPECT_EQ(first_difference(kImu, kImu, "X"), ""); }

TEST(FirstDifference, names_a_field_of_another_type) {
  EXPECT_EQ(first_difference(kImu, with("accel double[3]", "accel float[3]"), "imu_driver"),
            "field accel: double[3] here, float[3] in imu_driver");
  EXPECT_EQ(difference("sequence<geo::Pose, 4>", "sequence<geo::Pose, 5>"),
            "field poses: sequence<geo::Pose, 4>[1] here, sequence<geo::Pose, 5>[1] in X");
}

TEST(FirstDifference, names_a_field_that_one_side_lacks) {
  EXPECT_EQ(difference("  accel double[3] @0\n", ""), "field accel: double[3] here, absent in X");
  EXPECT_EQ(difference("  level", "  temp double @88\n  level"), "field temp: absent here, double in X");
  EXPECT_EQ(difference("  accel", "  acc"), "field accel: double[3] here, absent in X");
}

TEST(FirstDifference, looks_into_the_types_of_fields_first) {
  EXPECT_EQ(difference("  x double", "  x float"), "field poses.x (geo::Pose): double here, float in X");
  EXPECT_EQ(difference("  y double @8\n", ""), "field poses.y (geo::Pose): double here, absent in X");
  EXPECT_EQ(difference("  y double @8\n", "  y double @8\n  z double @16\n"),
            "field poses.z (geo::Pose): absent here, double in X");
}

TEST(FirstDifference, names_enumerators) {
  EXPECT_EQ(difference("warning = 1", "warning = 2"), "enumerator sysmon::Level.warning: 1 here, 2 in X");
  EXPECT_EQ(difference("  ok = 0\n", ""), "enumerator sysmon::Level.ok: 0 here, absent in X");
  EXPECT_EQ(difference("  ok = 0\n", "  ok = 0\n  bad = 3\n"), "enumerator sysmon::Level.bad: absent here, 3 in X");
  EXPECT_EQ(difference("Level int32", "Level int8"), "enum sysmon::Level: int32 here, int8 in X");
  EXPECT_EQ(difference("  ok = 0\n  warning = 1\n", "  warning = 1\n  ok = 0\n"),
            "enumerator sysmon::Level.ok: number 1 here, number 2 in X");
}

TEST(FirstDifference, names_the_type_when_it_is_another_one) {
  EXPECT_EQ(difference("sensors::Imu", "sensors::Imu2"), "type sensors::Imu here, sensors::Imu2 in X");
}

TEST(FirstDifference, names_the_order_and_the_place_of_fields) {
  EXPECT_EQ(difference("  x double @0\n  y double @8\n", "  y double @0\n  x double @8\n"),
            "field poses.x (geo::Pose): number 1 here, number 2 in X");
  EXPECT_EQ(difference("@88", "@92"), "field level: at byte 88 here, at byte 92 in X");
  EXPECT_EQ(difference("size 96 align 8", "size 128 align 8"),
            "type sensors::Imu: fixed size 96 align 8 here, fixed size 128 align 8 in X");
}

TEST(FirstDifference, says_something_about_any_other_text) {
  for (const std::string_view theirs :
       {"", "\n", "garbage", "baton-type 2\n", "struct", "struct \n", "enum x\n  a\n", "  \n  @\n"}) {
    EXPECT_NE(first_difference(kImu, theirs, "X"), "") << theirs;
    EXPECT_NE(first_difference(theirs, kImu, "X"), "") << theirs;
  }
  EXPECT_EQ(first_difference(kImu, "", "X"), "type description, line 1: \"baton-type 1\" here, nothing in X");
  const std::string cyclic = "struct A fixed\n  b B @0\n  x long @1\nstruct B fixed\n  a A @0\n";
  EXPECT_EQ(first_difference(cyclic, cyclic + " ", "X"), "type description, line 6: nothing here, \" \" in X");
}

TEST(FirstDifference, survives_damaged_texts_and_prints_no_control_characters) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string theirs(kImu);
    for (int k = 0; k < 3 && !theirs.empty(); ++k) {
      const std::size_t at = random() % theirs.size();
      switch (random() % 3) {
        case 0: theirs[at] = static_cast<char>(random() % 256); break;
        case 1: theirs.erase(at, random() % 20); break;
        default: theirs.insert(at, theirs.substr(random() % theirs.size(), random() % 40)); break;
      }
    }
    const std::string difference = first_difference(kImu, theirs, "X");
    EXPECT_EQ(difference.empty(), theirs == kImu);
    EXPECT_EQ(difference.find_first_of(std::string_view("\0\n\t\x1b", 4)), std::string::npos);
  }
}

}  // namespace
