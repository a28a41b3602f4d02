#pragma once

#include <cstddef>
#include <cstdint>

namespace baton {
inline namespace v1 {

/// One message's memory as it crosses the seam: two words, which travel in registers. `payload` is 64-byte aligned;
/// `token` is the port's own. Without a payload it is a refusal, and `token` is the reason.
struct Chunk {
  std::byte* payload = nullptr;
  std::uint64_t token = 0;

  explicit operator bool() const noexcept { return payload != nullptr; }

  template <class Status>
  static Chunk refusal(Status reason) noexcept {
    return {nullptr, static_cast<std::uint64_t>(reason)};
  }

  /// Only for a refusal, as the status that the refusing verb uses.
  template <class Status>
  Status reason() const noexcept {
    return static_cast<Status>(token);
  }
};

}  // namespace v1
}  // namespace baton
