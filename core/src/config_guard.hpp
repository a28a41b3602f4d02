// Refuses TOML text that a recursive parser cannot be trusted with, before the parser sees it.
#pragma once

#include <string_view>

#include "baton/error.hpp"

namespace baton {
inline namespace v1 {

/// Checks that the text is UTF-8 and that nothing in it is nested more than a few levels deep: the parser builds, and
/// destroys, one level of recursion for each part of a dotted key and for each bracket, and a megabyte holds half a
/// million of them. Strings over several lines are refused too: no key takes one, and without them a line can be
/// scanned without knowing what was before it.
Result<void> guard_toml(std::string_view text, std::string_view file_name);

}  // namespace v1
}  // namespace baton
