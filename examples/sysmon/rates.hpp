#pragma once

/// From counters to rates: what two messages of one topic, some time apart, say about the time between them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysmon.hpp"

namespace sysmon {

/// How far a counter went. One that seems to go backward has started again: at 2^32, where it is that wide and was near
/// its end, else because what it counted was made anew, and then it went nowhere that we know of.
std::uint64_t counter_delta(std::uint64_t from, std::uint64_t to) noexcept;

/// Percentages of a processor's time.
struct CpuShare {
  double busy = 0;  ///< all but idle and iowait
  double user = 0;
  double system = 0;  ///< interrupts included
  double iowait = 0;
};

/// Nothing if no time has passed.
std::optional<CpuShare> cpu_share(const CpuTicks& from, const CpuTicks& to);

/// The share of a machine's memory that programs cannot get any more.
double memory_percent(const Memory& memory);

struct InterfaceRate {
  std::string name;
  double received_per_second = 0;  ///< bytes
  double sent_per_second = 0;
};

struct DiskRate {
  std::string name;
  DiskKind kind = DiskKind::PHYSICAL;
  double read_per_second = 0;  ///< bytes
  double written_per_second = 0;
  double busy_percent = 0;
};

/// In the order of `to`; of those that are in both. Empty if no time has passed.
std::vector<InterfaceRate> interface_rates(const Io& from, const Io& to);
std::vector<DiskRate> disk_rates(const Io& from, const Io& to);

}  // namespace sysmon
