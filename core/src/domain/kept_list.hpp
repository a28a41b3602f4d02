// The kept objects of a node: which of them are due, and which one is being called. Used by Membership.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "baton/domain/member.hpp"
#include "domain/process.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// The lists are guarded by `fork_mutex`, so that a forked child finds them whole; no kept object is called with it
/// held.
class KeptList final : private ForkAware {
 public:
  using Buckets = std::bitset<kBuckets>;
  using Clock = std::chrono::steady_clock;

  KeptList() { enlist(); }
  ~KeptList() { delist(); }

  /// Adds an object, which is not due yet.
  void add(std::uint32_t bucket, Kept& kept);

  /// Waits for a call under way on another thread. True if it was the last one of its bucket, which is stored.
  bool remove(Kept& kept, std::uint32_t& bucket) noexcept;

  /// Buckets that objects are kept in.
  Buckets buckets() const noexcept;

  bool has(std::uint32_t bucket) const noexcept;

  void make_due(const Buckets& buckets) noexcept;
  void make_due(std::uint32_t bucket, const Kept& kept) noexcept;
  bool has_due() const noexcept;

  /// Has the object become due at a time, or before; one time for each object. True if no other is earlier.
  bool make_due_at(std::uint32_t bucket, const Kept& kept, Clock::time_point when) noexcept;
  void make_due_by(Clock::time_point now) noexcept;
  /// The next such time; never, if there is none.
  Clock::time_point next_time() const noexcept;

  /// Calls every object that is due, and announces its events to `events` when it has been. One thread at a time: the
  /// objects that it calls, and the callbacks of the events, may add and remove objects. The result is how many it
  /// called.
  std::size_t call_due(EventQueue& events);

 private:
  struct Entry {
    Kept* kept;
    bool due = false;
    Clock::time_point at = Clock::time_point::max();
  };

  Kept* begin_next(std::uint32_t& bucket, std::size_t& index) noexcept;
  void end_call() noexcept;
  void in_child() noexcept override;

  std::array<std::vector<Entry>, kBuckets> entries_;
  Buckets due_;                                            // buckets with an entry that is due
  Clock::time_point earliest_ = Clock::time_point::max();  // no entry's time is before it
  std::atomic<bool> in_child_{false};                      // of a fork
  const Kept* running_ = nullptr;
  std::thread::id runner_;
  std::condition_variable ended_;
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
