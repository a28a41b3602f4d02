#pragma once

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Whether `membarrier` works here; registers the process for it at the first call. Any thread.
BATON_API bool has_membarrier() noexcept;

/// Makes every running thread of the process pass a full memory barrier before this returns (about 10 us). It is the
/// expensive half of a pair whose other half, on a hot path, is only a compiler barrier: of a thread that stores A
/// and then loads B, and one that stores B, calls this, and then loads A, at least one sees the other's store.
/// Only where `has_membarrier()`. Source: membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED (Linux 4.14).
BATON_API void membarrier() noexcept;

/// Whether `membarrier_everywhere` works here; registers the process for it at the first call. Any thread.
BATON_API bool has_membarrier_everywhere() noexcept;

/// The same for the threads of all processes that are registered. Only where `has_membarrier_everywhere()`.
/// Source: membarrier(2), MEMBARRIER_CMD_GLOBAL_EXPEDITED (Linux 4.16).
BATON_API void membarrier_everywhere() noexcept;

}  // namespace posix
}  // namespace v1
}  // namespace baton
