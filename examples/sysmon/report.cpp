#include "report.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "units.hpp"

namespace sysmon {
namespace {

std::string duration_or_dash(const std::optional<std::uint64_t>& duration_ns) {
  return duration_ns ? human_duration(*duration_ns) : "-";
}

nlohmann::ordered_json number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

}  // namespace

std::string report_table(const std::vector<ReportRow>& rows) {
  std::size_t transport_width = 9;
  std::size_t topic_width = 5;
  for (const ReportRow& row : rows) {
    transport_width = std::max(transport_width, row.transport.size());
    topic_width = std::max(topic_width, row.topic.size());
  }
  std::string table;
  const auto add_line = [&](const auto&... cells) {
    fmt::format_to(std::back_inserter(table), "{:<{}}  {:<{}}  {:<6}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}\n", cells...);
  };
  add_line("transport", transport_width, "topic", topic_width, "reader", "published", "taken", "dropped", "P50", "P99");
  for (const ReportRow& row : rows) {
    add_line(row.transport, transport_width, row.topic, topic_width, row.reader, row.published, row.taken, row.dropped,
             duration_or_dash(row.p50_ns), duration_or_dash(row.p99_ns));
  }
  return table;
}

std::string report_json(const std::vector<ReportRow>& rows) {
  std::string lines;
  for (const ReportRow& row : rows) {
    const nlohmann::ordered_json object = {
        {"transport", row.transport},
        {"topic", row.topic},
        {"reader", row.reader},
        {"published", row.published},
        {"taken", row.taken},
        {"dropped", row.dropped},
        {"p50_ns", number_or_null(row.p50_ns)},
        {"p99_ns", number_or_null(row.p99_ns)},
    };
    lines += object.dump() + '\n';
  }
  return lines;
}

}  // namespace sysmon
