#include "report.hpp"

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

}  // namespace
}  // namespace sysmon
