#include "baton/event.hpp"

#include <exception>
#include <new>
#include <utility>

#include "baton/log.hpp"

namespace baton {
inline namespace v1 {

std::string_view to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::matched: return "matched";
    case EventKind::unmatched: return "unmatched";
    case EventKind::refused: return "refused";
    case EventKind::hung: return "hung";
    case EventKind::back: return "back";
    case EventKind::domain_lost: return "domain_lost";
    case EventKind::joined: return "joined";
    case EventKind::left: return "left";
    case EventKind::died: return "died";
    case EventKind::dropped: return "dropped";
    case EventKind::congested: return "congested";
    case EventKind::relieved: return "relieved";
    case EventKind::deadline_missed: return "deadline_missed";
  }
  return "unknown";
}

void EventQueue::append(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() == kCapacity) {
      events_.pop_front();
      ++lost_;
    }
    events_.push_back(std::move(event));
    ++total_;
    appended_.notify_all();
  }
  waker_.wake();
}

void EventQueue::report(EventKind kind, std::string_view topic, std::string_view peer, std::string_view reason,
                        std::vector<Event>& to_announce, std::uint64_t count) noexcept try {
  to_announce.reserve(to_announce.size() + 1);
  Event event{kind, std::string(topic), std::string(peer), std::string(reason), count};
  append(event);
  to_announce.push_back(std::move(event));
} catch (const std::bad_alloc&) {
  const std::lock_guard lock(mutex_);
  ++lost_;
  ++total_;
  appended_.notify_all();
}

void EventQueue::announce(const Event& event) noexcept {
  switch (event.kind) {
    case EventKind::refused:
      log::warn("[{}] topic '{}': not connected to {}: {}", node_, event.topic, event.peer, event.reason);
      break;
    case EventKind::hung: log::warn("[{}] {} is hung: {}", node_, event.peer, event.reason); break;
    case EventKind::back: log::warn("[{}] {} runs again", node_, event.peer); break;
    case EventKind::domain_lost: log::error("[{}] {}", node_, event.reason); break;
    case EventKind::joined:
    case EventKind::left:
    case EventKind::died: log::debug("[{}] node {} has {}", node_, event.peer, to_string(event.kind)); break;
    default:
      log::debug("[{}] topic '{}': {} {}{}{}", node_, event.topic, to_string(event.kind), event.peer,
                 event.reason.empty() ? "" : ": ", event.reason);
  }
  std::shared_ptr<const Callback> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = callback_;
  }
  if (callback == nullptr) return;
  try {
    (*callback)(event);
  } catch (...) {
    log::error("[{}] the callback for events threw: {}", node_, log::what_was_thrown());
  }
}

std::optional<Event> EventQueue::take() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

bool EventQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return events_.empty();
}

void EventQueue::set_callback(Callback callback) {
  std::shared_ptr<const Callback> shared = callback ? std::make_shared<const Callback>(std::move(callback)) : nullptr;
  const std::lock_guard lock(mutex_);
  callback_.swap(shared);  // the former one is destroyed after the lock is released: it may own ports
}

std::uint64_t EventQueue::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::uint64_t EventQueue::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

void EventQueue::wait_for_event(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(mutex_);
  appended_.wait_until(lock, deadline, [&] { return total_ != seen; });
}

}  // namespace v1
}  // namespace baton
