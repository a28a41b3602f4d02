// The allowed values of the quality-of-service settings, in one place for `resolve` and for the configuration file.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "baton/memory.hpp"
#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

struct CountRange {
  std::uint32_t min;
  std::uint32_t max;
};

inline constexpr CountRange kDepthRange{1, Qos::kMaxDepth};
inline constexpr CountRange kHistoryRange{0, Qos::kMaxHistory};
inline constexpr CountRange kMaxHeldRange{1, Qos::kMaxHeld};
inline constexpr CountRange kMaxLoansRange{1, Qos::kMaxLoans};

inline constexpr std::array kOverflows{Overflow::drop_oldest, Overflow::drop_newest, Overflow::reject, Overflow::block};
inline constexpr std::array kStamps{Stamp::tsc, Stamp::monotonic, Stamp::off};
inline constexpr std::array kNotifies{Notify::futex, Notify::semaphore, Notify::socket, Notify::poll};
inline constexpr std::array kChecksums{Checksum::none, Checksum::crc32c};
inline constexpr std::array kProfiles{Profile::sensor, Profile::command, Profile::state, Profile::log};
inline constexpr std::array kMemoryPresets{MemoryPreset::minimal, MemoryPreset::default_, MemoryPreset::standard,
                                           MemoryPreset::large};

/// Whether a publisher can be held to it. Below a millisecond, whoever watches it would be late as often as what is
/// watched.
inline bool is_deadline(std::chrono::nanoseconds deadline) noexcept {
  return deadline == std::chrono::nanoseconds::zero() ||
         (deadline >= Qos::kMinDeadline && deadline <= Qos::kMaxDeadline);
}

/// Whether a transport could be called so: `[a-z][a-z0-9_]*`.
inline bool is_transport_name(std::string_view name) noexcept {
  if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

}  // namespace v1
}  // namespace baton
