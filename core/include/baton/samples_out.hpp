#pragma once

#include <atomic>
#include <cstdint>

namespace baton {
inline namespace v1 {

/// The samples of a subscriber's port that are out: whether there may be more, and who frees the port. For transports.
///
/// One word counts what was released, up from 0; its lowest bit says that the consumer is at its limit, and that the
/// next release must ring. All changes of the word are in one order, so of a consumer that sets the bit and somebody
/// who releases one sees the other. When the port is abandoned the word counts up to 0 instead.
class SamplesOut {
 public:
  explicit SamplesOut(std::uint64_t limit) noexcept : limit_(limit) {}

  /// Whether as many are out as may be. If so, the next release rings. The consumer.
  bool is_at_limit() noexcept {
    if (at_most_ < limit_) [[likely]]
      return false;
    at_most_ = taken_ - count(released_.load(std::memory_order_acquire));
    if (at_most_ < limit_) return false;
    at_most_ =
        taken_ - count(released_.fetch_or(kRings, std::memory_order_acq_rel));  // who releases later sees the bit
    return at_most_ >= limit_;
  }

  /// One more is out. The consumer.
  void add() noexcept {
    ++at_most_;
    ++taken_;
  }

  /// How many are out; at least those that are released after this. The consumer.
  std::uint64_t size() const noexcept { return taken_ - count(released_.load(std::memory_order_acquire)); }

  /// One less is out: the last touch of the port, unless this is true: the port has been abandoned, and is to be freed
  /// by the caller, who comes after everybody else. `ring` wakes the consumer. Any thread.
  template <class Ring>
  [[nodiscard]] bool release(Ring ring) noexcept {
    std::int64_t released = released_.load(std::memory_order_relaxed);
    do {
      if ((released & kRings) != 0) [[unlikely]] {
        if ((released_.fetch_and(~kRings, std::memory_order_acq_rel) & kRings) != 0) ring();
        released &= ~kRings;
      }
    } while (!released_.compare_exchange_weak(released, released + kOne, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return released + kOne == 0;
  }

  /// The owner uses the port no more, and nothing is added. True if nothing is out: then the caller frees the port, and
  /// else whoever releases the last one.
  [[nodiscard]] bool abandon() noexcept {
    released_.fetch_and(~kRings, std::memory_order_acq_rel);
    const auto all = static_cast<std::int64_t>(taken_) * kOne;
    return released_.fetch_sub(all, std::memory_order_acq_rel) == all;
  }

 private:
  static constexpr std::int64_t kRings = 1;
  static constexpr std::int64_t kOne = 2;
  static std::uint64_t count(std::int64_t released) noexcept { return static_cast<std::uint64_t>(released / kOne); }

  const std::uint64_t limit_;
  std::uint64_t at_most_ = 0;  // an upper bound, so that the word is read only when it matters
  std::uint64_t taken_ = 0;    // in all
  alignas(64) std::atomic<std::int64_t> released_{0};
};

}  // namespace v1
}  // namespace baton
