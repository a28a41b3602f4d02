#pragma once

#include <cstdint>
#include <string>

#include <baton/baton.hpp>

#include "proc_file.hpp"
#include "run.hpp"
#include "sysmon.hpp"

namespace sysmon {

/// Reads what Linux says about the machine at a fixed rate, straight into loaned messages, and publishes them.
class Probe {
 public:
  struct Settings {
    double rate_hz = 50;
    std::string proc = "/proc";  ///< where the files are
  };

  struct Counters {
    std::uint64_t skipped_ticks = 0;  ///< given up after a long stall
    std::uint64_t unpublished = 0;    ///< messages for which there was no loan, or that nobody had room for
  };

  static baton::Result<Probe> open(baton::Node& node, const Settings& settings);

  /// Publishes from now on until it is asked to stop.
  void run(const Stop& stop);

  /// Only before or after a run.
  const Counters& counters() const noexcept { return counters_; }

 private:
  Probe(const Settings& settings, baton::Publisher<Cpu> cpu, baton::Publisher<Memory> memory, baton::Publisher<Io> io);

  void publish_all();
  void read(Cpu& cpu);
  void read(Memory& memory);
  void read(Io& io);
  template <class T>
  void publish(baton::Publisher<T>& publisher);

  double rate_hz_;
  baton::Publisher<Cpu> cpu_;
  baton::Publisher<Memory> memory_;
  baton::Publisher<Io> io_;
  ProcFile stat_;
  ProcFile loadavg_;
  ProcFile meminfo_;
  ProcFile net_dev_;
  ProcFile diskstats_;
  Counters counters_;
};

}  // namespace sysmon
