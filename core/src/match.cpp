#include "baton/match.hpp"

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace {

bool drops(Overflow overflow) noexcept {
  return overflow == Overflow::drop_oldest || overflow == Overflow::drop_newest;
}

/// The type itself comes last in its text.
bool is_appendable(const PortAnnouncement& port) {
  return port.canonical.find(fmt::format("\ntable {} appendable\n", port.type)) != std::string::npos;
}

Refusal type_refusal(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  const auto reason = [](const PortAnnouncement& mine, const PortAnnouncement& theirs) {
    return fmt::format("the types differ: {}; build both programs from the same IDL{}",
                       first_difference(mine.canonical, theirs.canonical, theirs.node),
                       is_appendable(mine) ? ", or only append to the older one" : "");
  };
  return {reason(publisher, subscriber), reason(subscriber, publisher)};
}

Refusal transport_refusal(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  const auto reason = [](const PortAnnouncement& mine, const PortAnnouncement& theirs) {
    return fmt::format("the transports differ: {} here, {} in {}; give the topic one transport in both configurations",
                       mine.transport, theirs.transport, theirs.node);
  };
  return {reason(publisher, subscriber), reason(subscriber, publisher)};
}

bool is_out_of_reach(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept {
  const bool within_process = publisher.reach == Reach::process || subscriber.reach == Reach::process;
  return within_process && publisher.process != subscriber.process;
}

Refusal reach_refusal(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  const auto reason = [](const PortAnnouncement& mine, const PortAnnouncement& theirs) {
    return fmt::format(
        "{} reaches the nodes of one process only, and {} is in another one; use shm for the topic in "
        "both configurations",
        mine.transport, theirs.node);
  };
  return {reason(publisher, subscriber), reason(subscriber, publisher)};
}

Refusal lossless_refusal(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  return {
      fmt::format("the overflow policies differ: {} here, {} asked for by {}; set overflow = \"block\" or \"reject\" "
                  "for the publisher",
                  to_string(publisher.qos.overflow), to_string(subscriber.qos.overflow), subscriber.node),
      fmt::format("the overflow policies differ: {} asked for here, {} in {}; set overflow = \"block\" or \"reject\" "
                  "for the publisher, or let this subscriber drop",
                  to_string(subscriber.qos.overflow), to_string(publisher.qos.overflow), publisher.node)};
}

}  // namespace

std::optional<Refusal> match(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  if (publisher.fingerprint != subscriber.fingerprint && !compatible(publisher.canonical, subscriber.canonical)) {
    return type_refusal(publisher, subscriber);
  }
  if (publisher.transport != subscriber.transport) return transport_refusal(publisher, subscriber);
  if (is_out_of_reach(publisher, subscriber)) return reach_refusal(publisher, subscriber);
  const bool lossless_asked = subscriber.overflow_asked && !drops(subscriber.qos.overflow);
  if (lossless_asked && drops(publisher.qos.overflow)) return lossless_refusal(publisher, subscriber);
  return std::nullopt;
}

bool pass_by(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  if (!subscriber.generic && !subscriber.by_pattern) return false;
  if (publisher.transport != subscriber.transport || is_out_of_reach(publisher, subscriber)) return true;
  if (publisher.fingerprint == subscriber.fingerprint) return false;
  return subscriber.generic || !compatible(publisher.canonical, subscriber.canonical);
}

Overflow connection_overflow(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept {
  const bool subscriber_drops = subscriber.overflow_asked && drops(subscriber.qos.overflow);
  return subscriber_drops ? subscriber.qos.overflow : publisher.qos.overflow;
}

}  // namespace v1
}  // namespace baton
