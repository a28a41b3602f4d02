// What a node has taken of its domain's shared memory, within its limits. Used by Membership, for whoever makes files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "baton/domain/member.hpp"
#include "domain/registration.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// The sum is the registry's word of the node, which this process alone changes, so that all others can add up what the
/// domain has; which topic it is for is known here only. A limit holds also while several nodes reach it at once: each
/// counts first, and takes that back if all together are over it, so it may be that both are refused, and never that
/// both are served. Any thread.
class Account {
 public:
  Account(Registration& registration, const MemorySettings& settings, std::string_view node)
      : registration_(registration), settings_(settings), node_(node) {}

  /// Counts the bytes, which are whole pages. An empty topic: the node's own.
  Result<void> take(std::string_view topic, std::uint64_t bytes);
  void give_back(std::string_view topic, std::uint64_t bytes) noexcept;

  MemoryUse use() const;

  /// Who has what, as the end of an error: "of this domain, node 'a' has 4096 bytes".
  std::string largest_nodes() const;
  std::string largest_topics() const;

 private:
  std::atomic<std::uint64_t>& own_bytes() const noexcept {
    return registration_.slot(registration_.id().slot).shared_bytes;
  }

  Registration& registration_;
  const MemorySettings& settings_;
  const std::string node_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> topics_;  // guarded by the mutex
};

/// Rounded up to whole pages, as files take them.
constexpr std::uint64_t whole_pages(std::uint64_t bytes) noexcept {
  return bytes > UINT64_MAX - kPageBytes ? UINT64_MAX : (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
