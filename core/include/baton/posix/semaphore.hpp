#pragma once

#include <semaphore.h>

#include <chrono>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// Takes one post of a semaphore, for which it waits until the deadline at most; `max()` is for ever. False if none
/// came, or if what lies there is no semaphore. Signals do not end it.
BATON_API bool semaphore_wait(::sem_t& semaphore, std::chrono::steady_clock::time_point deadline) noexcept;

/// Takes the posts that are there.
BATON_API void forget_posts(::sem_t& semaphore) noexcept;

}  // namespace posix
}  // namespace v1
}  // namespace baton
