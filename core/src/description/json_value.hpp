// What a JSON value is as a value of an IDL type. The two sources that make messages of JSON share this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "baton/validate.hpp"
#include "description/model.hpp"

namespace baton {
inline namespace v1 {
namespace description {

using Json = nlohmann::json;
using detail::Finding;

/// What a message made of JSON may take: a few characters of it can mean a large element.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 30U;

/// "a string", "an array", "-3": for "expected ..., got ...".
std::string told(const Json& json);
Finding expected(std::string_view what, const Json& json);

/// A number, boolean, character, enum or bitmask, as the `bits` of a description. `about` has the range, or is null.
Finding read_bits(const Shape& shape, const Member* about, const Json& json, std::uint64_t& bits);

/// The bytes of a string: JSON's own, or an array of numbers for what is no UTF-8.
Finding read_text(const Json& json, std::string& text);

/// Whether the elements of an array are as many as its outermost extents say.
Finding check_count(const Json& json, std::uint64_t count);

/// The member that a union's object means, and its tag: `member` is null for a tag that selects none; `value` is null
/// where only the tag is given.
struct Chosen {
  const Member* member = nullptr;
  const Json* value = nullptr;
  std::int64_t tag = 0;
};
Finding choose(const Type& type, const Json& json, Chosen& chosen);

/// The member of a struct that an object's key means; nothing but an error otherwise.
Finding find_member(const Type& type, std::string_view name, const Member*& member);

/// Whether a number is in a member's range. Null: it has none.
Finding check_range(const Shape& shape, const Member* about, std::uint64_t bits);

/// The number of a description's `Value`, as a person would write it.
std::string number_text(const Shape& shape, std::uint64_t bits);

}  // namespace description
}  // namespace v1
}  // namespace baton
