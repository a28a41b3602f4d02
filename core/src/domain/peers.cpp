// What a port makes of the announcements in its bucket: whom it is to be connected to, and whom it refuses.
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct Peers::State {
  enum class Known : std::uint8_t { matched, not_matched };

  std::shared_ptr<Member> member;
  PortRole own_role;
  PortAnnouncement own;
  std::map<PortRef, Known> known;
  std::map<PortRef, Known> known_left;  // of latched publishers that are gone
  std::uint64_t seen = 0;               // see BucketView::look
  bool failed = false;                  // the last look, and it was reported

  /// What one look found, before any of it counts: if it cannot be completed, the next one finds all of it again.
  struct Look {
    Changes changes;
    std::vector<Event> refusals;
    std::map<PortRef, Known> verdicts;
    std::map<PortRef, Known> verdicts_left;
  };

  Event refused(std::string peer, std::string reason) const {
    return {EventKind::refused, own.topic, std::move(peer), std::move(reason)};
  }

  void report(std::vector<Event> refusals, std::vector<Event>& to_announce) const {
    to_announce.reserve(to_announce.size() + refusals.size());
    for (Event& event : refusals) {
      member->events()->append(event);
      to_announce.push_back(std::move(event));
    }
  }

  bool connects_itself(const PortAnnouncement& peer) const noexcept {
    return own.reach == Reach::process && peer.reach == Reach::process && own.transport == peer.transport &&
           own.process == peer.process;
  }

  Known judge(const BucketView::Port& port, std::vector<Peer>& matched, Look& look) const {
    if (!port.content) {
      look.refusals.push_back(refused(port.file, "its announcement cannot be used: " + port.content.error().message()));
      return Known::not_matched;
    }
    const Peer& peer = port.content->peer;
    // Another topic may have the same hash. What the transport connects by itself it also judges.
    if (peer.announcement.topic != own.topic || connects_itself(peer.announcement)) return Known::not_matched;
    const bool publishes = own_role == PortRole::publisher;
    if (publishes ? pass_by(own, peer.announcement) : pass_by(peer.announcement, own)) return Known::not_matched;
    if (auto refusal = publishes ? match(own, peer.announcement) : match(peer.announcement, own)) {
      look.refusals.push_back(
          refused(peer.announcement.node, publishes ? refusal->for_publisher : refusal->for_subscriber));
      return Known::not_matched;
    }
    matched.push_back(peer);
    return Known::matched;
  }

  /// Of a subscriber: judges the latched publishers that are gone since the last look. One is gone when the name that
  /// stays is there, and the other is not: that one is made first, and removed for good. `latched` are those with the
  /// name that stays.
  void judge_left(const BucketView::Ports& latched, Look& look) {
    const std::uint32_t bucket = bucket_of(own.topic);
    std::set<PortRef> present;
    for (const auto& port : latched) {
      const PortRef& owner = port->name.owner;
      present.insert(owner);
      if (known_left.contains(owner) || member->has(bucket, port_file_name(PortRole::publisher, own.topic, owner))) {
        continue;
      }
      const auto verdict = known.find(owner);  // from when it was there: it was told of then
      if (verdict != known.end() && verdict->second == Known::not_matched) {
        look.verdicts_left[owner] = Known::not_matched;
        continue;
      }
      look.verdicts_left[owner] = judge(*port, look.changes.left, look);
    }
    std::erase_if(known_left, [&](const auto& entry) { return !present.contains(entry.first); });
  }

  /// Asks to be called again at the next tick, whatever happens meanwhile, unless it is called off.
  class Retry {
   public:
    Retry(Membership& membership, std::uint32_t bucket) noexcept : membership_(membership), bucket_(bucket) {}
    ~Retry() {
      if (wanted_) membership_.look_again(bucket_);
    }
    Retry(const Retry&) = delete;
    Retry& operator=(const Retry&) = delete;

    void call_off() noexcept { wanted_ = false; }

   private:
    Membership& membership_;
    const std::uint32_t bucket_;
    bool wanted_ = true;
  };
};

Peers::Peers(std::shared_ptr<Member> member, PortRole own_role, PortAnnouncement own)
    : state_(std::make_shared<State>()) {
  state_->member = std::move(member);
  state_->own_role = own_role;
  state_->own = std::move(own);
}

Peers::Changes Peers::refresh(std::vector<Event>& to_announce) {
  State& state = *state_;
  if (state.member->forked()) return {};
  const PortRole other = state.own_role == PortRole::publisher ? PortRole::subscriber : PortRole::publisher;
  const std::uint64_t hash = topic_hash(state.own.topic);
  const auto bucket = bucket_of(state.own.topic);
  Membership& membership = *state.member->state_;
  membership.report_newcomers(to_announce);
  // The epoch by which others would look again may have been seen already.
  State::Retry retry(membership, bucket);
  std::uint64_t seen = state.seen;
  BucketView& view = membership.bucket_view(bucket);
  auto ports = view.look(*state.member, bucket, {other, false}, hash, seen);
  Result<std::shared_ptr<const BucketView::Ports>> latched(nullptr);
  if (std::uint64_t all = 0; ports && other == PortRole::publisher) {
    latched = view.look(*state.member, bucket, {other, true}, hash, all);
  }
  if (!ports || !latched) {
    if (!std::exchange(state.failed, true)) {
      const Error& error = ports ? latched.error() : ports.error();
      state.report({state.refused("its peers", "the domain cannot be searched for them: " + error.message())},
                   to_announce);
    }
    return {};
  }
  state.failed = false;
  State::Look look;
  if (*latched != nullptr) state.judge_left(**latched, look);
  std::set<PortRef> present;
  if (*ports != nullptr) {  // else nothing has changed
    for (const auto& port : **ports) {
      present.insert(port->name.owner);
      if (state.known.contains(port->name.owner)) continue;
      look.verdicts[port->name.owner] = state.judge(*port, look.changes.matched, look);
    }
    for (const auto& [port, verdict] : state.known) {
      if (!present.contains(port) && verdict == State::Known::matched) look.changes.gone.push_back(port);
    }
  }
  state.report(std::move(look.refusals), to_announce);
  if (*ports != nullptr) {
    std::erase_if(state.known, [&](const auto& entry) { return !present.contains(entry.first); });
    state.known.merge(look.verdicts);  // allocates nothing: from here on it all counts
    state.seen = seen;
  }
  state.known_left.merge(look.verdicts_left);
  retry.call_off();
  return std::move(look.changes);
}

void Peers::forget(const PortRef& peer) noexcept {
  state_->known.erase(peer);
  state_->seen = 0;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
