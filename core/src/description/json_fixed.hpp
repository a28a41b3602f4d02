// Makes messages of JSON where they lie in place: fixed ones, the parts of raw ones, and what tables hold inline.
#pragma once

#include "description/json_value.hpp"
#include "description/memory.hpp"

namespace baton {
inline namespace v1 {
namespace description {

/// What a new value is. `to` has room for it, and is zero.
void set_defaults(const Shape& shape, const Value* default_value, std::byte* to);
void set_defaults(const Type& type, std::byte* to);

/// Reads a value whose defaults are in place already. `about` has the range of the numbers in it, or is null.
Finding read_value(const Shape& shape, const Member* about, const Json& json, std::byte* to);

/// Those of `members` that the object has; any other member is an error, but for `beside`, which may be null.
Finding read_members(const Type& type, const Json& json, std::byte* to, const Member* beside = nullptr);

/// An array of elements, and their room, which is zero.
Finding read_elements(const Shape& element, const Member* about, const Json& json, std::byte* to);

}  // namespace description
}  // namespace v1
}  // namespace baton
