#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "baton/domain/member.hpp"
#include "baton/event.hpp"
#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// Sleeps until there is an answer, until `timeout` has passed (at once if it is zero or negative, never if it is
/// `std::chrono::nanoseconds::max()`), or in a forked child: false then. `answer` is asked at first and after each
/// event of the node, on this thread, and no lock is held.
///
/// `member`, if it is not null, is the node's: where it has no keeper it is kept meanwhile, on this thread, which calls
/// events' callbacks.
BATON_API bool wait_for(EventQueue& events, Member* member, std::chrono::nanoseconds timeout,
                        const std::function<std::optional<bool>()>& answer) noexcept;

/// For who sleeps in another way: does what is due in a node that has no keeper, on this thread, which calls events'
/// callbacks. Nothing where there is a keeper, and from inside of such a callback.
BATON_API void keep_by_hand(Member& member) noexcept;

}  // namespace domain
}  // namespace v1
}  // namespace baton
