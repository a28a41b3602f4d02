#include "baton/topic_watch.hpp"

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/log.hpp"
#include "baton/names.hpp"

namespace baton {
inline namespace v1 {

std::string_view to_string(PortRole role) noexcept {
  switch (role) {
    case PortRole::publisher: return "publisher";
    case PortRole::subscriber: return "subscriber";
  }
  return "unknown";
}

std::string_view to_string(TopicChange change) noexcept {
  switch (change) {
    case TopicChange::appeared: return "appeared";
    case TopicChange::gone: return "gone";
  }
  return "unknown";
}

/// Who looks is the keeper, or `Node::keep`, one call at a time. The looker has a share, so the callback may destroy
/// the watch.
struct TopicWatch::State {
  static constexpr std::uint32_t kAnyBucket = 0;  // who is called for one looks at all

  const std::string node;
  const std::string pattern;
  const Callback callback;
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  std::unique_ptr<domain::Ports> owned_ports;  // until the end
  domain::Ports* ports = nullptr;              // the same; left alone at the end, which waits for who is at it
  const std::shared_ptr<domain::Member> member;
  std::vector<domain::Ports::Port> present;
  bool stale = false;  // `known` is not of `present`
  std::map<std::shared_ptr<const PortAnnouncement>, PortRole> known;

  State(std::shared_ptr<domain::Member> of, std::string_view fits, Callback called)
      : node(of->node()), pattern(fits), callback(std::move(called)), member(std::move(of)) {}

  void look() noexcept try {
    if (!begun.load(std::memory_order_acquire)) return;  // `ports` was stored before
    if (ended.load(std::memory_order_relaxed)) return;   // on this thread, or its end waits for this one
    stale |= ports->look(present);
    if (!stale) return;
    std::vector<TopicEvent> events;
    std::map<std::shared_ptr<const PortAnnouncement>, PortRole> now;
    for (const auto& [role, announcement] : present) {
      if (topic_matches(pattern, announcement->topic)) now.emplace(announcement, role);
    }
    for (const auto& [announcement, role] : known) {
      if (!now.contains(announcement)) events.push_back({TopicChange::gone, info_of(role, *announcement)});
    }
    for (const auto& [role, announcement] : present) {  // in the order in which they were found
      if (now.contains(announcement) && !known.contains(announcement)) {
        events.push_back({TopicChange::appeared, info_of(role, *announcement)});
      }
    }
    known = std::move(now);
    stale = false;
    for (const TopicEvent& event : events) {
      if (ended.load(std::memory_order_relaxed)) return;
      call(event);
    }
  } catch (const std::exception& error) {  // no memory
    member->look_again(kAnyBucket);
    log::error("[{}] topics '{}': ports cannot be watched now: {}", node, pattern, error.what());
  }

  void call(const TopicEvent& event) const noexcept {
    try {
      callback(event);
    } catch (...) {
      log::error("[{}] topics '{}': a watch's callback threw: {}", node, pattern, log::what_was_thrown());
    }
  }

  static PortInfo info_of(PortRole role, const PortAnnouncement& announcement) {
    return {
        role, announcement.topic, announcement.type, announcement.transport, announcement.node, announcement.generic};
  }
};

Result<TopicWatch> TopicWatch::make(std::shared_ptr<domain::Member> member, std::string_view pattern,
                                    Callback callback) {
  auto state = std::make_shared<State>(member, pattern, std::move(callback));
  state->owned_ports =
      std::make_unique<domain::Ports>(member, domain::Ports::Which::all, [watch = std::weak_ptr(state)] {
        if (const auto alive = watch.lock()) alive->look();
      });
  state->ports = state->owned_ports.get();
  state->begun.store(true, std::memory_order_release);  // who looks finds `ports`
  member->nudge(member->id(), State::kAnyBucket);       // somebody may have looked before
  return TopicWatch(std::move(state));
}

TopicWatch::TopicWatch(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
TopicWatch::TopicWatch(TopicWatch&& other) noexcept = default;
TopicWatch& TopicWatch::operator=(TopicWatch&& other) noexcept {
  TopicWatch last(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}
TopicWatch::~TopicWatch() { end(); }

void TopicWatch::end() noexcept {
  if (const auto last = std::exchange(state_, nullptr)) {
    last->ended.store(true, std::memory_order_relaxed);
    last->owned_ports.reset();  // waits for a running call
  }
}

}  // namespace v1
}  // namespace baton
