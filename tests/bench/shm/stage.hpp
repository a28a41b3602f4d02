#pragma once

// Runs the workers of a cell: each in a process of its own (or a thread, for a channel within a process), pinned to a
// core, all beginning and ending together, between two probes of how far apart the cores are at that moment.

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "shared_area.hpp"

namespace bench {

/// The processor's counter where it runs evenly, else CLOCK_MONOTONIC.
std::uint64_t ticks() noexcept;
double ns_per_tick() noexcept;
inline std::uint64_t ticks_of(double seconds) noexcept {
  return static_cast<std::uint64_t>(seconds * 1e9 / ns_per_tick());
}

/// What a worker tells its parent.
struct Report {
  std::uint64_t taken = 0;
  std::uint64_t lost = 0;
  std::uint64_t errors = 0;
  std::uint64_t messages = 0;  ///< taken in `seconds`, which are those after warming up
  double seconds = 0;
  std::uint64_t samples = 0;      ///< latencies written to `Worker::samples`
  std::uint64_t switches = 0;     ///< voluntary ones
  std::uint64_t preemptions = 0;  ///< involuntary ones
  double cpu_seconds = 0;
  double wall_seconds = 0;
  std::array<char, 256> failure = {};  ///< why the worker gave up
};

inline constexpr unsigned kMaxWorkers = 8;
inline constexpr std::uint64_t kNotYet = UINT64_MAX;

/// What the probe does, and between which results of it figures count.
struct Probe {
  double seconds = 0.02;
  double low_ns = 0;
  double high_ns = 1e9;

  bool fits(double ns) const noexcept { return ns >= low_ns && ns <= high_ns; }
};

/// What the workers of a cell share.
struct Shared {
  pthread_barrier_t barrier;
  alignas(64) std::atomic<std::uint64_t> last;   ///< the number of the last message, once that is known
  alignas(64) std::atomic<std::uint64_t> probe;  ///< the line that the probe moves
  alignas(64) double probe_before_ns;
  double probe_after_ns;
  bool skipped;  ///< the first probe was outside of the band
  std::array<Report, kMaxWorkers> reports;
};

class Worker {
 public:
  Worker(Shared& shared, std::span<std::uint32_t> samples, unsigned index, bool thread, const Probe& probe) noexcept
      : shared_(&shared), samples_(samples), index_(index), thread_(thread), probe_(&probe) {}

  Shared& shared() const noexcept { return *shared_; }
  Report& report() const noexcept { return shared_->reports[index_]; }

  /// Where the one worker that measures latency puts it: everything that fits.
  std::span<std::uint32_t> samples() const noexcept { return samples_; }

  /// Called by each worker once, when its ends of the channels are open: runs `body` in all of them at the same time,
  /// unless the first probe does not fit. None returns before all are done, so that no end closes too early.
  void measure(const std::function<void()>& body) const;

 private:
  void meet() const noexcept;
  double distance_ns() const noexcept;

  Shared* shared_;
  std::span<std::uint32_t> samples_;
  unsigned index_;
  bool thread_;
  const Probe* probe_;
};

using Work = std::function<void(const Worker&)>;

class Stage {
 public:
  /// The first worker runs on the first core, all others on the second.
  Stage(std::array<int, 2> cores, const Probe& probe);

  /// Runs the workers to their end. Throws what a worker threw, or how it died.
  const Shared& run(const std::vector<Work>& works, bool threads);

  std::span<std::uint32_t> samples() const noexcept;

  /// A name that no other run of this program had.
  std::string next_name();

 private:
  void reset(unsigned workers);
  void work(const Work& work, unsigned index, bool thread) const noexcept;

  std::array<int, 2> cores_;
  Probe probe_;
  SharedArea shared_area_;
  SharedArea sample_area_;
  Shared* shared_;
  unsigned runs_ = 0;
};

}  // namespace bench
