// What a port announces, as JSON text: the content of its file. Written by us, read from files that anybody of this
// user may have changed: whatever is missing, or not what it should be, is an error that says so.
#pragma once

#include <string>
#include <string_view>

#include "baton/error.hpp"
#include "baton/match.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

BATON_API std::string to_json(const PortAnnouncement& announcement);

/// `file` names the text in errors (`Errc::corrupt`).
BATON_API Result<PortAnnouncement> announcement_from_json(std::string_view text, std::string_view file);

}  // namespace domain
}  // namespace v1
}  // namespace baton
