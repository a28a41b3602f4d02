// The allowed values of the quality-of-service settings, in one place for `resolve` and for the configuration file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

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
