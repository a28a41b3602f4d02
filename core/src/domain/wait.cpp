#include "baton/domain/wait.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "baton/domain/bell.hpp"
#include "baton/log.hpp"
#include "baton/timeout.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

namespace {

/// `Member::keep` for who must not throw: what cannot be done for lack of memory is logged, and stays due.
void keep(Member& member, std::chrono::nanoseconds timeout) noexcept try {
  member.keep(timeout);
} catch (const std::exception& error) {  // no memory: what was due stays due
  log::error("[{}] the node could not be kept: {}", member.node(), error.what());
  std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(timeout, std::chrono::milliseconds(1)));
}

}  // namespace

bool wait_for(EventQueue& events, Member* member, std::chrono::nanoseconds timeout,
              const std::function<std::optional<bool>()>& answer) noexcept {
  using std::chrono::steady_clock;
  const steady_clock::time_point deadline = deadline_after(timeout);
  while (true) {
    const std::uint64_t seen = events.total();  // before the look: what comes from now on ends the sleep
    if (const auto given = answer()) return *given;
    const steady_clock::time_point now = steady_clock::now();
    if (now >= deadline || (member != nullptr && member->forked())) return false;
    const steady_clock::time_point soon = std::min(deadline, now + kLongestSleep);
    if (member == nullptr) {
      events.wait_for_event(seen, deadline);
    } else if (member->is_kept_here()) {  // inside a callback: this very thread is the keeper, and does nothing else
      events.wait_for_event(seen, soon);
    } else if (member->has_keeper()) {
      events.wait_for_event(seen, deadline);
    } else {
      keep(*member, soon - now);
    }
  }
}

void keep_by_hand(Member& member) noexcept {
  if (!member.has_keeper() && !member.is_kept_here()) keep(member, std::chrono::nanoseconds::zero());
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
