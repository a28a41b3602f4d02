#include <cerrno>
#include <map>
#include <set>

#include <fmt/format.h>

#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct Peers::State {
  enum class Known : std::uint8_t { matched, not_matched };

  std::shared_ptr<Member> member;
  PortRole own_role;
  PortRef self;
  PortAnnouncement own;
  std::map<PortRef, Known> known;
  std::uint64_t seen = 0;  // see BucketView::look
  bool failed = false;     // the last look, and it was reported

  void report(std::string peer, std::string reason, std::vector<Event>& to_announce) const {
    to_announce.push_back({EventKind::refused, own.topic, std::move(peer), std::move(reason)});
    member->events()->append(to_announce.back());
  }

  bool connects_itself(const PortAnnouncement& peer) const noexcept {
    return own.reach == Reach::process && peer.reach == Reach::process && own.transport == peer.transport &&
           own.process == peer.process;
  }

  void judge(const BucketView::Port& port, Changes& changes, std::vector<Event>& to_announce) {
    Known& verdict = known[port.name.owner];
    verdict = Known::not_matched;
    if (!port.content) {
      report(port.file, "its announcement cannot be used: " + port.content.error().message(), to_announce);
      return;
    }
    const Peer& peer = port.content->peer;
    // Another topic may have the same hash. What the transport connects by itself it also judges.
    if (peer.announcement.topic != own.topic || connects_itself(peer.announcement)) return;
    const bool publishes = own_role == PortRole::publisher;
    if (auto refusal = publishes ? match(own, peer.announcement) : match(peer.announcement, own)) {
      report(peer.announcement.node, publishes ? refusal->for_publisher : refusal->for_subscriber, to_announce);
      return;
    }
    verdict = Known::matched;
    changes.matched.push_back(peer);
  }
};

Peers::Peers(std::shared_ptr<Member> member, PortRole own_role, PortRef self, PortAnnouncement own)
    : state_(std::make_shared<State>()) {
  state_->member = std::move(member);
  state_->own_role = own_role;
  state_->self = self;
  state_->own = std::move(own);
}

Peers::Changes Peers::refresh(std::vector<Event>& to_announce) {
  State& state = *state_;
  Changes changes;
  if (state.member->forked()) return changes;
  const PortRole other = state.own_role == PortRole::publisher ? PortRole::subscriber : PortRole::publisher;
  const std::uint64_t hash = topic_hash(state.own.topic);
  const auto bucket = bucket_of(state.own.topic);
  auto ports = state.member->state_->bucket_view(bucket).look(*state.member, bucket, other, hash, state.seen);
  if (!ports) {
    if (!state.failed) {
      state.report("its peers", "the domain cannot be searched for them: " + ports.error().message(), to_announce);
    }
    state.failed = true;
    return changes;
  }
  state.failed = false;
  if (*ports == nullptr) return changes;  // nothing has changed

  std::set<PortRef> present;
  for (const auto& port : **ports) {
    present.insert(port->name.owner);
    if (!state.known.contains(port->name.owner)) state.judge(*port, changes, to_announce);
  }
  std::erase_if(state.known, [&](const auto& entry) {
    if (present.contains(entry.first)) return false;
    if (entry.second == State::Known::matched) changes.gone.push_back(entry.first);
    return true;
  });
  return changes;
}

void Peers::forget(const PortRef& peer) noexcept {
  state_->known.erase(peer);
  state_->seen = 0;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
