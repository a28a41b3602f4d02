// Joins the reports of several runs of the monitor, which their programs wrote with --json, into one, and fails if one
// of its rows does not add up.
#include <unistd.h>

#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "console.hpp"
#include "report.hpp"
#include "run.hpp"

namespace {

constexpr std::string_view kUsage =
    "Usage: sysmon_report [--json] PROGRAMS=FILE...\n"
    "Joins the rows that programs of the monitor printed with --json to a FILE into one table. PROGRAMS is what its\n"
    "first column says of those of the FILE; with --json it becomes a key. Fails if a message is not accounted for.\n";

struct CommandLine {
  bool help = false;
  bool json = false;
  std::vector<std::pair<std::string, std::string>> files;  // with their programs
  std::string wrong;
};

CommandLine parse(int argc, const char* const* argv) {
  CommandLine line;
  for (int index = 1; index < argc; ++index) {
    const std::string_view argument = argv[index];
    const std::size_t equals = argument.find('=');
    if (argument == "--help" || argument == "-h") {
      line.help = true;
    } else if (argument == "--json") {
      line.json = true;
    } else if (argument.starts_with('-') || equals == std::string_view::npos || equals == 0) {
      line.wrong = fmt::format("'{}' is not PROGRAMS=FILE", argument);
    } else {
      line.files.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
    }
  }
  if (line.wrong.empty() && line.files.empty()) line.wrong = "no FILE is given";
  return line;
}

std::vector<sysmon::ReportRow> read_rows(const std::string& path) {
  try {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("it cannot be opened");
    auto rows = sysmon::parse_report({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    if (rows.empty()) throw std::runtime_error("it has no row");
    return rows;
  } catch (const std::exception& error) {
    throw std::runtime_error(fmt::format("{}: {}", path, error.what()));
  }
}

/// Says of each row that is wrong what is wrong. Returns whether there is none.
bool check(const std::vector<sysmon::ReportRow>& rows) {
  bool good = true;
  for (const sysmon::ReportRow& row : rows) {
    if (row.adds_up() && row.published > 0) continue;
    good = false;
    fmt::print(stderr, "sysmon_report: {}, {}, {}, {}: {}\n", row.programs, row.transport, row.topic, row.reader,
               row.adds_up() ? "no message was published" : "published is not taken + dropped");
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const CommandLine line = parse(argc, argv);
  if (line.help) {
    fmt::print("{}", kUsage);
    return 0;
  }
  if (!line.wrong.empty()) {
    fmt::print(stderr, "sysmon_report: {}; see --help\n", line.wrong);
    return 2;
  }
  try {
    std::vector<sysmon::ReportRow> rows;
    for (const auto& [programs, path] : line.files) {
      for (sysmon::ReportRow& row : read_rows(path)) {
        row.programs = programs;
        rows.push_back(std::move(row));
      }
    }
    sysmon::Stop nobody_waits;
    sysmon::Console console(STDOUT_FILENO, nobody_waits);
    console.finish(line.json ? sysmon::report_json(rows) : sysmon::report_table(rows));
    if (console.error() != 0) throw std::runtime_error("cannot write to standard output");
    return check(rows) ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "sysmon_report: {}\n", error.what());
    return 1;
  }
}
