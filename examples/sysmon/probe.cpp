#include "probe.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "proc_parse.hpp"
#include "schedule.hpp"

namespace sysmon {

baton::Result<Probe> Probe::open(baton::Node& node, const Settings& settings) {
  auto cpu = node.publisher<Cpu>();
  if (!cpu) return baton::fail(cpu.error());
  auto memory = node.publisher<Memory>();
  if (!memory) return baton::fail(memory.error());
  auto io = node.publisher<Io>();
  if (!io) return baton::fail(io.error());
  return Probe(settings, *std::move(cpu), *std::move(memory), *std::move(io));
}

Probe::Probe(const Settings& settings, baton::Publisher<Cpu> cpu, baton::Publisher<Memory> memory,
             baton::Publisher<Io> io)
    : rate_hz_(settings.rate_hz),
      cpu_(std::move(cpu)),
      memory_(std::move(memory)),
      io_(std::move(io)),
      stat_(settings.proc + "/stat"),
      loadavg_(settings.proc + "/loadavg"),
      meminfo_(settings.proc + "/meminfo"),
      net_dev_(settings.proc + "/net/dev"),
      diskstats_(settings.proc + "/diskstats") {}

void Probe::run(const Stop& stop) {
  Schedule schedule(baton::monotonic_ns(), rate_hz_);
  while (!stop.sleep_until(schedule.due_ns())) {
    publish_all();
    schedule.advance(baton::monotonic_ns());
  }
  skipped_ticks_ += schedule.skipped();
}

std::size_t Probe::readers() const noexcept {
  return std::min({cpu_.subscriber_count(), memory_.subscriber_count(), io_.subscriber_count()});
}

std::uint64_t Probe::published() const {
  return cpu_.counters().published + memory_.counters().published + io_.counters().published;
}

std::string Probe::losses() const {
  std::string lines;
  const auto add = [&lines](std::uint64_t count, const char* what) {
    if (count > 0) fmt::format_to(std::back_inserter(lines), "{} {}\n", count, what);
  };
  add(skipped_ticks_, "readings skipped after a stall");
  add(unpublished_, "messages could not be published");
  return lines;
}

void Probe::publish_all() {
  publish(cpu_);
  publish(memory_);
  publish(io_);
}

template <class T>
void Probe::publish(baton::Publisher<T>& publisher) {
  auto loan = publisher.loan();
  if (!loan) {
    ++unpublished_;
    return;
  }
  (*loan)->stamp_ns = baton::monotonic_ns();
  read(**loan);
  if (!loan->publish()) ++unpublished_;
}

void Probe::read(Cpu& cpu) {
  if (const auto text = stat_.read()) parse_stat(*text, cpu);
  if (const auto text = loadavg_.read()) parse_loadavg(*text, cpu);
}

void Probe::read(Memory& memory) {
  if (const auto text = meminfo_.read()) parse_meminfo(*text, memory);
}

void Probe::read(Io& io) {
  if (const auto text = net_dev_.read()) parse_net_dev(*text, io);
  if (const auto text = diskstats_.read()) parse_diskstats(*text, io);
}

}  // namespace sysmon
