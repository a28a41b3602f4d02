#include "view_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysmon {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

class ViewTextTest : public testing::Test {
 protected:
  ViewTextTest() {
    cpu_.source = Source::READ;
    cpu_.load[0] = 0.5;
    memory_.source = Source::READ;
    memory_.total_bytes = 4ull << 30;
    memory_.available_bytes = 3ull << 30;
    io_.interfaces_source = Source::READ;
    io_.disks_source = Source::READ;
    picture_.cpu = &cpu_;
    picture_.memory = &memory_;
    picture_.io = &io_;
    picture_.share.busy = 44;
    picture_.cores = {{10}, {78}};
    picture_.interfaces = {{"lo", 1'000, 1'000}, {"eth0", 2'048, 512}};
    picture_.disks = {{"sda", DiskKind::PHYSICAL, 1'024, 0, 12},
                      {"sda1", DiskKind::PARTITION, 1'024, 0, 12},
                      {"loop0", DiskKind::VIRTUAL, 1'024, 0, 0}};
  }

  Cpu cpu_{};
  Memory memory_{};
  Io io_{};
  Picture picture_;
};

TEST_F(ViewTextTest, says_everything_in_one_line) {
  EXPECT_EQ(
      view_line(picture_),
      "load 0.50  cpu 44.0 %  memory 25.0 %  network 2.0 KiB/s in, 512 B/s out  disk 1.0 KiB/s read, 0 B/s written");
}

TEST_F(ViewTextTest, counts_each_byte_once) {
  const Traffic sum = traffic(picture_);
  EXPECT_DOUBLE_EQ(sum.received, 2'048);
  EXPECT_DOUBLE_EQ(sum.sent, 512);
  EXPECT_DOUBLE_EQ(sum.read, 1'024);
}

TEST_F(ViewTextTest, shows_cores_interfaces_and_disks_in_a_table) {
  const auto table = view_table(picture_, false);
  EXPECT_THAT(table, Contains(AllOf(HasSubstr("cores"), HasSubstr("10.0"), HasSubstr("78.0"))));
  EXPECT_THAT(table, Contains(AllOf(HasSubstr("eth0"), HasSubstr("2.0 KiB/s"))));
  EXPECT_THAT(table, Contains(AllOf(HasSubstr("sda"), HasSubstr("12.0 %"))));
  EXPECT_THAT(table, Not(Contains(HasSubstr("sda1"))));
}

TEST_F(ViewTextTest, uses_escape_sequences_only_for_color) {
  EXPECT_THAT(view_table(picture_, false), Each(Not(HasSubstr("\x1b"))));
  EXPECT_THAT(view_table(picture_, true), Contains(HasSubstr("\x1b[")));
}

TEST_F(ViewTextTest, says_what_cannot_be_read_and_what_was_left_out) {
  cpu_.source = Source::MALFORMED;
  io_.disks_source = Source::MISSING;
  io_.interfaces_left_out = 7;
  picture_.disks.clear();
  const auto table = view_table(picture_, false);
  EXPECT_THAT(table, Contains("cpu      not understood"));
  EXPECT_THAT(table, Contains("  not to be had here"));
  EXPECT_THAT(table, Contains(HasSubstr("and 7 more")));
  EXPECT_EQ(view_line(picture_), "memory 25.0 %  network 2.0 KiB/s in, 512 B/s out");
}

TEST_F(ViewTextTest, says_in_its_line_that_nothing_can_be_read) {
  cpu_.source = Source::MISSING;
  memory_.source = Source::MALFORMED;
  io_.interfaces_source = Source::MISSING;
  io_.disks_source = Source::MISSING;
  EXPECT_EQ(view_line(picture_), "nothing can be read here: no load, cpu, memory, network or disk");
}

TEST_F(ViewTextTest, has_no_table_of_nothing) { EXPECT_TRUE(view_table(Picture(), true).empty()); }

}  // namespace
}  // namespace sysmon
