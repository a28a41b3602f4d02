#pragma once

/// What the monitor says of its own messages when it ends.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sysmon {

/// One topic as one reader got it.
struct ReportRow {
  std::string transport;
  std::string topic;
  std::string reader;
  std::uint64_t published = 0;  ///< since the reader was connected
  std::uint64_t taken = 0;
  std::uint64_t dropped = 0;
  std::optional<std::uint64_t> p50_ns;  ///< from publish to take; nothing if nothing was taken
  std::optional<std::uint64_t> p99_ns;
};

/// A table for people.
std::string report_table(const std::vector<ReportRow>& rows);

/// One JSON object a line, with the names of the row's members as its keys.
std::string report_json(const std::vector<ReportRow>& rows);

}  // namespace sysmon
