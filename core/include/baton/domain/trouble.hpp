#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/event.hpp"
#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// Something about a port that its keeper is to tell in an event: a drop, a queue over its mark. Who comes upon it is
/// in the middle of a hot verb, and may come upon the next one a microsecond later: so the keeper is called once, and
/// from then on looks by itself, ten times a second, until it finds nothing new any more.
class Concern {
 public:
  /// `port` is kept in the bucket, as long as this is used.
  Concern(Member& member, std::uint32_t bucket, const Kept& port) noexcept
      : member_(member), bucket_(bucket), port_(port) {}

  /// After the figure was changed, by a plain store. Any thread.
  ///
  /// C1: `raised_` only changes by read-modify-writes, acq_rel. So of this one and that with which `look` ends it, the
  /// later sees what came before the other: either `look` finds the change afterwards, or this finds that it is not
  /// raised, and calls. A load in place of the exchange may be done before the figure's store is seen.
  void raise() noexcept {
    if (raised_.exchange(true, std::memory_order_acq_rel)) return;  // C1
    member_.call_at(bucket_, port_, Clock::now());
  }

  /// The keeper's look, if it is time for one: `tell` tells what is new, and returns whether there was, or will be,
  /// something. `unasked`: it may have been raised elsewhere.
  template <class Tell>
  void look(Tell tell, bool unasked = false) {
    if (!unasked && !raised_.load(std::memory_order_relaxed)) return;  // who has raised it calls
    const Clock::time_point now = Clock::now();
    if (now < next_) return member_.call_at(bucket_, port_, next_);
    bool news = tell();
    if (!news) {
      raised_.exchange(false, std::memory_order_acq_rel);  // C1
      news = tell();                                       // what came just before, when it still counted as raised
    }
    if (!news) return;
    raised_.exchange(true, std::memory_order_acq_rel);  // C1
    next_ = now + kInterval;
    member_.call_at(bucket_, port_, next_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};

  Member& member_;
  const std::uint32_t bucket_;
  const Kept& port_;
  Clock::time_point next_{};  // the keeper's
  std::atomic<bool> raised_{false};
};

/// The levels of a queue at which it counts as congested, and as relieved. A short one is full and empty in turn when
/// all is well; and to look at its level every few messages costs a cache line that the reader is writing (measured at
/// a depth of 8: 10 ns a message).
constexpr std::uint64_t congested_from(std::uint64_t depth) noexcept { return depth < 32 ? UINT64_MAX : depth * 4 / 5; }
constexpr std::uint64_t relieved_at(std::uint64_t depth) noexcept { return depth * 2 / 5; }

/// What is to be told of a connection.
struct Trouble {
  std::uint64_t dropped_oldest = 0;
  std::uint64_t dropped_newest = 0;
  std::uint64_t dropped_timeout = 0;
  std::uint64_t dropped_expired = 0;
  bool congested = false;
};

/// What has been told of a connection, so that each change is told once. For one thread at a time.
class BATON_API Told {
 public:
  /// Reports what is new. True if that was something, or there will be more: the queue is congested. Figures that go
  /// back, as a peer's may, are nothing new.
  bool tell(const Trouble& now, EventQueue& events, const std::string& topic, const std::string& peer,
            std::vector<Event>& to_announce) noexcept;

 private:
  Trouble told_;
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
