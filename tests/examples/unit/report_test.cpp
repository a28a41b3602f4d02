#include "report.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace sysmon {
namespace {

TEST(Report, has_one_json_object_a_line) {
  EXPECT_EQ(report_json({{"inproc", "sysmon/cpu", "view", 150, 149, 1, 41'234, 88'000},
                         {"inproc", "sysmon/io", "alarm", 0, 0, 0, {}, {}}}),
            R"({"transport":"inproc","topic":"sysmon/cpu","reader":"view","published":150,"taken":149,"dropped":1,)"
            R"("p50_ns":41234,"p99_ns":88000})"
            "\n"
            R"({"transport":"inproc","topic":"sysmon/io","reader":"alarm","published":0,"taken":0,"dropped":0,)"
            R"("p50_ns":null,"p99_ns":null})"
            "\n");
}

TEST(Report, is_a_table_with_aligned_columns) {
  EXPECT_EQ(report_table({{"inproc", "sysmon/memory", "view", 150, 149, 1, 41'234, 1'234'567},
                          {"inproc", "sysmon/io", "alarm", 0, 0, 0, {}, {}}}),
            "transport  topic          reader  published      taken    dropped       P50       P99\n"
            "inproc     sysmon/memory  view          150        149          1   41.2 µs    1.2 ms\n"
            "inproc     sysmon/io      alarm           0          0          0         -         -\n");
}

TEST(Report, names_the_programs_where_there_are_several_runs) {
  const std::vector<ReportRow> rows = {{"shm", "sysmon/io", "view", 2, 2, 0, 900, 950, "3 processes"},
                                       {"inproc", "sysmon/io", "view", 2, 2, 0, 900, 950, "1 process"}};
  EXPECT_EQ(report_table(rows),
            "programs     transport  topic      reader  published      taken    dropped       P50       P99\n"
            "3 processes  shm        sysmon/io  view            2          2          0    900 ns    950 ns\n"
            "1 process    inproc     sysmon/io  view            2          2          0    900 ns    950 ns\n");
  EXPECT_EQ(report_json({rows[0]}),
            R"({"transport":"shm","topic":"sysmon/io","reader":"view","published":2,"taken":2,"dropped":0,)"
            R"("p50_ns":900,"p99_ns":950,"programs":"3 processes"})"
            "\n");
}

TEST(Report, can_be_read_again) {
  const std::string text = report_json({{"shm", "sysmon/cpu", "view", 150, 149, 1, 41'234, 88'000, "3 processes"},
                                        {"inproc", "sysmon/io", "alarm", 0, 0, 0, {}, {}}});
  EXPECT_EQ(report_json(parse_report(text)), text);
  EXPECT_EQ(parse_report("").size(), 0U);
}

TEST(Report, says_which_line_is_no_row) {
  const std::string row = report_json({{"shm", "sysmon/cpu", "view", 1, 1, 0, {}, {}}});
  for (const std::string wrong : {"", "nonsense", "{}", "[]", "5", R"({"transport":5})"}) {
    try {
      parse_report(row + wrong + '\n');
      ADD_FAILURE() << wrong;
    } catch (const std::runtime_error& error) {
      EXPECT_TRUE(std::string_view(error.what()).starts_with("line 2 is no row of a report: ")) << error.what();
    }
  }
}

TEST(Report, adds_up_if_every_message_was_taken_or_dropped) {
  EXPECT_TRUE((ReportRow{"shm", "sysmon/cpu", "view", 5, 3, 2, {}, {}}.adds_up()));
  EXPECT_FALSE((ReportRow{"shm", "sysmon/cpu", "view", 5, 3, 1, {}, {}}.adds_up()));
}

}  // namespace
}  // namespace sysmon
