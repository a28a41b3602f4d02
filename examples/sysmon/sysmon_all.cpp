// The whole system monitor in one process: probe, view and alarm, each with a node and a thread of its own.
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <system_error>

#include <fmt/format.h>

#include <baton/baton.hpp>

#include "alarm.hpp"
#include "command_line.hpp"
#include "console.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "run.hpp"
#include "view.hpp"

namespace {

int run(const sysmon::CommandLine& line) {
  sysmon::Signals signals;  // before the first thread
  sysmon::Stop end;
  sysmon::Console console(line.json ? STDERR_FILENO : STDOUT_FILENO, end);

  auto view_node = baton::Node::open("sysmon_view", line.node_options()).value();
  auto alarm_node = baton::Node::open("sysmon_alarm", line.node_options()).value();
  auto probe_node = baton::Node::open("sysmon_probe", line.node_options()).value();
  auto view = sysmon::View::open(view_node, console).value();
  auto alarm = sysmon::Alarm::open(alarm_node, line.alarm, console).value();
  auto probe = sysmon::Probe::open(probe_node, line.probe).value();
  {
    sysmon::Running view_running(view);
    sysmon::Running alarm_running(alarm);
    sysmon::Running probe_running(probe);
    sysmon::wait_for_end(signals, end, line.seconds);
    probe_running.end();  // first, so that the readers can take every message before they end
  }

  auto rows = view.report();
  for (auto& row : alarm.report()) rows.push_back(std::move(row));
  console.finish(fmt::format("\n{}", sysmon::report_table(rows)));
  const auto [skipped_ticks, unpublished] = probe.counters();
  if (skipped_ticks > 0) console.finish(fmt::format("{} readings skipped after a stall\n", skipped_ticks));
  if (unpublished > 0) console.finish(fmt::format("{} messages could not be published\n", unpublished));

  if (!line.json) return console.error();
  sysmon::Console json(STDOUT_FILENO, end);
  json.finish(sysmon::report_json(rows));
  return json.error();
}

}  // namespace

int main(int argc, char** argv) {
  const sysmon::CommandLine line = sysmon::parse_command_line(argc, argv);
  try {
    const int output_error = run(line);
    if (output_error == 0) return EXIT_SUCCESS;
    fmt::print(stderr, "sysmon_all: cannot write to standard output: {}\n",
               std::generic_category().message(output_error));
  } catch (const std::exception& error) {
    fmt::print(stderr, "sysmon_all: {}\n", error.what());
  }
  return EXIT_FAILURE;
}
