#include "baton/match.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "duration.hpp"

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

Refusal type_difference(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  const auto reason = [](const PortAnnouncement& mine, const PortAnnouncement& theirs) {
    return fmt::format("the types differ: {}; build both programs from the same IDL{}",
                       first_difference(mine.canonical, theirs.canonical, theirs.node),
                       is_appendable(mine) ? ", or only append to the older one" : "");
  };
  return {reason(publisher, subscriber), reason(subscriber, publisher)};
}

Refusal transport_difference(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
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

Refusal reach_difference(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  const auto reason = [](const PortAnnouncement& mine, const PortAnnouncement& theirs) {
    return fmt::format(
        "{} reaches the nodes of one process only, and {} is in another one; use shm for the topic in "
        "both configurations",
        mine.transport, theirs.node);
  };
  return {reason(publisher, subscriber), reason(subscriber, publisher)};
}

/// What a subscriber asks for and a publisher does not give, each as text.
struct Wish {
  std::string_view what;   ///< "the deadlines differ"
  std::string given;       ///< the publisher's setting
  std::string asked;       ///< the subscriber's
  std::string remedy;      ///< at the publisher
  std::string_view waive;  ///< the other remedy, which the subscriber is told only: its own to decide
};

Refusal difference(const Wish& wish, const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  return {fmt::format("{}: {} here, {} asked for by {}; {} for the publisher", wish.what, wish.given, wish.asked,
                      subscriber.node, wish.remedy),
          fmt::format("{}: {} asked for here, {} in {}; {} for the publisher, or {}", wish.what, wish.asked, wish.given,
                      publisher.node, wish.remedy, wish.waive)};
}

/// The rules of docs/qos.md, "What each side may ask of the other". All else that may differ never keeps two ports
/// apart.
void add_wishes_not_granted(const PortAnnouncement& publisher, const PortAnnouncement& subscriber,
                            std::vector<Refusal>& differences) {
  constexpr std::chrono::nanoseconds kNone{0};
  const Qos& given = publisher.qos;
  const Qos& wanted = subscriber.qos;
  const QosAsks& asked = subscriber.asked;
  const auto add = [&](const Wish& wish) { differences.push_back(difference(wish, publisher, subscriber)); };

  if (asked.overflow && !drops(wanted.overflow) && drops(given.overflow)) {
    add({"the overflow policies differ", std::string(to_string(given.overflow)),
         std::string(to_string(wanted.overflow)), "set overflow = \"block\" or \"reject\"",
         "let this subscriber drop"});
  }
  if (asked.deadline && wanted.deadline != kNone && (given.deadline == kNone || given.deadline > wanted.deadline)) {
    add({"the deadlines differ", given.deadline == kNone ? "none" : to_text(given.deadline), to_text(wanted.deadline),
         fmt::format("set deadline = \"{}\" or shorter", to_text(wanted.deadline)),
         given.deadline == kNone ? "ask for none here" : "ask for one no shorter than that here"});
  }
  if (asked.latched && wanted.latched && !given.latched) {
    add({"the settings of latched differ", "false", "true", "set latched = true", "do not ask for it here"});
  }
  if (asked.lifespan && wanted.lifespan != kNone && given.stamp == Stamp::off) {
    add({"lifespan and stamp do not go together", "stamp off", fmt::format("lifespan {}", to_text(wanted.lifespan)),
         "set stamp = \"tsc\" or \"monotonic\"", "ask for no lifespan here"});
  }
}

/// One reason of all differences, on one line.
std::string in_one(const std::vector<Refusal>& differences, std::string Refusal::*side) {
  if (differences.size() == 1) return differences.front().*side;
  std::string text = fmt::format("{} differences", differences.size());
  for (std::size_t i = 0; i < differences.size(); ++i) {
    text += fmt::format("{} ({}) {}", i == 0 ? ":" : ";", i + 1, differences[i].*side);
  }
  return text;
}

}  // namespace

bool carries(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept {
  return publisher.transport == subscriber.transport ||
         (!subscriber.also_reached_by.empty() && publisher.transport == subscriber.also_reached_by);
}

std::optional<Refusal> match(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  std::vector<Refusal> differences;
  if (publisher.fingerprint != subscriber.fingerprint && !compatible(publisher.canonical, subscriber.canonical)) {
    differences.push_back(type_difference(publisher, subscriber));
  }
  if (!carries(publisher, subscriber)) {
    differences.push_back(transport_difference(publisher, subscriber));
  } else if (is_out_of_reach(publisher, subscriber)) {
    differences.push_back(reach_difference(publisher, subscriber));
  }
  add_wishes_not_granted(publisher, subscriber, differences);
  if (differences.empty()) return std::nullopt;
  return Refusal{in_one(differences, &Refusal::for_publisher), in_one(differences, &Refusal::for_subscriber)};
}

bool pass_by(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) {
  if (!subscriber.generic && !subscriber.by_pattern) return false;
  if (!carries(publisher, subscriber) || is_out_of_reach(publisher, subscriber)) return true;
  if (publisher.fingerprint == subscriber.fingerprint) return false;
  return subscriber.generic || !compatible(publisher.canonical, subscriber.canonical);
}

Overflow connection_overflow(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept {
  const bool subscriber_drops = subscriber.asked.overflow && drops(subscriber.qos.overflow);
  return subscriber_drops ? subscriber.qos.overflow : publisher.qos.overflow;
}

}  // namespace v1
}  // namespace baton
