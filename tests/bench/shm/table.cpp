#include "table.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

std::string time_text(double ns) {
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  return ns < 1e6 ? fmt::format("{:.2f} us", ns / 1e3) : fmt::format("{:.2f} ms", ns / 1e6);
}

std::string rate_text(double per_s) {
  return per_s < 1e6 ? fmt::format("{:.0f} k/s", per_s / 1e3) : fmt::format("{:.2f} M/s", per_s / 1e6);
}

std::string ratio_text(double value, double base) { return base > 0 ? fmt::format("{:.2f}", value / base) : "-"; }

const Row* ring_of(const std::vector<Row>& rows, const std::string& cell) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    return row.cell.name == cell && row.flavor == "ring" && !row.runs.empty();
  });
  return found == rows.end() ? nullptr : &*found;
}

std::string heading(const Cell& cell) {
  switch (cell.kind) {
    case Kind::ping_pong: return fmt::format("{:>10} {:>10} {:>7} {:>7}", "P50", "P99", "x ring", "P99 x");
    case Kind::paced: return fmt::format("{:>10} {:>10} {:>7} {:>7}", "P50", "P99", "x ring", "CPU %");
    case Kind::stream: break;
  }
  return fmt::format("{:>10} {:>10} {:>7} {:>7}", "msg/s", "GB/s", "x ring", "lost %");
}

std::string values(const Row& row, const Row* ring) {
  const auto value = [&row](double Figures::*figure) { return row.median_of(figure); };
  const auto ratio = [&](double Figures::*figure) {
    return ring == nullptr ? "-" : ratio_text(value(figure), ring->median_of(figure));
  };
  const std::string main_ratio = ratio(metric_of(row.cell));
  switch (row.cell.kind) {
    case Kind::ping_pong:
      return fmt::format("{:>10} {:>10} {:>7} {:>7}", time_text(value(&Figures::p50_ns)),
                         time_text(value(&Figures::p99_ns)), main_ratio, ratio(&Figures::p99_ns));
    case Kind::paced:
      return fmt::format(
          "{:>10} {:>10} {:>7} {:>7}", time_text(value(&Figures::p50_ns)), time_text(value(&Figures::p99_ns)),
          main_ratio,
          fmt::format("{:.1f}/{:.1f}", value(&Figures::writer_cpu_percent), value(&Figures::reader_cpu_percent)));
    case Kind::stream: break;
  }
  return fmt::format("{:>10} {:>10.2f} {:>7} {:>7.2f}", rate_text(value(&Figures::messages_per_s)),
                     value(&Figures::gigabytes_per_s), main_ratio, 100 * value(&Figures::lost));
}

nlohmann::json run_json(const Figures& run) {
  return {{"p50_ns", run.p50_ns},
          {"p99_ns", run.p99_ns},
          {"messages_per_s", run.messages_per_s},
          {"gigabytes_per_s", run.gigabytes_per_s},
          {"lost", run.lost},
          {"switches_per_message", run.switches},
          {"preempted_per_s", run.preempted_per_s},
          {"writer_cpu_percent", run.writer_cpu_percent},
          {"reader_cpu_percent", run.reader_cpu_percent},
          {"probe_before_ns", run.probe_before_ns},
          {"probe_after_ns", run.probe_after_ns},
          {"messages", run.messages},
          {"errors", run.errors}};
}

}  // namespace

std::string table(const std::vector<Row>& rows) {
  std::string text;
  std::string cell;
  for (const Row& row : rows) {
    if (row.cell.name != cell) {
      cell = row.cell.name;
      text += fmt::format("\n{:<20} {} {:>8} {:>10} {:>9} {:>9} {:>6}\n", cell, heading(row.cell), "spread %",
                          "switches/m", "preempt/s", "probe ns", "runs");
    }
    const std::size_t runs = row.runs.size() + row.unfit.size();
    text += fmt::format("  {:<18} ", row.flavor);
    if (row.errors() > 0) {
      text += fmt::format("no figure: {} ERRORS\n", row.errors());
    } else if (row.runs.empty()) {
      text += fmt::format("no figure: none of {} runs within the band of the probe\n", runs);
    } else {
      const auto probe = fmt::format("{:.0f}/{:.0f}", row.median_of(&Figures::probe_before_ns),
                                     row.median_of(&Figures::probe_after_ns));
      text += fmt::format("{} {:>8.0f} {:>10.3f} {:>9.0f} {:>9} {:>6}\n", values(row, ring_of(rows, cell)),
                          row.spread_of(metric_of(row.cell)), row.median_of(&Figures::switches),
                          row.median_of(&Figures::preempted_per_s), probe, fmt::format("{}/{}", row.runs.size(), runs));
    }
  }
  return text;
}

std::string json(const std::vector<Row>& rows) {
  auto cells = nlohmann::json::array();
  for (const Row& row : rows) {
    auto entry = nlohmann::json{{"cell", row.cell.name},
                                {"flavor", row.flavor},
                                {"bytes", row.cell.bytes},
                                {"depth", row.cell.depth},
                                {"errors", row.errors()},
                                {"runs", nlohmann::json::array()},
                                {"unfit_runs", nlohmann::json::array()}};
    for (const Figures& run : row.runs) entry["runs"].push_back(run_json(run));
    for (const Figures& run : row.unfit) entry["unfit_runs"].push_back(run_json(run));
    const Row* const ring = ring_of(rows, row.cell.name);
    if (!row.runs.empty() && row.errors() == 0) {
      const double value = row.median_of(metric_of(row.cell));
      entry["median"] = value;
      entry["spread_percent"] = row.spread_of(metric_of(row.cell));
      if (ring != nullptr) entry["ratio_to_ring"] = value / ring->median_of(metric_of(row.cell));
    }
    cells.push_back(std::move(entry));
  }
  return nlohmann::json{{"machine", machine()}, {"cells", std::move(cells)}}.dump(2) + "\n";
}

std::string machine() {
  utsname system = {};
  ::uname(&system);
#if defined(__clang__)
  const char* const compiler = "Clang " __clang_version__;
#else
  const char* const compiler = "GCC " __VERSION__;
#endif
#if defined(__OPTIMIZE__)
  const char* const optimised = "optimised";
#else
  const char* const optimised = "NOT OPTIMISED";
#endif
  return fmt::format("{} cores, Linux {} {}, {}, {}", ::sysconf(_SC_NPROCESSORS_ONLN), system.release, system.machine,
                     compiler, optimised);
}

}  // namespace bench
