// This process as others know it, and what its forked children have to be told.
#pragma once

#include <cstdint>
#include <mutex>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// Labels of a process: they tell whether a pid still means the process that wrote it. Nothing is decided by them
/// alone.
struct ProcessLabels {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;    ///< 0 where /proc does not say
  std::uint64_t pid_namespace = 0;  ///< 0 where /proc does not say
};

ProcessLabels own_labels();

/// When the process started, in clock ticks since the machine did: field 22 of /proc/PID/stat. 0 if it cannot be read.
std::uint64_t start_ticks_of(std::uint32_t pid);

/// Held for short times by whoever changes what a fork must find whole: the descriptors that carry locks, the lists of
/// kept objects, the cache of mappings. A fork takes it, so that in the child none of them is half changed.
std::mutex& fork_mutex() noexcept;

/// Told of a fork, in the child. The list of those is guarded by `fork_mutex`, too.
class ForkAware {
 public:
  ForkAware() noexcept = default;
  ForkAware(const ForkAware&) = delete;
  ForkAware& operator=(const ForkAware&) = delete;

  /// In the child, before `fork` returns there, with `fork_mutex` held: may close descriptors, and change what that
  /// guards and atomic words.
  virtual void in_child() noexcept = 0;

  ForkAware* next() const noexcept { return next_; }

 protected:
  ~ForkAware() = default;

  /// Both take `fork_mutex`. From the body of the final class's constructor, and of its destructor: in between, and not
  /// before or after, it can be told.
  void enlist() noexcept;
  void delist() noexcept;

 private:
  ForkAware* next_ = nullptr;
  ForkAware* previous_ = nullptr;
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
