// What a publisher's keeper does beside connecting readers: it tells, in events, what the user's thread came upon in
// the middle of a publish, and what did not come at all.

#include <chrono>

#include "shm_publisher.hpp"

namespace baton::shm {

void ShmPublisher::keep(std::vector<Event>& to_announce) noexcept {
  look(Side::keeper, to_announce);
  shrink();
  concern_.look([&] { return tell_trouble(to_announce); });
  check_deadline(to_announce);
}

/// True if there was something to tell, or will be.
bool ShmPublisher::tell_trouble(std::vector<Event>& to_announce) noexcept {
  const std::lock_guard lock(cold_mutex_);
  bool any = false;
  {
    const Guard::Visit inside(guard_, Side::keeper, kPatience);
    if (!inside) return true;
    ring_credit_ = 0;  // so that the next drop is noticed
    for (const OutletPtr& outlet : live_) {
      outlet->in_trouble = outlet->tell_trouble(*events_, announcement_.topic, to_announce);
      any |= outlet->in_trouble;
    }
  }
  if (!any) return false;
  for (const OutletPtr& outlet : live_) {
    if (outlet->in_trouble) member_->nudge(outlet->request().reader.node, bucket_);  // its keeper tells its own node
  }
  return true;
}

void ShmPublisher::check_deadline(std::vector<Event>& to_announce) noexcept {
  if (!deadline_) return;
  const std::lock_guard lock(cold_mutex_);
  if (presence_ == nullptr) return;  // closed meanwhile
  const auto now = std::chrono::steady_clock::now();
  if (deadline_->is_missed(now)) {
    events_->report(EventKind::deadline_missed, announcement_.topic, {}, {}, to_announce);
  }
  member_->call_at(bucket_, *this, deadline_->next(now));
}

}  // namespace baton::shm
