#pragma once

// When who polls leaves a line alone for a while.

#include <algorithm>
#include <cstdint>

#include "baton/clock.hpp"
#include "baton/spin.hpp"

namespace baton::shm {

/// Of so many nanoseconds a poller stays away from a word that the other side writes to. Each look takes the line away
/// from the writer, who has to fetch it back for its next store: where messages come one close after the other, and are
/// taken as fast, each costs two transfers of the line between the cores, and a queue that never holds more than one is
/// half as fast as one that holds some. In that time some ten messages can be written.
inline constexpr std::uint64_t kAsideNs = 500;

/// Stays away until then, if anybody can write meanwhile.
inline void stay_aside(std::uint64_t until_ns) noexcept {
  while (Spin::others_run_meanwhile() && monotonic_ns() < until_ns) relax();
}

/// Whether a reader that found nothing should step aside before it looks again: as long as that pays. It does if more
/// than one message has come meanwhile. Where it did not, the reader tries again after 16 messages that it had to look
/// for more than once, then after 32, and so on up to 4,096. So who answers each message, and has the next one only
/// then, steps aside for nothing with one message of 4,096. One thread at a time.
class StepAside {
 public:
  /// Nothing was found. True if it has stepped aside: there may be something now.
  bool nothing_found() noexcept {
    if (looks_in_vain_ < kMany) ++looks_in_vain_;
    if (looks_in_vain_ != 1 || rest_ != 0) return false;
    tried_ = true;
    stay_aside(monotonic_ns() + kAsideNs);
    return true;
  }

  /// Whether it is being looked for again and again.
  bool is_polling() const noexcept { return looks_in_vain_ == kMany; }

  /// A message was found. `is_another_there`: asked only if it matters.
  template <class IsAnotherThere>
  void found(IsAnotherThere is_another_there) noexcept {
    if (looks_in_vain_ == 0) [[likely]]
      return;
    if (tried_) {
      if (looks_in_vain_ == 1 && is_another_there()) {
        next_rest_ = kShortestRest;
      } else {
        rest_ = next_rest_;
        next_rest_ = std::min(2 * next_rest_, kLongestRest);
      }
      tried_ = false;
    } else {
      --rest_;
    }
    looks_in_vain_ = 0;
  }

 private:
  static constexpr std::uint32_t kMany = 3;
  static constexpr std::uint32_t kShortestRest = 16;
  static constexpr std::uint32_t kLongestRest = 4'096;

  std::uint32_t looks_in_vain_ = 0;  // since the last message, up to kMany
  std::uint32_t rest_ = 0;           // messages
  std::uint32_t next_rest_ = kShortestRest;
  bool tried_ = false;  // since the last message
};

}  // namespace baton::shm
