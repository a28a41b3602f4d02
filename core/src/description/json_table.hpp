// Makes messages of the layout table of JSON.
#pragma once

#include <cstddef>
#include <vector>

#include "description/json_value.hpp"

namespace baton {
inline namespace v1 {
namespace description {

Finding read_table(const Type& type, const Json& json, std::vector<std::byte>& message);

}  // namespace description
}  // namespace v1
}  // namespace baton
