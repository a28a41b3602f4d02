// The whole system monitor in one process: probe, view and alarm, each with a node and a thread of its own.
#include <unistd.h>

#include <fmt/format.h>

#include <baton/baton.hpp>

#include "alarm.hpp"
#include "console.hpp"
#include "probe.hpp"
#include "program.hpp"
#include "run.hpp"
#include "view.hpp"

namespace {

constexpr sysmon::Program kProgram = {
    .name = "sysmon_all",
    .about =
        "Watches this machine: a probe publishes load, memory, network and disks; a view shows them; an alarm\n"
        "tells when a threshold is crossed. At the end it says how the messages fared.",
    .probe = true,
    .view = true,
    .alarm = true};

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
  const int error = sysmon::print_report(line, rows, console);
  if (const std::string lost = probe.losses(); !lost.empty()) console.finish(lost);
  return line.json ? error : console.error();
}

}  // namespace

int main(int argc, char** argv) { return sysmon::run_program(kProgram, argc, argv, run); }
