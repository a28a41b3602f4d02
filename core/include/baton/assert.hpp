#pragma once

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// Prints the broken condition and where it stands, then aborts.
[[noreturn]] BATON_API void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace v1
}  // namespace baton

/// Checks an invariant of baton's own state, in every build: going on after it is broken would hand out memory that
/// somebody else uses. What a peer or a user can cause is an error to return, never an assertion.
#define BATON_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::baton::assertion_failed(#condition, __FILE__, __LINE__))
