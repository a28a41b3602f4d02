#pragma once

/// What the view prints, as text: apart from it, so that it can be tested.

#include <string>
#include <vector>

#include "rates.hpp"
#include "sysmon.hpp"

namespace sysmon {

/// The state of the machine as the view last computed it. A pointer is valid only while the picture is drawn, and null
/// where nothing has arrived.
struct Picture {
  const Cpu* cpu = nullptr;
  CpuShare share;
  std::vector<CpuShare> cores;  ///< in the order of `cpu->cores`; without the ones that have just been switched on
  const Memory* memory = nullptr;
  const Io* io = nullptr;
  std::vector<InterfaceRate> interfaces;
  std::vector<DiskRate> disks;
};

/// The traffic of all interfaces but the loopback, and of all physical disks.
struct Traffic {
  double received = 0;
  double sent = 0;
  double read = 0;
  double written = 0;
};
Traffic traffic(const Picture& picture);

/// A table of several lines.
std::vector<std::string> view_table(const Picture& picture, bool color);

/// The same in one line.
std::string view_line(const Picture& picture);

}  // namespace sysmon
