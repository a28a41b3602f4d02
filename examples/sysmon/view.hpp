#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <baton/baton.hpp>

#include "console.hpp"
#include "inputs.hpp"
#include "run.hpp"
#include "sysmon.hpp"
#include "view_text.hpp"

namespace sysmon {

/// Shows the state of the machine: on a terminal a table that is redrawn twice a second, elsewhere a line each second.
class View {
 public:
  static baton::Result<View> open(baton::Node& node, Console& console);

  /// Shows what arrives until it is asked to stop, and takes all that has arrived by then.
  void run(const Stop& stop);

  /// Only after a run.
  std::vector<ReportRow> report() const { return inputs_.report("view"); }

 private:
  friend class Inputs;

  View(Inputs inputs, Console& console) : inputs_(std::move(inputs)), console_(&console) {}

  void take(const Cpu& cpu) { cpu_.add(cpu); }
  void take(const Memory& memory) { memory_ = memory; }
  void take(const Io& io) { io_.add(io); }

  void take_all();
  void show();
  Picture picture() const;

  Inputs inputs_;
  Console* console_;
  Window<Cpu> cpu_;
  Window<Io> io_;
  std::optional<Memory> memory_;
  std::uint64_t last_taken_ns_ = 0;
};

}  // namespace sysmon
