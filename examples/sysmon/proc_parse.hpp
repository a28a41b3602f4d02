#pragma once

/// Reads the texts of /proc into the monitor's messages, in place and without allocating.
///
/// Each function expects a message with its defaults, fills what belongs to its file, and sets the `Source` beside it.
/// A line that does not have the form expected is passed over; a text without a single good line is MALFORMED.

#include <string_view>

#include "sysmon.hpp"

namespace sysmon {

void parse_stat(std::string_view text, Cpu& cpu);
void parse_loadavg(std::string_view text, Cpu& cpu);
void parse_meminfo(std::string_view text, Memory& memory);
void parse_net_dev(std::string_view text, Io& io);
void parse_diskstats(std::string_view text, Io& io);

/// What a disk is, by its name and that of the last disk before it that was no partition.
DiskKind disk_kind(std::string_view name, std::string_view disk_before);

}  // namespace sysmon
