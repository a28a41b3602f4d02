#pragma once

// What is measured: a cell is one way of using a channel, measured in one run for every flavor of channel beside the
// others.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

class Stage;

enum class Kind : std::uint8_t {
  ping_pong,  ///< one-way latency: half of a round trip
  stream,     ///< as many messages as go through, from one writer to each reader
  paced,      ///< 1,000 messages a second: what they cost
};

struct Cell {
  std::string name;
  Kind kind = Kind::ping_pong;
  std::size_t bytes = 64;
  bool blocking = false;    ///< readers sleep when there is nothing; else they poll
  bool touch = false;       ///< the whole payload is written and read; else its first bytes
  std::uint32_t depth = 8;  ///< messages queued per reader
  unsigned readers = 1;
  double seconds = 0;  ///< how long to measure
};

/// What one run of one cell gave.
struct Figures {
  double p50_ns = 0;
  double p99_ns = 0;
  double messages_per_s = 0;  ///< taken by each reader
  double gigabytes_per_s = 0;
  double lost = 0;                ///< share of the messages that a reader did not get
  double switches = 0;            ///< voluntary context switches per message: sleeps, each ended by a wake
  double preempted_per_s = 0;     ///< involuntary context switches of all workers: how disturbed the run was
  double writer_cpu_percent = 0;  ///< of one core
  double reader_cpu_percent = 0;  ///< of one core, of the first reader
  double probe_before_ns = 0;     ///< one cache line, one way
  double probe_after_ns = 0;
  std::uint64_t messages = 0;
  std::uint64_t errors = 0;  ///< messages torn, twice, out of order, or missing where nothing may be: no figure then
};

/// A kind of channel. `run` gives nothing for a cell that makes no sense for it, and throws when it cannot run.
struct Flavor {
  std::string name;
  std::function<std::optional<Figures>(const Cell&, Stage&)> run;
};

std::vector<Cell> all_cells();

/// A cache line, a raw ring, a pipe.
std::vector<Flavor> plain_flavors();

/// baton over each of its transports, in a domain of its own.
std::vector<Flavor> baton_flavors(const std::string& domain);

}  // namespace bench
