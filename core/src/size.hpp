// Sizes as a person writes and reads them: "64 MiB", "512B", "1.5 GiB".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// Reads a non-negative decimal number and a unit (B, KiB, MiB, GiB, TiB), with or without a space between them. The
/// error is the cause as a clause that fits after the quoted text: "has no unit; write for example '64 MiB'".
BATON_API tl::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// The size in the largest unit that gives a whole number: "64 MiB".
BATON_API std::string size_text(std::uint64_t bytes);

}  // namespace v1
}  // namespace baton
