#pragma once

// From what the workers reported to the figures of a run, and from the figures of several runs to what is printed.

#include <cstdint>
#include <span>
#include <vector>

#include "cell.hpp"
#include "stage.hpp"

namespace bench {

/// Nearest rank: the smallest sample that at least `percent` of all samples do not exceed. Reorders; 0 if there is
/// none.
double percentile(std::span<std::uint32_t> samples, double percent);

double median(std::vector<double> values);

Figures latency_figures(const Shared& shared, std::span<std::uint32_t> samples, double ns_per_unit);
Figures stream_figures(const Shared& shared, unsigned readers, std::size_t bytes);
Figures paced_figures(const Shared& shared, std::span<std::uint32_t> samples);

/// All runs of one cell with one flavor.
struct Row {
  Cell cell;
  std::string flavor;
  std::vector<Figures> runs;   ///< that count
  std::vector<Figures> unfit;  ///< whose probe lay outside of the band

  double median_of(double Figures::*figure) const;
  double spread_of(double Figures::*figure) const;  ///< from the smallest to the largest, in percent of the median
  std::uint64_t errors() const;
};

/// The figure that a cell is about.
double Figures::*metric_of(const Cell& cell) noexcept;

}  // namespace bench
