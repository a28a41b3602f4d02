#pragma once

/// How a part of the monitor (the probe, the view, the alarm) is run: on a thread of its own, until somebody asks it to
/// stop. The same whether the parts share a process or not.

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include <signal.h>

#include "descriptor.hpp"

namespace sysmon {

/// A request to stop that a thread can look at, sleep on, and poll together with other descriptors. Any thread may use
/// it. Throws std::system_error where there are no descriptors left.
class Stop {
 public:
  Stop();

  void request() noexcept;
  bool requested() const noexcept;

  /// Readable once the stop is requested, and for ever after.
  int fd() const noexcept { return event_.get(); }

  /// Sleeps until the time (as of baton::monotonic_ns) or the request. True if it was requested.
  bool sleep_until(std::uint64_t time_ns) const noexcept;

 private:
  Descriptor event_;
  std::atomic<bool> requested_ = false;
};

/// Keeps SIGINT, SIGTERM and SIGHUP from killing the process, so that `wait_for_end` can take them as a wish to end;
/// a SIGHUP that is ignored stays so.
/// Make one before the first thread, because threads inherit what is blocked.
class Signals {
 public:
  Signals();
  ~Signals() { release(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const noexcept { return arrived_.get(); }

  /// Lets signals kill again: for somebody who asks twice because the ending takes too long.
  void release() noexcept;

 private:
  sigset_t before_;
  Descriptor arrived_;
};

/// Sleeps until a signal arrives, until `end` is requested, or for so many seconds. False if only the time has passed.
bool wait_for_end(Signals& signals, const Stop& end, std::optional<double> seconds);

/// Runs `part.run(stop)` on a thread from its construction until `end()`.
template <class Part>
class Running {
 public:
  explicit Running(Part& part) : thread_([this, &part] { part.run(stop_); }) {}
  ~Running() { end(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Asks the part to stop, and waits until it has.
  void end() {
    stop_.request();
    if (thread_.joinable()) thread_.join();
  }

 private:
  Stop stop_;
  std::thread thread_;
};

}  // namespace sysmon
