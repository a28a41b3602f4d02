#include "view_text.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "units.hpp"

namespace sysmon {
namespace {

constexpr std::size_t kCoresInARow = 8;
constexpr std::size_t kBarWidth = 20;

std::string in_color(bool color, std::string_view code, std::string_view text) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

/// "||||||          ", green, yellow or red.
std::string bar(double percent, bool color) {
  const double part = std::clamp(percent, 0.0, 100.0) / 100;
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(kBarWidth) + 0.5);
  const std::string_view code = percent >= 90 ? "31" : percent >= 60 ? "33" : "32";
  return '[' + in_color(color, code, std::string(filled, '|')) + std::string(kBarWidth - filled, ' ') + ']';
}

std::string rate(double bytes_per_second) { return human_bytes(bytes_per_second) + "/s"; }

std::string_view fault(Source source) {
  return source == Source::MISSING ? "not to be had here" : source == Source::MALFORMED ? "not understood" : "";
}

std::string left_out(std::uint32_t count) { return count == 0 ? "" : fmt::format("  (and {} more)", count); }

void add_cpu(std::vector<std::string>& lines, const Picture& picture, bool color) {
  const Cpu& cpu = *picture.cpu;
  if (cpu.source != Source::READ) return lines.push_back(fmt::format("cpu      {}", fault(cpu.source)));
  const CpuShare& share = picture.share;
  lines.push_back(fmt::format("cpu      {} {:5.1f} %  user {:.1f}  system {:.1f}  iowait {:.1f}",
                              bar(share.busy, color), share.busy, share.user, share.system, share.iowait));
  for (std::size_t first = 0; first < picture.cores.size(); first += kCoresInARow) {
    std::string line = first == 0 ? "cores   " : "        ";
    const std::size_t end = std::min(first + kCoresInARow, picture.cores.size());
    for (std::size_t core = first; core < end; ++core) {
      fmt::format_to(std::back_inserter(line), " {:5.1f}", picture.cores[core].busy);
    }
    if (end == picture.cores.size()) line += left_out(cpu.left_out);
    lines.push_back(std::move(line));
  }
  lines.push_back(fmt::format("load     {:.2f} {:.2f} {:.2f}", cpu.load[0], cpu.load[1], cpu.load[2]));
}

void add_memory(std::vector<std::string>& lines, const Memory& memory, bool color) {
  if (memory.source != Source::READ) return lines.push_back(fmt::format("memory   {}", fault(memory.source)));
  const double percent = memory_percent(memory);
  const std::uint64_t swap_used = memory.swap_total_bytes - std::min(memory.swap_free_bytes, memory.swap_total_bytes);
  const auto bytes = [](std::uint64_t count) { return human_bytes(static_cast<double>(count)); };
  lines.push_back(fmt::format("memory   {} {:5.1f} %  of {}", bar(percent, color), percent, bytes(memory.total_bytes)));
  lines.push_back(fmt::format("         cached {}  dirty {}  swap {} of {}", bytes(memory.cached_bytes),
                              bytes(memory.dirty_bytes), bytes(swap_used), bytes(memory.swap_total_bytes)));
}

void add_io(std::vector<std::string>& lines, const Picture& picture, bool color) {
  const Io& io = *picture.io;
  lines.push_back(in_color(color, "1", fmt::format("{:<16} {:>14} {:>14}", "network", "received", "sent")));
  if (io.interfaces_source != Source::READ) lines.push_back(fmt::format("  {}", fault(io.interfaces_source)));
  for (const InterfaceRate& interface : picture.interfaces) {
    lines.push_back(fmt::format("  {:<14} {:>14} {:>14}", interface.name, rate(interface.received_per_second),
                                rate(interface.sent_per_second)));
  }
  if (io.interfaces_left_out > 0) lines.push_back(left_out(io.interfaces_left_out));

  lines.push_back(in_color(color, "1", fmt::format("{:<16} {:>14} {:>14} {:>8}", "disk", "read", "written", "busy")));
  if (io.disks_source != Source::READ) lines.push_back(fmt::format("  {}", fault(io.disks_source)));
  for (const DiskRate& disk : picture.disks) {
    if (disk.kind == DiskKind::PARTITION) continue;
    lines.push_back(fmt::format("  {:<14} {:>14} {:>14} {:>6.1f} %", disk.name, rate(disk.read_per_second),
                                rate(disk.written_per_second), disk.busy_percent));
  }
  if (io.disks_left_out > 0) lines.push_back(left_out(io.disks_left_out));
}

}  // namespace

Traffic traffic(const Picture& picture) {
  Traffic sum;
  for (const InterfaceRate& interface : picture.interfaces) {
    if (interface.name == "lo") continue;
    sum.received += interface.received_per_second;
    sum.sent += interface.sent_per_second;
  }
  for (const DiskRate& disk : picture.disks) {
    if (disk.kind != DiskKind::PHYSICAL) continue;
    sum.read += disk.read_per_second;
    sum.written += disk.written_per_second;
  }
  return sum;
}

std::vector<std::string> view_table(const Picture& picture, bool color) {
  std::vector<std::string> lines;
  if (picture.cpu != nullptr) add_cpu(lines, picture, color);
  if (picture.memory != nullptr) add_memory(lines, *picture.memory, color);
  if (picture.io != nullptr) add_io(lines, picture, color);
  return lines;
}

std::string view_line(const Picture& picture) {
  std::vector<std::string> parts;
  if (picture.cpu != nullptr && picture.cpu->source == Source::READ) {
    parts.push_back(fmt::format("load {:.2f}  cpu {:.1f} %", picture.cpu->load[0], picture.share.busy));
  }
  if (picture.memory != nullptr && picture.memory->source == Source::READ) {
    parts.push_back(fmt::format("memory {:.1f} %", memory_percent(*picture.memory)));
  }
  const Traffic sum = traffic(picture);
  if (picture.io != nullptr && picture.io->interfaces_source == Source::READ) {
    parts.push_back(fmt::format("network {} in, {} out", rate(sum.received), rate(sum.sent)));
  }
  if (picture.io != nullptr && picture.io->disks_source == Source::READ) {
    parts.push_back(fmt::format("disk {} read, {} written", rate(sum.read), rate(sum.written)));
  }
  if (parts.empty()) return "nothing can be read here: no load, cpu, memory, network or disk";
  return fmt::format("{}", fmt::join(parts, "  "));
}

}  // namespace sysmon
