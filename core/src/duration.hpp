// Durations as a person writes and reads them: "100 ms", "2s", "1.5 min".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// Reads a non-negative decimal number and a unit (ns, us, ms, s, min, h), with or without a space between them. The
/// error is the cause as a clause that fits after the quoted text: "has no unit; write for example '100 ms'".
BATON_API tl::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text);

/// The duration in the largest unit that gives a whole number: "100 ms".
BATON_API std::string to_text(std::chrono::nanoseconds duration);

}  // namespace v1
}  // namespace baton
