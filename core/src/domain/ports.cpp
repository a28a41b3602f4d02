// The ports of a domain, whatever their topic: for subscribers that learn of their topics as they come, and for who
// watches.
#include <array>
#include <optional>
#include <set>

#include "baton/log.hpp"
#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct Ports::State {
  /// One bucket: kept there, to be told when its ports come and go, and what it had in it when it was last listed.
  struct Bucket final : Kept {
    void keep(std::vector<Event>& /*to_announce*/) noexcept override {
      const auto alive = state->self.lock();  // what is called may destroy the owner
      if (alive != nullptr) alive->changed();
    }

    State* state = nullptr;
    std::optional<std::uint32_t> epoch;  // that it was listed at
    std::vector<Port> found;
  };

  std::shared_ptr<Member> member;
  Which which = Which::publishers;
  std::function<void()> changed;
  std::weak_ptr<State> self;
  std::array<Bucket, kBuckets> buckets;
  bool news = true;  // that nobody has been given yet

  Result<void> add(std::uint32_t index, BucketView::Kind kind, std::set<PortRef>& seen,
                   std::vector<Port>& found) const {
    auto ports = member->state_->bucket_view(index).all(*member, index, kind);
    if (!ports) return fail(std::move(ports).error());
    for (const auto& port : *ports) {
      if (!port->content || !seen.insert(port->name.owner).second) continue;
      found.push_back({kind.role, {port, &port->content->peer.announcement}});
    }
    return {};
  }

  Result<void> list(std::uint32_t index, std::vector<Port>& found) const {
    std::set<PortRef> seen;
    auto added = add(index, {PortRole::publisher, false}, seen, found);
    return added ? add(index, {PortRole::subscriber, false}, seen, found) : added;
  }

  /// Of those that latch there are two names, until they are gone.
  Result<void> list_publishers(std::uint32_t index, std::vector<Port>& found) const {
    std::set<PortRef> seen;
    auto added = add(index, {PortRole::publisher, false}, seen, found);
    return added ? add(index, {PortRole::publisher, true}, seen, found) : added;
  }

  /// Lists one bucket, if need be. True if that was so.
  bool look(std::uint32_t index) {
    Bucket& bucket = buckets[index];
    // E1 (acquire), before the directory is listed: a change that comes after is found by another epoch.
    const std::uint32_t epoch = member->epoch(index).load(std::memory_order_acquire);
    if (epoch == bucket.epoch) return false;
    std::vector<Port> found;
    if (member->has_directory(index)) {
      auto listed = which == Which::all ? list(index, found) : list_publishers(index, found);
      if (!listed) {
        log::debug("[{}] bucket {:02x} cannot be listed: {}", member->node(), index, listed.error());
        member->look_again(index);
        return false;
      }
    }
    bucket.epoch = epoch;
    bucket.found = std::move(found);
    return true;
  }
};

Ports::Ports(std::shared_ptr<Member> member, Which which, std::function<void()> changed)
    : state_(std::make_shared<State>()) {
  state_->member = std::move(member);
  state_->which = which;
  state_->changed = std::move(changed);
  state_->self = state_;
  for (std::uint32_t index = 0; index < kBuckets; ++index) {
    state_->buckets[index].state = state_.get();
    state_->member->add(index, state_->buckets[index]);
  }
}

Ports::~Ports() {
  for (State::Bucket& bucket : state_->buckets) state_->member->remove(bucket);
}

bool Ports::look(std::vector<Port>& found) {
  State& state = *state_;
  if (state.member->forked()) return false;
  for (std::uint32_t index = 0; index < kBuckets; ++index) state.news |= state.look(index);
  if (!state.news) return false;
  found.clear();
  for (const State::Bucket& bucket : state.buckets) found.insert(found.end(), bucket.found.begin(), bucket.found.end());
  state.news = false;  // not where there was no memory
  return true;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
