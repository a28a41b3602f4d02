#pragma once

#include <cstdint>

namespace sysmon {

/// When the ticks of a fixed rate are due. Each is computed from the start, so that delays do not add up.
///
/// After a short stall the ticks that were missed are made up for at once, one after the other. After a long one they
/// are skipped and counted, and the schedule goes on in its old grid: nobody wants many readings of the same moment.
class Schedule {
 public:
  static constexpr std::uint64_t kMostTicksToCatchUp = 25;

  Schedule(std::uint64_t start_ns, double rate_hz) noexcept : start_ns_(start_ns), period_ns_(1e9 / rate_hz) {}

  /// When the next tick is due.
  std::uint64_t due_ns() const noexcept {
    return start_ns_ + static_cast<std::uint64_t>(static_cast<double>(tick_) * period_ns_);
  }

  /// The tick that was due has been done.
  void advance(std::uint64_t now_ns) noexcept {
    ++tick_;
    const std::uint64_t due = due_ns();
    if (now_ns <= due) return;
    const auto behind = static_cast<std::uint64_t>(static_cast<double>(now_ns - due) / period_ns_);
    if (behind <= kMostTicksToCatchUp) return;
    tick_ += behind;
    skipped_ += behind;
  }

  std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  std::uint64_t start_ns_;
  double period_ns_;
  std::uint64_t tick_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace sysmon
