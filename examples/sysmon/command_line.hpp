#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <baton/baton.hpp>

#include "alarm.hpp"
#include "probe.hpp"

namespace sysmon {

/// A program, and which parts of the monitor it has: they decide about its options.
struct Program {
  const char* name;
  const char* about;  ///< for `--help`
  bool probe = false;
  bool view = false;
  bool alarm = false;

  /// Whether it takes messages, and therefore has something to report.
  bool reads() const noexcept { return view || alarm; }
};

/// What the user asked for. What the program has no option for keeps its default.
struct CommandLine {
  std::optional<double> seconds;  ///< until a signal, if nothing
  std::string config;             ///< a path; empty: baton's own choice
  bool json = false;
  bool table = true;        ///< whether the report is printed as a table, too
  std::size_t readers = 0;  ///< for how many the probe waits before it begins
  Probe::Settings probe;
  Alarm::Settings alarm;

  /// For opening the nodes.
  baton::Options node_options() const;
};

/// Reads the command line. Ends the process after `--help` (exit code 0) and after something that is wrong, with one
/// line that says what (exit code 2).
CommandLine parse_command_line(const Program& program, int argc, const char* const* argv);

}  // namespace sysmon
