#pragma once

/// The three topics as a reader (the view, the alarm) receives them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <baton/baton.hpp>

#include "latency.hpp"
#include "report.hpp"
#include "run.hpp"
#include "sysmon.hpp"

namespace sysmon {

/// One subscription, with the time its messages took from the publisher to here.
template <class T>
class Input {
 public:
  explicit Input(baton::Subscriber<T> subscriber) : subscriber_(std::move(subscriber)) {}

  baton::Subscriber<T>& subscriber() noexcept { return subscriber_; }

  std::size_t publisher_count() const noexcept { return subscriber_.publisher_count(); }

  /// Calls `use(const T&)` for everything that is queued. Each sample goes back after its call, so that no more than
  /// one is ever held. Returns how many there were.
  template <class Use>
  std::uint64_t take_all(Use&& use) {
    std::uint64_t count = 0;
    for (; auto sample = subscriber_.take(); ++count) {
      const std::uint64_t now_ns = baton::monotonic_ns();
      const std::uint64_t stamp_ns = sample.info().stamp_ns;  // 0 where the configuration turns stamps off
      if (stamp_ns != 0) latency_.record(now_ns > stamp_ns ? now_ns - stamp_ns : 0);
      use(*sample);
    }
    return count;
  }

  /// The same, until at one moment nothing is queued: the publisher may go on. The report is of that moment, so that
  /// it leaves no message open.
  template <class Use>
  void finish(Use&& use) {
    for (int attempt = 0; attempt < kMostAttemptsToFinish; ++attempt) {
      take_all(use);
      total_ = subscriber_.counters().total;
      if (total_.queued == 0) return;
    }
  }

  ReportRow report(std::string_view reader) const {
    return {std::string(subscriber_.transport()),
            std::string(subscriber_.topic()),
            std::string(reader),
            total_.offered,
            total_.taken,
            total_.dropped(),
            latency_.percentile(50),
            latency_.percentile(99)};
  }

 private:
  static constexpr int kMostAttemptsToFinish = 1'000;  // of microseconds, while messages come every millisecond at most

  baton::Subscriber<T> subscriber_;
  baton::ConnectionCounters total_;  // when it finished
  LatencyHistogram latency_;
};

/// All three. `Reader` has a function `take(const T&)` for each type.
class Inputs {
 public:
  static baton::Result<Inputs> open(baton::Node& node);

  /// Sleeps until there is something to take, until the stop is requested, or until the time has come.
  void wait(const Stop& stop, std::uint64_t until_ns) const noexcept;

  /// Gives everything that is queued to the reader. Returns how many messages there were.
  template <class Reader>
  std::uint64_t take_all(Reader& reader) {
    const auto give = [&reader](const auto& message) { reader.take(message); };
    return cpu_.take_all(give) + memory_.take_all(give) + io_.take_all(give);
  }

  /// The last one: what comes later is not this reader's any more.
  template <class Reader>
  void finish(Reader& reader) {
    const auto give = [&reader](const auto& message) { reader.take(message); };
    cpu_.finish(give);
    memory_.finish(give);
    io_.finish(give);
  }

  /// Publishers connected now, of the topic that has most.
  std::size_t publisher_count() const noexcept;

  /// One row for each topic, as it was when it finished.
  std::vector<ReportRow> report(std::string_view reader) const;

 private:
  Inputs(Input<Cpu> cpu, Input<Memory> memory, Input<Io> io) noexcept
      : cpu_(std::move(cpu)), memory_(std::move(memory)), io_(std::move(io)) {}

  baton::Result<void> open_descriptors();

  Input<Cpu> cpu_;
  Input<Memory> memory_;
  Input<Io> io_;
  std::vector<int> fds_;  // the subscribers'
};

/// Two messages of a topic, some time apart. It keeps copies, not samples: a sample that is held for long counts
/// against `max_held`, and at that limit there is nothing more to take.
template <class T>
class Window {
 public:
  void add(const T& message) { (from_ ? to_ : from_) = message; }

  /// Whether there are two.
  explicit operator bool() const noexcept { return from_ && to_; }
  const T& from() const noexcept { return *from_; }
  const T& to() const noexcept { return *to_; }

  std::uint64_t length_ns() const noexcept {
    return *this && to().stamp_ns > from().stamp_ns ? to().stamp_ns - from().stamp_ns : 0;
  }

  /// Begins the next window where this one ends.
  void advance() {
    if (to_) from_ = std::exchange(to_, std::nullopt);
  }

 private:
  std::optional<T> from_;
  std::optional<T> to_;
};

}  // namespace sysmon
