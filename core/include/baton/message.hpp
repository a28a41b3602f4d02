#pragma once

// The one header of baton that generated code includes.

#include <array>
#include <type_traits>

#include "baton/assert.hpp"
#include "baton/key.hpp"
#include "baton/message_format.hpp"
#include "baton/optional.hpp"
#include "baton/sequence.hpp"
#include "baton/string.hpp"
#include "baton/type_info.hpp"
#include "baton/validate.hpp"

namespace baton {
inline namespace v1 {
namespace detail {

template <class T, class Value>
constexpr void fill(T& target, const Value& value) {
  if constexpr (std::is_same_v<T, Value>) {
    target = value;
  } else {
    for (auto& element : target) fill(element, value);
  }
}

}  // namespace detail

/// An array, of any rank, with all elements set to one value: the default of arrays of enums whose default is not 0.
template <class Array, class Value>
constexpr Array filled(const Value& value) {
  Array array{};
  detail::fill(array, value);
  return array;
}

}  // namespace v1
}  // namespace baton
