#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <baton/baton.hpp>

#include "console.hpp"
#include "inputs.hpp"
#include "run.hpp"
#include "sysmon.hpp"
#include "threshold.hpp"

namespace sysmon {

/// Watches for values beyond their thresholds, as averages over a second, and says once that one is raised and once
/// that it is cleared.
class Alarm {
 public:
  struct Settings {
    double cpu_percent = 90;
    double memory_percent = 90;
    double disk_percent = 90;                     ///< of the time busy, for each disk
    double network_bytes_per_second = 100 << 20;  ///< for each interface, in either direction
    double clear_percent = 90;                    ///< an alarm is cleared below so much of its threshold
  };

  static baton::Result<Alarm> open(baton::Node& node, const Settings& settings, Console& console);

  /// Watches what arrives until it is asked to stop, and takes all that has arrived by then.
  void run(const Stop& stop);

  /// Only after a run.
  std::vector<ReportRow> report() const { return inputs_.report("alarm"); }

 private:
  friend class Inputs;
  using ToText = std::string (*)(double);

  Alarm(Inputs inputs, const Settings& settings, Console& console)
      : inputs_(std::move(inputs)), settings_(settings), console_(&console) {}

  void take(const Cpu& cpu);
  void take(const Memory& memory);
  void take(const Io& io);

  void watch(const std::string& what, double value, double limit, ToText to_text);
  void clear_the_gone(const std::set<std::string>& present);

  Inputs inputs_;
  Settings settings_;
  Console* console_;
  Window<Cpu> cpu_;
  Window<Io> io_;
  std::map<std::string, Threshold> thresholds_;  // by what they watch: "cpu", "disk sda", "network eth0 in"
};

}  // namespace sysmon
