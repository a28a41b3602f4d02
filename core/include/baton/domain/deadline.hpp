#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "baton/clock.hpp"
#include "baton/domain/layout.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// A watch over a publisher that has promised a message at least every so often. By what the publisher's file says, so
/// that both sides come to the same verdict, also when the publisher's process stands still.
class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// From now on: before the first message, the time counts from here.
  Deadline(std::chrono::nanoseconds most, StampClock clock, std::shared_ptr<const PortFile> publisher) noexcept
      : most_(most), clock_(clock), publisher_(std::move(publisher)), since_(std::chrono::steady_clock::now()) {}

  /// Whether it has been missed now, and was not told so since the last message.
  bool is_missed(Time now) noexcept {
    // relaxed: a figure; the steady clock and the stamps are CLOCK_MONOTONIC both.
    const std::uint64_t stamp = publisher_->publisher.last_stamp.load(std::memory_order_relaxed);
    if (stamp != seen_stamp_) {
      seen_stamp_ = stamp;
      // Not later than now: the word is a peer's, and may say anything.
      const auto now_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(now.time_since_epoch()).count());
      since_ = Time(std::chrono::nanoseconds(std::min(clock_.to_ns(stamp), now_ns)));
      told_ = false;
    }
    if (now < since_ + most_) return false;
    return !std::exchange(told_, true);
  }

  /// When to ask next. Once it is told, less often: a publisher that is silent must not keep its watchers busy.
  Time next(Time now) const noexcept { return told_ ? now + std::max(most_, kPatience) : since_ + most_; }

 private:
  static constexpr std::chrono::nanoseconds kPatience = std::chrono::milliseconds(100);

  std::chrono::nanoseconds most_;
  StampClock clock_;
  std::shared_ptr<const PortFile> publisher_;
  std::uint64_t seen_stamp_ = 0;
  Time since_;
  bool told_ = false;
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
