#include "stats.hpp"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

/// What all kinds of cells have in common.
Figures common(const Shared& shared) {
  Figures figures;
  figures.probe_before_ns = shared.probe_before_ns;
  figures.probe_after_ns = shared.probe_after_ns;
  std::uint64_t switches = 0;
  for (const Report& report : shared.reports) {
    figures.errors += report.errors;
    figures.messages += report.taken;
    switches += report.switches;
    if (report.wall_seconds > 0)
      figures.preempted_per_s += static_cast<double>(report.preemptions) / report.wall_seconds;
  }
  if (figures.messages > 0) figures.switches = static_cast<double>(switches) / static_cast<double>(figures.messages);
  return figures;
}

double percent_of(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

std::span<std::uint32_t> first(std::span<std::uint32_t> samples, std::uint64_t count) {
  return samples.first(std::min(samples.size(), static_cast<std::size_t>(count)));
}

std::vector<double> values_of(const std::vector<Figures>& runs, double Figures::*figure) {
  std::vector<double> values;
  for (const Figures& run : runs) values.push_back(run.*figure);
  return values;
}

}  // namespace

double percentile(std::span<std::uint32_t> samples, double percent) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(samples.size())));
  const auto nth = samples.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Figures latency_figures(const Shared& shared, std::span<std::uint32_t> samples, double ns_per_unit) {
  Figures figures = common(shared);
  const auto taken = first(samples, shared.reports[0].samples);
  figures.p50_ns = percentile(taken, 50) * ns_per_unit;
  figures.p99_ns = percentile(taken, 99) * ns_per_unit;
  return figures;
}

Figures stream_figures(const Shared& shared, unsigned readers, std::size_t bytes) {
  Figures figures = common(shared);
  double lost = 0;
  double sent = 0;
  for (const Report& report : std::span(shared.reports).subspan(1, readers)) {
    if (report.seconds > 0) figures.messages_per_s += static_cast<double>(report.messages) / report.seconds / readers;
    lost += static_cast<double>(report.lost);
    sent += static_cast<double>(report.taken + report.lost);
  }
  figures.lost = sent > 0 ? lost / sent : 0;
  figures.gigabytes_per_s = figures.messages_per_s * static_cast<double>(bytes) * 1e-9;
  return figures;
}

Figures paced_figures(const Shared& shared, std::span<std::uint32_t> samples) {
  Figures figures = common(shared);
  const Report& writer = shared.reports[0];
  const Report& reader = shared.reports[1];
  const auto taken = first(samples, reader.samples);
  figures.p50_ns = percentile(taken, 50);
  figures.p99_ns = percentile(taken, 99);
  figures.writer_cpu_percent = percent_of(writer.cpu_seconds, writer.wall_seconds);
  figures.reader_cpu_percent = percent_of(reader.cpu_seconds, reader.wall_seconds);
  return figures;
}

double Row::median_of(double Figures::*figure) const { return median(values_of(runs, figure)); }

double Row::spread_of(double Figures::*figure) const {
  if (runs.empty()) return 0;
  const auto values = values_of(runs, figure);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return percent_of(*high - *low, median(values));
}

std::uint64_t Row::errors() const {
  std::uint64_t sum = 0;
  for (const auto* const some : {&runs, &unfit}) {
    for (const Figures& run : *some) sum += run.errors;
  }
  return sum;
}

double Figures::*metric_of(const Cell& cell) noexcept {
  if (cell.kind != Kind::stream) return &Figures::p50_ns;
  return cell.touch ? &Figures::gigabytes_per_s : &Figures::messages_per_s;
}

}  // namespace bench
