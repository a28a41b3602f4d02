#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Waits until one of several descriptors is ready, or a deadline. Owns none of them: they must stay open while they
/// are waited for. For one thread at a time.
class BATON_API Poll {
 public:
  using Clock = std::chrono::steady_clock;

  /// Adds a descriptor, and what of it is waited for; the result is its index, counted from 0.
  std::size_t add(int fd, short events = POLLIN);

  /// Takes all out again.
  void clear() noexcept { entries_.clear(); }

  /// Waits, without a limit if there is no deadline; one that has passed makes it a look without waiting. The result is
  /// how many descriptors are ready, 0 at the deadline. Signals do not end it.
  Result<std::size_t> wait(std::optional<Clock::time_point> deadline);

  /// Whether the last wait found the descriptor readable, at its end, or in error: reading it will not wait.
  bool is_ready(std::size_t index) const noexcept { return index < entries_.size() && entries_[index].revents != 0; }

  /// What the last wait found, as `poll` says it. Only of one that was added.
  short found(std::size_t index) const noexcept { return entries_[index].revents; }

 private:
  std::vector<pollfd> entries_;
};

/// Waits until a descriptor can be read, or until the deadline; `max()` is for ever. Signals do not end it.
BATON_API void wait_until_readable(int fd, std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace posix
}  // namespace v1
}  // namespace baton
