// The probe of the system monitor as a process of its own.
#include <unistd.h>

#include <stdexcept>

#include <fmt/format.h>

#include <baton/baton.hpp>

#include "console.hpp"
#include "probe.hpp"
#include "program.hpp"
#include "run.hpp"

namespace {

constexpr sysmon::Program kProgram = {
    .name = "sysmon_probe",
    .about =
        "Publishes this machine's load, memory, network and disks for any number of sysmon_view and\n"
        "sysmon_alarm, whenever they are started.",
    .probe = true};

constexpr double kLongestWaitSeconds = 30;

/// Sleeps until `readers` are connected. False if the user asked to end meanwhile.
bool wait_for_readers(const sysmon::Probe& probe, std::size_t readers, sysmon::Signals& signals,
                      const sysmon::Stop& end) {
  constexpr double kLookEverySeconds = 0.01;
  const std::uint64_t start_ns = baton::monotonic_ns();
  while (probe.readers() < readers) {
    if (static_cast<double>(baton::monotonic_ns() - start_ns) > kLongestWaitSeconds * 1e9) {
      throw std::runtime_error(fmt::format("after {} s {} of {} readers are connected; start more, or ask for fewer",
                                           kLongestWaitSeconds, probe.readers(), readers));
    }
    if (sysmon::wait_for_end(signals, end, kLookEverySeconds)) return false;
  }
  return true;
}

int run(const sysmon::CommandLine& line) {
  sysmon::Signals signals;  // before the first thread
  sysmon::Stop end;
  sysmon::Console console(STDOUT_FILENO, end);

  auto node = baton::Node::open("sysmon_probe", line.node_options()).value();
  auto probe = sysmon::Probe::open(node, line.probe).value();
  if (wait_for_readers(probe, line.readers, signals, end)) {
    console.print(fmt::format("publishing {} readings a second", line.probe.rate_hz));
    sysmon::Running running(probe);
    sysmon::wait_for_end(signals, end, line.seconds);
  }
  console.print(fmt::format("{} messages published", probe.published()));
  if (const std::string lost = probe.losses(); !lost.empty()) console.finish(lost);
  return console.error();
}

}  // namespace

int main(int argc, char** argv) { return sysmon::run_program(kProgram, argc, argv, run); }
