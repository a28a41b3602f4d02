#include "rates.hpp"

#include <algorithm>
#include <string_view>

namespace sysmon {
namespace {

/// Zero if the clock says that no time has passed.
double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0;
}

double per_second(std::uint64_t from, std::uint64_t to, double seconds) {
  return static_cast<double>(counter_delta(from, to)) / seconds;
}

/// Which entry of a list has this name: nearly always the one in the same place.
template <class List>
const typename List::value_type* find(const List& list, std::string_view name, std::size_t place) {
  if (place < list.size() && list[place].name == name) return &list[place];
  for (const auto& entry : list) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

std::uint64_t counter_delta(std::uint64_t from, std::uint64_t to) noexcept {
  constexpr std::uint64_t kRange = std::uint64_t{1} << 32;
  constexpr std::uint64_t kQuarter = kRange / 4;
  if (to >= from) return to - from;
  const bool wrapped = from < kRange && from >= kRange - kQuarter && to < kQuarter;
  return wrapped ? kRange - from + to : 0;
}

std::optional<CpuShare> cpu_share(const CpuTicks& from, const CpuTicks& to) {
  const auto ticks = [&](std::uint64_t CpuTicks::*counter) {
    return static_cast<double>(counter_delta(from.*counter, to.*counter));
  };
  const double user = ticks(&CpuTicks::user) + ticks(&CpuTicks::nice);
  const double system = ticks(&CpuTicks::system) + ticks(&CpuTicks::irq) + ticks(&CpuTicks::softirq);
  const double busy = user + system + ticks(&CpuTicks::steal);
  const double iowait = ticks(&CpuTicks::iowait);
  const double all = busy + iowait + ticks(&CpuTicks::idle);
  if (all <= 0) return std::nullopt;
  return CpuShare{100 * busy / all, 100 * user / all, 100 * system / all, 100 * iowait / all};
}

double memory_percent(const Memory& memory) {
  if (memory.total_bytes == 0) return 0;
  const std::uint64_t used = memory.total_bytes - std::min(memory.available_bytes, memory.total_bytes);
  return 100 * static_cast<double>(used) / static_cast<double>(memory.total_bytes);
}

std::vector<InterfaceRate> interface_rates(const Io& from, const Io& to) {
  std::vector<InterfaceRate> rates;
  const double seconds = seconds_between(from.stamp_ns, to.stamp_ns);
  if (seconds <= 0) return rates;
  for (std::size_t place = 0; place < to.interfaces.size(); ++place) {
    const Interface& now = to.interfaces[place];
    const Interface* const before = find(from.interfaces, now.name, place);
    if (before == nullptr) continue;
    rates.push_back({std::string(now.name), per_second(before->received_bytes, now.received_bytes, seconds),
                     per_second(before->sent_bytes, now.sent_bytes, seconds)});
  }
  return rates;
}

std::vector<DiskRate> disk_rates(const Io& from, const Io& to) {
  std::vector<DiskRate> rates;
  const double seconds = seconds_between(from.stamp_ns, to.stamp_ns);
  if (seconds <= 0) return rates;
  for (std::size_t place = 0; place < to.disks.size(); ++place) {
    const Disk& now = to.disks[place];
    const Disk* const before = find(from.disks, now.name, place);
    if (before == nullptr) continue;
    const double busy = per_second(before->busy_ms, now.busy_ms, seconds) / 10;
    rates.push_back({std::string(now.name), now.kind, per_second(before->read_bytes, now.read_bytes, seconds),
                     per_second(before->written_bytes, now.written_bytes, seconds), std::min(busy, 100.0)});
  }
  return rates;
}

}  // namespace sysmon
