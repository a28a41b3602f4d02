// The view of the system monitor as a process of its own.
#include <unistd.h>

#include <baton/baton.hpp>

#include "console.hpp"
#include "program.hpp"
#include "run.hpp"
#include "view.hpp"

namespace {

constexpr sysmon::Program kProgram = {
    .name = "sysmon_view",
    .about =
        "Shows what a sysmon_probe publishes, whichever of the two is started first. At the end it says how\n"
        "the messages fared.",
    .view = true};

int run(const sysmon::CommandLine& line) {
  sysmon::Signals signals;  // before the first thread
  sysmon::Stop end;
  sysmon::Console console(line.json ? STDERR_FILENO : STDOUT_FILENO, end);

  auto node = baton::Node::open("sysmon_view", line.node_options()).value();
  auto view = sysmon::View::open(node, console).value();
  {
    sysmon::Running running(view);
    sysmon::wait_for_end(signals, end, line.seconds);
  }
  return sysmon::print_report(line, view.report(), console);
}

}  // namespace

int main(int argc, char** argv) { return sysmon::run_program(kProgram, argc, argv, run); }
