// Joining, reaping and leaving: swept as well.
#include <memory>
#include <utility>

#include "baton/domain/member.hpp"
#include "victims.hpp"

namespace crash::victims {
namespace {

baton::domain::Member::Request join_request(const Place& place) {
  baton::domain::Member::Request request;
  request.node = "victim";
  request.domain = place.domain;
  request.keeper = false;
  request.events = std::make_shared<baton::EventQueue>("victim");
  return request;
}

void join(const Place& place) {
  auto request = join_request(place);
  window_begins();
  auto member = baton::domain::Member::join(std::move(request));
  window_ends();
  require(static_cast<bool>(member), "it cannot join");
}

void leave(const Place& place) {
  auto member = baton::domain::Member::join(join_request(place)).value();
  window_begins();
  member.reset();
  window_ends();
}

/// A node's end with both kinds of ports, as a program ends.
void end_with_ports(const Place& place) {
  auto talker = std::make_unique<Talker>(place);
  auto subscriber = talker->node.subscriber<Message>(kDown, {.history = 4}).value();
  Sample held = subscriber.take();
  talker->say(2);
  window_begins();
  talker.reset();
  subscriber.close();
  held.release();
  window_ends();
}

}  // namespace

Windows node_windows() {
  return {
      {"join", join},   {"reap", join},        {"join_first", join},
      {"leave", leave}, {"leave_last", leave}, {"end_with_ports", end_with_ports},
  };
}

}  // namespace crash::victims
