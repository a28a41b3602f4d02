#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace baton {
inline namespace v1 {

/// The last few of something, oldest first: a transport's history. Allocates at construction only.
template <class T>
class KeepLast {
 public:
  explicit KeepLast(std::size_t limit) : ring_(limit) {}

  std::size_t limit() const noexcept { return ring_.size(); }
  std::size_t size() const noexcept { return count_; }

  T operator[](std::size_t index) const noexcept { return ring_[(first_ + index) % ring_.size()]; }

  /// Appends a value; returns the one that had to go for it, if one had to. Only with a limit above 0.
  std::optional<T> push(T value) noexcept {
    if (count_ < ring_.size()) {
      ring_[(first_ + count_++) % ring_.size()] = value;
      return std::nullopt;
    }
    const T oldest = ring_[first_];
    ring_[first_] = value;
    first_ = (first_ + 1) % ring_.size();
    return oldest;
  }

  /// Removes and returns the newest value, if there is one.
  std::optional<T> pop() noexcept {
    if (count_ == 0) return std::nullopt;
    return (*this)[--count_];
  }

 private:
  std::vector<T> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace v1
}  // namespace baton
