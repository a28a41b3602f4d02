#pragma once

#include <cstdint>
#include <string>

namespace sysmon {

/// "0 B", "17.3 KiB", "1.2 GiB"
std::string human_bytes(double bytes);

/// "812 ns", "41.2 µs", "3.1 ms", "1.5 s"
std::string human_duration(std::uint64_t duration_ns);

}  // namespace sysmon
