#include "units.hpp"

#include <array>

#include <fmt/format.h>

namespace sysmon {
namespace {

/// The value in the largest unit of which there is at least one, rounding included.
template <std::size_t N>
std::string human(double value, double step, const std::array<const char*, N>& units) {
  std::size_t unit = 0;
  for (; unit + 1 < N && value >= step - (unit == 0 ? 0.5 : 0.05); ++unit) value /= step;
  return unit == 0 ? fmt::format("{:.0f} {}", value, units[unit]) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

std::string human_bytes(double bytes) { return human(bytes, 1024, std::array{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}); }

std::string human_duration(std::uint64_t duration_ns) {
  return human(static_cast<double>(duration_ns), 1000, std::array{"ns", "µs", "ms", "s"});
}

}  // namespace sysmon
