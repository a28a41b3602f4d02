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
  std::uint64_t published = 0;  ///< while the reader was connected
  std::uint64_t taken = 0;
  std::uint64_t dropped = 0;
  std::optional<std::uint64_t> p50_ns;  ///< from publish to take; nothing if nothing was taken
  std::optional<std::uint64_t> p99_ns;
  std::string programs = {};  ///< of which run it is, where there are several; else empty

  /// Whether every message is accounted for.
  bool adds_up() const noexcept { return published == taken + dropped; }
};

/// A table for people. It has a column for the programs if a row names them.
std::string report_table(const std::vector<ReportRow>& rows);

/// One JSON object a line, with the names of the row's members as its keys; without the programs if they are empty.
std::string report_json(const std::vector<ReportRow>& rows);

/// Reads what `report_json` wrote. Throws std::runtime_error, which names the line, if it is something else.
std::vector<ReportRow> parse_report(const std::string& text);

}  // namespace sysmon
