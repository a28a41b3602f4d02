// Measures baton over shared memory between two pinned processes, beside the limits and a peer, in one interleaved run.
// See ../README.md for how to run it and read it.

#include <fmt/format.h>
#include <fnmatch.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cell.hpp"
#include "stage.hpp"
#include "stats.hpp"
#include "table.hpp"

namespace {

using namespace bench;

struct Arguments {
  unsigned rounds = 3;
  double seconds_per_cell = 0.3;
  std::vector<std::string> cells;
  std::vector<std::string> flavors;
  std::vector<double> probe_band;
  unsigned retries = 20;
  std::vector<int> cores;
  std::optional<std::uint32_t> depth;
  std::string json_file;
  bool quick = false;
  bool list = false;
};

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--rounds", arguments.rounds, "How often each cell is measured with each flavor, in turn")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds-per-cell", arguments.seconds_per_cell, "How long each time")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 30.0));
  app.add_option("--cells", arguments.cells, "Only the cells that match one of these patterns, as \"busy.*\"")
      ->delimiter(',');
  app.add_option("--flavors", arguments.flavors, "Only the flavors that match one of these patterns")->delimiter(',');
  app.add_option("--probe-band", arguments.probe_band,
                 "LOW,HIGH: count only runs with the probe before and after in this band of nanoseconds")
      ->delimiter(',')
      ->expected(2);
  app.add_option("--retries", arguments.retries, "How often a run outside of the band is repeated")
      ->capture_default_str();
  app.add_option("--cores", arguments.cores, "WRITER,READERS: the cores; by default the first two")
      ->delimiter(',')
      ->expected(2);
  app.add_option("--depth", arguments.depth, "The depth of all queues, instead of each cell's own")
      ->check(CLI::Range(1, 65'536));
  app.add_option("--json", arguments.json_file, "A file for all figures of all runs; \"-\" prints them instead");
  app.add_flag("--quick", arguments.quick,
               "One round of a few milliseconds per cell: shows that it runs, measures nothing");
  app.add_flag("--list", arguments.list, "List the cells and flavors");
}

bool chosen(const std::string& name, const std::vector<std::string>& patterns) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

/// Two cores that this process may use; the same one twice if it may use one only.
std::array<int, 2> first_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
  if (cores.empty()) cores.push_back(0);
  return {cores[0], cores[cores.size() > 1 ? 1 : 0]};
}

/// One more run of a row, if this flavor has such a cell. One that the probe finds unfit is repeated, a little later.
void run_once(Row& row, const Flavor& flavor, const Probe& probe, unsigned retries, Stage& stage) {
  for (unsigned tries = 0;; ++tries) {
    const auto run = flavor.run(row.cell, stage);
    if (!run) return;
    const bool fits = probe.fits(run->probe_before_ns) && probe.fits(run->probe_after_ns);
    (fits ? row.runs : row.unfit).push_back(*run);
    if (fits || tries >= retries) return;
    ::usleep(100'000);
  }
}

std::vector<Row> measure(const std::vector<Cell>& cells, const std::vector<Flavor>& flavors, const Arguments& arguments,
                         const Probe& probe, Stage& stage) {
  std::vector<Row> rows;
  for (const Cell& cell : cells) {
    for (const Flavor& flavor : flavors) rows.push_back({.cell = cell, .flavor = flavor.name, .runs = {}, .unfit = {}});
  }
  for (unsigned round = 0; round < arguments.rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Row& row = rows[i];
      if (::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\rround {} of {}: {:<20} {:<20}", round + 1, arguments.rounds, row.cell.name, row.flavor);
      }
      try {
        run_once(row, flavors[i % flavors.size()], probe, arguments.retries, stage);
      } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{} with {}: {}", row.cell.name, row.flavor, error.what()));
      }
    }
  }
  if (::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r{:60}\r", "");
  rows.erase(
      std::remove_if(rows.begin(), rows.end(), [](const Row& row) { return row.runs.empty() && row.unfit.empty(); }),
      rows.end());
  return rows;
}

int run(const Arguments& arguments) {
  Probe probe;
  if (arguments.quick) probe.seconds = 0.001;
  if (!arguments.probe_band.empty()) {
    probe.low_ns = arguments.probe_band[0];
    probe.high_ns = arguments.probe_band[1];
  }
  auto cells = all_cells();
  auto flavors = plain_flavors();
  for (Flavor& flavor : baton_flavors(fmt::format("bench-{}", ::getpid()))) flavors.push_back(std::move(flavor));
  std::erase_if(cells, [&](const Cell& cell) { return !chosen(cell.name, arguments.cells); });
  std::erase_if(flavors, [&](const Flavor& flavor) { return !chosen(flavor.name, arguments.flavors); });
  if (arguments.list) {
    for (const Cell& cell : cells) fmt::print("cell    {}\n", cell.name);
    for (const Flavor& flavor : flavors) fmt::print("flavor  {}\n", flavor.name);
    return 0;
  }
  for (Cell& cell : cells) {
    cell.seconds = arguments.seconds_per_cell;
    cell.depth = arguments.depth.value_or(cell.depth);
  }
  std::array<int, 2> cores = first_cores();
  if (!arguments.cores.empty()) cores = {arguments.cores[0], arguments.cores[1]};
  if (cores[0] == cores[1])
    fmt::print(stderr, "shm_bench: only one core: whoever polls keeps the other from running\n");

  Stage stage(cores, probe);
  const auto rows = measure(cells, flavors, arguments, probe, stage);
  if (arguments.json_file != "-") {
    fmt::print("{}; cores {} and {}; medians of {} interleaved rounds of {} s\n{}", machine(), cores[0], cores[1],
               arguments.rounds, arguments.seconds_per_cell, table(rows));
  }
  if (arguments.json_file == "-") {
    fmt::print("{}", json(rows));
  } else if (!arguments.json_file.empty()) {
    std::ofstream(arguments.json_file) << json(rows);
  }
  const bool errors = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.errors() > 0; });
  if (errors) fmt::print(stderr, "shm_bench: messages were damaged, missing, or out of order\n");
  return errors ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures baton over shared memory, beside what it can be compared to.");
  Arguments arguments;
  add_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (arguments.quick) {
    arguments.rounds = 1;
    arguments.seconds_per_cell = 0.003;
  }
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "shm_bench: {}\n", error.what());
    return 2;
  }
}
