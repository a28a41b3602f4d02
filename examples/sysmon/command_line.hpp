#pragma once

#include <optional>
#include <string>

#include <baton/baton.hpp>

#include "alarm.hpp"
#include "probe.hpp"

namespace sysmon {

/// What the user asked for.
struct CommandLine {
  std::optional<double> seconds;  ///< until a signal, if nothing
  bool json = false;
  std::string config;  ///< a path; empty: baton's own choice
  Probe::Settings probe;
  Alarm::Settings alarm;

  /// For opening the nodes.
  baton::Options node_options() const;
};

/// Reads the command line. Ends the process after `--help` (exit code 0) and after something that is wrong, with one
/// line that says what (exit code 2).
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace sysmon
