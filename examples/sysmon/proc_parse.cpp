#include "proc_parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace sysmon {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // in /proc/diskstats, whatever the disk's own sectors are

/// Cuts the next line off the text.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// Cuts the next word off the line; empty at its end.
std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

template <class Number>
std::optional<Number> to_number(std::string_view word) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

/// The numbers at the start of a line, as many as there are.
template <std::size_t N>
struct Numbers {
  std::array<std::uint64_t, N> values{};
  std::size_t count = 0;

  explicit Numbers(std::string_view line) {
    while (count < N) {
      const auto number = to_number<std::uint64_t>(next_word(line));
      if (!number) break;
      values[count++] = *number;
    }
  }
  std::uint64_t operator[](std::size_t index) const { return values[index]; }
};

bool is_digit(char character) { return character >= '0' && character <= '9'; }

bool are_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

}  // namespace

void parse_stat(std::string_view text, Cpu& cpu) {
  cpu.source = Source::MALFORMED;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    std::string_view name = next_word(line);
    if (!name.starts_with("cpu")) continue;
    const Numbers<8> ticks(line);
    if (ticks.count < 4) continue;  // a kernel may count less than we know, but always these
    const CpuTicks counted{ticks[0], ticks[1], ticks[2], ticks[3], ticks[4], ticks[5], ticks[6], ticks[7]};
    name.remove_prefix(3);
    if (name.empty()) {
      cpu.total = counted;
      cpu.source = Source::READ;
    } else if (const auto number = to_number<std::uint32_t>(name)) {
      if (!cpu.cores.try_push_back({*number, counted})) ++cpu.left_out;
    }
  }
}

void parse_loadavg(std::string_view text, Cpu& cpu) {
  std::string_view line = next_line(text);
  for (double& load : cpu.load) load = to_number<double>(next_word(line)).value_or(0);
}

void parse_meminfo(std::string_view text, Memory& memory) {
  bool has_available = false;
  const std::pair<std::string_view, std::uint64_t*> wanted[] = {
      {"MemTotal:", &memory.total_bytes},         {"MemFree:", &memory.free_bytes},
      {"MemAvailable:", &memory.available_bytes}, {"Buffers:", &memory.buffers_bytes},
      {"Cached:", &memory.cached_bytes},          {"Dirty:", &memory.dirty_bytes},
      {"SwapTotal:", &memory.swap_total_bytes},   {"SwapFree:", &memory.swap_free_bytes},
  };
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view name = next_word(line);
    const auto kibibytes = to_number<std::uint64_t>(next_word(line));
    if (!kibibytes || *kibibytes > UINT64_MAX / 1024) continue;
    for (const auto& [key, value] : wanted) {
      if (name != key) continue;
      *value = *kibibytes * 1024;
      has_available = has_available || value == &memory.available_bytes;
    }
  }
  // Linux before 3.14 leaves the estimate to its readers.
  if (!has_available) memory.available_bytes = memory.free_bytes + memory.buffers_bytes + memory.cached_bytes;
  memory.available_bytes = std::min(memory.available_bytes, memory.total_bytes);
  memory.source = memory.total_bytes > 0 ? Source::READ : Source::MALFORMED;
}

void parse_net_dev(std::string_view text, Io& io) {
  io.interfaces_source = Source::MALFORMED;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::size_t colon = line.find(':');  // the heading has none, and a name cannot have one
    if (colon == std::string_view::npos) continue;
    std::string_view before = line.substr(0, colon);
    const std::string_view name = next_word(before);
    const Numbers<12> counts(line.substr(colon + 1));
    if (name.empty() || counts.count < 12) continue;
    io.interfaces_source = Source::READ;
    Interface interface;
    interface.name = name.substr(0, MAX_NAME);
    interface.received_bytes = counts[0];
    interface.received_packets = counts[1];
    interface.receive_errors = counts[2] + counts[3];
    interface.sent_bytes = counts[8];
    interface.sent_packets = counts[9];
    interface.send_errors = counts[10] + counts[11];
    if (!io.interfaces.try_push_back(interface)) ++io.interfaces_left_out;
  }
}

DiskKind disk_kind(std::string_view name, std::string_view disk_before) {
  if (!disk_before.empty() && name.starts_with(disk_before)) {
    std::string_view rest = name.substr(disk_before.size());
    // The kernel puts a p between the two where the disk's own name ends in a digit: sda1, nvme0n1p1.
    const bool needs_p = is_digit(disk_before.back());
    if (needs_p && rest.starts_with('p'))
      rest.remove_prefix(1);
    else if (needs_p)
      rest = {};
    if (are_digits(rest)) return DiskKind::PARTITION;
  }
  for (const std::string_view prefix : {"loop", "dm-", "md", "ram", "zram", "nbd"}) {
    if (name.starts_with(prefix)) return DiskKind::VIRTUAL;
  }
  return DiskKind::PHYSICAL;
}

void parse_diskstats(std::string_view text, Io& io) {
  // A machine without disks has an empty file, so that is no fault.
  io.disks_source = text.empty() ? Source::READ : Source::MALFORMED;
  std::string_view disk_before;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    next_word(line);  // the device's numbers
    next_word(line);
    const std::string_view name = next_word(line);
    const Numbers<8> counts(line);
    for (std::size_t word = 0; word < 9; ++word) next_word(line);
    const auto busy_ms = to_number<std::uint64_t>(next_word(line));
    if (name.empty() || counts.count < 8 || !busy_ms) continue;
    io.disks_source = Source::READ;

    const DiskKind kind = disk_kind(name, disk_before);
    if (kind != DiskKind::PARTITION) disk_before = name;
    if (counts[0] == 0 && counts[4] == 0) continue;  // never used
    Disk disk;
    disk.name = name.substr(0, MAX_NAME);
    disk.kind = kind;
    disk.reads = counts[0];
    disk.read_bytes = counts[2] * kSectorBytes;
    disk.writes = counts[4];
    disk.written_bytes = counts[6] * kSectorBytes;
    disk.busy_ms = *busy_ms;
    if (!io.disks.try_push_back(disk)) ++io.disks_left_out;
  }
}

}  // namespace sysmon
