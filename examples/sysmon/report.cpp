#include "report.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "units.hpp"

namespace sysmon {
namespace {

using Json = nlohmann::ordered_json;

std::string duration_or_dash(const std::optional<std::uint64_t>& duration_ns) {
  return duration_ns ? human_duration(*duration_ns) : "-";
}

Json number_or_null(const std::optional<std::uint64_t>& number) { return number ? Json(*number) : Json(); }

std::optional<std::uint64_t> optional_number(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<std::uint64_t>());
}

ReportRow parse_row(const Json& object) {
  ReportRow row;
  object.at("transport").get_to(row.transport);
  object.at("topic").get_to(row.topic);
  object.at("reader").get_to(row.reader);
  object.at("published").get_to(row.published);
  object.at("taken").get_to(row.taken);
  object.at("dropped").get_to(row.dropped);
  row.p50_ns = optional_number(object.at("p50_ns"));
  row.p99_ns = optional_number(object.at("p99_ns"));
  row.programs = object.value("programs", "");
  return row;
}

/// How wide a column of text has to be.
std::size_t column_width(const std::vector<ReportRow>& rows, std::string ReportRow::*member, std::string_view heading) {
  std::size_t width = heading.size();
  for (const ReportRow& row : rows) width = std::max(width, (row.*member).size());
  return width;
}

}  // namespace

std::string report_table(const std::vector<ReportRow>& rows) {
  const bool several_runs =
      std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.programs.empty(); });
  const std::size_t programs_width = column_width(rows, &ReportRow::programs, "programs");
  const std::size_t transport_width = column_width(rows, &ReportRow::transport, "transport");
  const std::size_t topic_width = column_width(rows, &ReportRow::topic, "topic");
  std::string table;
  const auto add_line = [&](std::string_view programs, const auto&... cells) {
    if (several_runs) fmt::format_to(std::back_inserter(table), "{:<{}}  ", programs, programs_width);
    fmt::format_to(std::back_inserter(table), "{:<{}}  {:<{}}  {:<6}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}\n", cells...);
  };
  add_line("programs", "transport", transport_width, "topic", topic_width, "reader", "published", "taken", "dropped",
           "P50", "P99");
  for (const ReportRow& row : rows) {
    add_line(row.programs, row.transport, transport_width, row.topic, topic_width, row.reader, row.published, row.taken,
             row.dropped, duration_or_dash(row.p50_ns), duration_or_dash(row.p99_ns));
  }
  return table;
}

std::string report_json(const std::vector<ReportRow>& rows) {
  std::string lines;
  for (const ReportRow& row : rows) {
    Json object = {
        {"transport", row.transport},
        {"topic", row.topic},
        {"reader", row.reader},
        {"published", row.published},
        {"taken", row.taken},
        {"dropped", row.dropped},
        {"p50_ns", number_or_null(row.p50_ns)},
        {"p99_ns", number_or_null(row.p99_ns)},
    };
    if (!row.programs.empty()) object["programs"] = row.programs;
    lines += object.dump() + '\n';
  }
  return lines;
}

std::vector<ReportRow> parse_report(const std::string& text) {
  std::vector<ReportRow> rows;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    try {
      rows.push_back(parse_row(Json::parse(line)));
    } catch (const Json::exception& error) {
      throw std::runtime_error(fmt::format("line {} is no row of a report: {}", rows.size() + 1, error.what()));
    }
  }
  return rows;
}

}  // namespace sysmon
