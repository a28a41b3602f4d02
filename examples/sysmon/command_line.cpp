#include "command_line.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace sysmon {
namespace {

/// Accepts the numbers from `lowest` to `highest`, of the type of the value, and says so where it gets something else.
template <class Number>
CLI::Validator number(Number lowest, Number highest) {
  const auto check = [lowest, highest](const std::string& text) -> std::string {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (is_number && value >= lowest && value <= highest) return {};
    const std::string_view kind = std::is_integral_v<Number> ? "whole number" : "number";
    return fmt::format("'{}' is not a {} from {} to {}", text, kind, lowest, highest);
  };
  return CLI::Validator(check, "");
}

template <class Number>
void add_number(CLI::App& app, std::string name, Number& value, Number lowest, Number highest, std::string text) {
  app.add_option(std::move(name), value, std::move(text))
      ->type_name(fmt::format("{}..{}", lowest, highest))
      ->check(number(lowest, highest));
}

/// Says in plain words what is wrong with the command line.
std::string describe(const CLI::App& app, const CLI::ParseError& error) {
  const std::string_view text = error.what();
  if (const auto unknown = app.remaining(); !unknown.empty()) return fmt::format("unknown argument '{}'", unknown[0]);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string_view option = text.substr(0, text.find(':'));
    return fmt::format("{} {}", option, text.ends_with("missing") ? "needs a value" : "may be given only once");
  }
  return std::string(text);
}

void add_options(CLI::App& app, Probe::Settings& probe) {
  add_number(app, "--rate", probe.rate_hz, 0.1, 1'000.0, "readings a second; default: 50");
  app.add_option("--proc", probe.proc, "where to read; default: /proc")
      ->type_name("DIRECTORY")
      ->check(CLI::ExistingDirectory);
}

void add_options(CLI::App& app, Alarm::Settings& alarm, double& network_mib) {
  add_number(app, "--alarm-cpu", alarm.cpu_percent, 1.0, 100.0, "percent of the time busy; default: 90");
  add_number(app, "--alarm-memory", alarm.memory_percent, 1.0, 100.0, "percent in use; default: 90");
  add_number(app, "--alarm-disk", alarm.disk_percent, 1.0, 100.0, "percent of the time busy, each disk; default: 90");
  add_number(app, "--alarm-network", network_mib, 0.001, 1e6, "MiB/s, each interface and direction; default: 100");
  add_number(app, "--alarm-clear", alarm.clear_percent, 1.0, 100.0,
             "percent of its threshold below which one clears; default: 90");
}

}  // namespace

baton::Options CommandLine::node_options() const {
  baton::Options options;
  if (!config.empty()) options.config = config;
  return options;
}

CommandLine parse_command_line(const Program& program, int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app(program.about);
  app.name(program.name);
  double seconds = 0;
  bool no_table = false;
  double network_mib = line.alarm.network_bytes_per_second / (1 << 20);

  add_number(app, "--seconds", seconds, 0.1, 999'999.0, "how long to run; default: until Ctrl-C");
  if (program.probe) add_options(app, line.probe);
  if (program.probe && !program.reads()) {
    add_number<std::size_t>(app, "--readers", line.readers, 0, 1'000,
                            "begin when so many are connected, within 30 s; default: 0");
  }
  if (program.reads()) {
    app.add_flag("--json", line.json, "at the end, one JSON object a line on stdout, and all else on stderr");
    app.add_flag("--no-table", no_table, "no table at the end");
  }
  app.add_option("--config", line.config, "a configuration file of baton")->type_name("FILE");
  if (program.alarm) add_options(app, line.alarm, network_mib);
  try {
    app.parse(argc, argv);
    if (app.count("--config") > 0 && line.config.empty()) throw CLI::ValidationError("--config", "the path is empty");
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    std::exit(std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}; see --help\n", program.name, describe(app, error));
    std::exit(2);
  }
  if (app.count("--seconds") > 0) line.seconds = seconds;
  line.table = !no_table;
  line.alarm.network_bytes_per_second = network_mib * (1 << 20);
  return line;
}

}  // namespace sysmon
