#pragma once

#include "baton/peer_memory.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

/// A type with members marked @key.
template <class T>
concept Keyed = requires(const T& value) {
  TypeTraits<T>::key(value);
};

/// The members marked @key: the value itself if there is one, a std::tuple of copies if there are several, the key of a
/// member that is a struct. Two messages about the same thing have equal keys; a key may be kept after its message.
template <Keyed T>
auto key_of(const T& value) {
  return TypeTraits<T>::key(value);
}

}  // namespace v1
}  // namespace baton
