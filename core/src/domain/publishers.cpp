// The publishers of a domain, whatever their topic: for subscribers that learn of their topics as they come.
#include <array>

#include "baton/log.hpp"
#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct Publishers::State {
  /// One bucket: kept there, to be told when its ports come and go, and what it had in it when it was last listed.
  struct Bucket final : Kept {
    void keep(std::vector<Event>& /*to_announce*/) noexcept override { (*changed)(); }

    const std::function<void()>* changed = nullptr;
    std::uint32_t epoch = 0;  // 0: no port has ever been in it, so nothing has to be listed
    std::vector<std::shared_ptr<const PortAnnouncement>> found;
  };

  std::shared_ptr<Member> member;
  std::function<void()> changed;
  std::array<Bucket, kBuckets> buckets;
  bool first = true;

  /// Lists one bucket, if need be. True if that was so.
  bool look(std::uint32_t index) {
    Bucket& bucket = buckets[index];
    // E1 (acquire), before the directory is listed: a change that comes after is found by another epoch.
    const std::uint32_t epoch = member->epoch(index).load(std::memory_order_acquire);
    if (epoch == bucket.epoch) return false;
    std::vector<std::shared_ptr<const PortAnnouncement>> found;
    if (member->has_directory(index)) {
      auto ports = member->state_->bucket_view(index).all(*member, index, PortRole::publisher);
      if (!ports) {
        log::debug("[{}] bucket {:02x} cannot be listed: {}", member->node(), index, ports.error());
        member->look_again(index);
        return false;
      }
      for (const auto& port : *ports) {
        if (port->content) found.push_back({port, &port->content->peer.announcement});
      }
    }
    bucket.epoch = epoch;
    bucket.found = std::move(found);
    return true;
  }
};

Publishers::Publishers(std::shared_ptr<Member> member, std::function<void()> changed)
    : state_(std::make_unique<State>()) {
  state_->member = std::move(member);
  state_->changed = std::move(changed);
  for (std::uint32_t index = 0; index < kBuckets; ++index) {
    state_->buckets[index].changed = &state_->changed;
    state_->member->add(index, state_->buckets[index]);
  }
}

Publishers::~Publishers() {
  for (State::Bucket& bucket : state_->buckets) state_->member->remove(bucket);
}

bool Publishers::look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) {
  State& state = *state_;
  if (state.member->forked()) return false;
  bool news = std::exchange(state.first, false);
  for (std::uint32_t index = 0; index < kBuckets; ++index) news |= state.look(index);
  if (!news) return false;
  found.clear();
  for (const State::Bucket& bucket : state.buckets) found.insert(found.end(), bucket.found.begin(), bucket.found.end());
  return true;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
