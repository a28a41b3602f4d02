#include "program.hpp"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <system_error>

#include <fmt/format.h>

namespace sysmon {

int run_program(const Program& program, int argc, const char* const* argv, int (*body)(const CommandLine& line)) {
  const CommandLine line = parse_command_line(program, argc, argv);
  try {
    const int output_error = body(line);
    if (output_error == 0) return EXIT_SUCCESS;
    fmt::print(stderr, "{}: cannot write to standard output: {}\n", program.name,
               std::generic_category().message(output_error));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program.name, error.what());
  }
  return EXIT_FAILURE;
}

int print_report(const CommandLine& line, const std::vector<ReportRow>& rows, Console& console) {
  if (line.table) console.finish(fmt::format("\n{}", report_table(rows)));
  if (!line.json) return console.error();
  Stop nobody_waits;
  Console json(STDOUT_FILENO, nobody_waits);
  json.finish(report_json(rows));
  return json.error();
}

}  // namespace sysmon
