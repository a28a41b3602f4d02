#include "baton/domain/trouble.hpp"

#include <string_view>
#include <utility>

#include "baton/port.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

bool Told::tell(const Trouble& now, EventQueue& events, const std::string& topic, const std::string& peer,
                std::vector<Event>& to_announce) noexcept {
  bool any = false;
  const auto report = [&](EventKind kind, std::string_view reason, std::uint64_t count) {
    any = true;
    events.report(kind, topic, peer, reason, to_announce, count);
  };
  const auto dropped = [&](std::uint64_t figure, std::uint64_t& told, std::string_view reason) {
    if (figure > told) report(EventKind::dropped, reason, figure - std::exchange(told, figure));
  };
  dropped(now.dropped_oldest, told_.dropped_oldest, drop_reason::kOldest);
  dropped(now.dropped_newest, told_.dropped_newest, drop_reason::kNewest);
  dropped(now.dropped_timeout, told_.dropped_timeout, drop_reason::kTimeout);
  dropped(now.dropped_expired, told_.dropped_expired, drop_reason::kExpired);
  if (now.congested != std::exchange(told_.congested, now.congested)) {
    report(now.congested ? EventKind::congested : EventKind::relieved, {}, 0);
  }
  return any || now.congested;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
