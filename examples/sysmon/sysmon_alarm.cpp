// The alarm of the system monitor as a process of its own.
#include <unistd.h>

#include <baton/baton.hpp>

#include "alarm.hpp"
#include "console.hpp"
#include "program.hpp"
#include "run.hpp"

namespace {

constexpr sysmon::Program kProgram = {
    .name = "sysmon_alarm",
    .about =
        "Tells when what a sysmon_probe publishes crosses a threshold, whichever of the two is started first.\n"
        "At the end it says how the messages fared.",
    .alarm = true};

int run(const sysmon::CommandLine& line) {
  sysmon::Signals signals;  // before the first thread
  sysmon::Stop end;
  sysmon::Console console(line.json ? STDERR_FILENO : STDOUT_FILENO, end);

  auto node = baton::Node::open("sysmon_alarm", line.node_options()).value();
  auto alarm = sysmon::Alarm::open(node, line.alarm, console).value();
  {
    sysmon::Running running(alarm);
    sysmon::wait_for_end(signals, end, line.seconds);
  }
  return sysmon::print_report(line, alarm.report(), console);
}

}  // namespace

int main(int argc, char** argv) { return sysmon::run_program(kProgram, argc, argv, run); }
