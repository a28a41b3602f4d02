#pragma once

#include <string_view>

#include "command_line.hpp"
#include "console.hpp"
#include "report.hpp"

namespace sysmon {

/// What every program's main() does: reads the command line, runs `body`, and says what went wrong, in one line. `body`
/// returns the errno of output that failed, or 0. Returns the exit code.
int run_program(const Program& program, int argc, const char* const* argv, int (*body)(const CommandLine& line));

/// Prints the report as the command line wants it: the table on the console, and with `--json` the rows on stdout.
/// Returns the errno of output that failed, or 0.
int print_report(const CommandLine& line, const std::vector<ReportRow>& rows, Console& console);

}  // namespace sysmon
