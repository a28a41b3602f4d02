#pragma once

#include <cstddef>
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

  static baton::Result<Probe> open(baton::Node& node, const Settings& settings);

  /// Publishes from now on until it is asked to stop.
  void run(const Stop& stop);

  /// How many readers every topic is connected to now. Only before or after a run, like what follows.
  std::size_t readers() const noexcept;

  /// Messages of all topics.
  std::uint64_t published() const;

  /// What could not be read or published, one line each; mostly nothing.
  std::string losses() const;

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
  std::uint64_t skipped_ticks_ = 0;  // given up after a long stall
  std::uint64_t unpublished_ = 0;    // messages for which there was no loan, or that nobody had room for
};

}  // namespace sysmon
