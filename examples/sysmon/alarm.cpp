#include "alarm.hpp"

#include <fmt/format.h>

#include "rates.hpp"
#include "units.hpp"

namespace sysmon {
namespace {

constexpr std::uint64_t kWindowNs = 1'000'000'000;
constexpr std::uint64_t kLookForStopNs = 1'000'000'000;

std::string percent(double value) { return fmt::format("{:.1f} %", value); }
std::string rate(double bytes_per_second) { return human_bytes(bytes_per_second) + "/s"; }

}  // namespace

baton::Result<Alarm> Alarm::open(baton::Node& node, const Settings& settings, Console& console) {
  auto inputs = Inputs::open(node);
  if (!inputs) return baton::fail(inputs.error());
  return Alarm(*std::move(inputs), settings, console);
}

void Alarm::run(const Stop& stop) {
  while (!stop.requested()) {
    inputs_.wait(stop, baton::monotonic_ns() + kLookForStopNs);
    inputs_.take_all(*this);
  }
  inputs_.finish(*this);
}

void Alarm::take(const Cpu& cpu) {
  cpu_.add(cpu);
  if (cpu_.length_ns() < kWindowNs) return;
  if (cpu_.to().source == Source::READ) {
    if (const auto share = cpu_share(cpu_.from().total, cpu_.to().total)) {
      watch("cpu", share->busy, settings_.cpu_percent, percent);
    }
  }
  cpu_.advance();
}

void Alarm::take(const Memory& memory) {
  if (memory.source == Source::READ) watch("memory", memory_percent(memory), settings_.memory_percent, percent);
}

void Alarm::take(const Io& io) {
  io_.add(io);
  if (io_.length_ns() < kWindowNs) return;
  std::set<std::string> present = {"cpu", "memory"};
  const auto watch_one = [&](std::string what, double value, double limit, ToText to_text) {
    watch(what, value, limit, to_text);
    present.insert(std::move(what));
  };
  for (const InterfaceRate& interface : interface_rates(io_.from(), io_.to())) {
    const double limit = settings_.network_bytes_per_second;
    watch_one("network " + interface.name + " in", interface.received_per_second, limit, rate);
    watch_one("network " + interface.name + " out", interface.sent_per_second, limit, rate);
  }
  for (const DiskRate& disk : disk_rates(io_.from(), io_.to())) {
    if (disk.kind == DiskKind::PARTITION) continue;
    watch_one("disk " + disk.name, disk.busy_percent, settings_.disk_percent, percent);
  }
  clear_the_gone(present);
  io_.advance();
}

void Alarm::watch(const std::string& what, double value, double limit, ToText to_text) {
  const double clear_below = limit * settings_.clear_percent / 100;
  Threshold& threshold = thresholds_.try_emplace(what, limit, clear_below).first->second;
  switch (threshold.update(value)) {
    case Threshold::Change::none: break;
    case Threshold::Change::raised:
      console_->print(fmt::format("ALARM    {}: {}, the threshold is {}", what, to_text(value), to_text(limit)));
      break;
    case Threshold::Change::cleared:
      console_->print(fmt::format("cleared  {}: {}, below {}", what, to_text(value), to_text(clear_below)));
      break;
  }
}

void Alarm::clear_the_gone(const std::set<std::string>& present) {
  for (auto entry = thresholds_.begin(); entry != thresholds_.end();) {
    if (present.contains(entry->first)) {
      ++entry;
      continue;
    }
    if (entry->second.raised()) console_->print(fmt::format("cleared  {}: it is gone", entry->first));
    entry = thresholds_.erase(entry);
  }
}

}  // namespace sysmon
