// Bytes as text, after RFC 4648: with '+', '/' and padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

BATON_API std::string to_base64(std::string_view bytes);

/// Nothing for a text that `to_base64` does not make.
BATON_API std::optional<std::string> from_base64(std::string_view text);

}  // namespace v1
}  // namespace baton
