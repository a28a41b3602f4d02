#include "command_line.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace sysmon {
namespace {

/// Accepts the numbers from `lowest` to `highest`, and says so where it gets something else.
CLI::Validator number(double lowest, double highest) {
  const auto check = [lowest, highest](const std::string& text) -> std::string {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (is_number && value >= lowest && value <= highest) return {};
    return fmt::format("'{}' is not a number from {} to {}", text, lowest, highest);
  };
  return CLI::Validator(check, "");
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

}  // namespace

baton::Options CommandLine::node_options() const {
  baton::Options options;
  if (!config.empty()) options.config = config;
  return options;
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  double network_mib = line.alarm.network_bytes_per_second / (1 << 20);
  CLI::App app(
      "Watches this machine: a probe publishes load, memory, network and disks; a view shows them; an alarm\n"
      "tells when a threshold is crossed. At the end it says how the messages fared.");
  app.name("sysmon_all");
  const auto add = [&app](std::string name, auto& value, double lowest, double highest, std::string text) {
    return app.add_option(std::move(name), value, std::move(text))
        ->type_name(fmt::format("{}..{}", lowest, highest))
        ->check(number(lowest, highest));
  };
  add("--seconds", line.seconds, 0.1, 999'999, "how long to run; default: until Ctrl-C");
  add("--rate", line.probe.rate_hz, 0.1, 1'000, "readings a second; default: 50");
  app.add_flag("--json", line.json, "at the end, one JSON object a line on stdout, and all else on stderr");
  app.add_option("--config", line.config, "a configuration file of baton")->type_name("FILE");
  app.add_option("--proc", line.probe.proc, "where to read; default: /proc")
      ->type_name("DIRECTORY")
      ->check(CLI::ExistingDirectory);
  add("--alarm-cpu", line.alarm.cpu_percent, 1, 100, "percent of the time busy; default: 90");
  add("--alarm-memory", line.alarm.memory_percent, 1, 100, "percent in use; default: 90");
  add("--alarm-disk", line.alarm.disk_percent, 1, 100, "percent of the time busy, each disk; default: 90");
  add("--alarm-network", network_mib, 0.001, 1e6, "MiB/s, each interface and direction; default: 100");
  add("--alarm-clear", line.alarm.clear_percent, 1, 100,
      "percent of its threshold below which one clears; default: 90");
  try {
    app.parse(argc, argv);
    if (app.count("--config") > 0 && line.config.empty()) throw CLI::ValidationError("--config", "the path is empty");
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    std::exit(std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "sysmon_all: {}; see --help\n", describe(app, error));
    std::exit(2);
  }
  line.alarm.network_bytes_per_second = network_mib * (1 << 20);
  return line;
}

}  // namespace sysmon
