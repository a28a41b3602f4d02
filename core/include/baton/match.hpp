#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "baton/export.hpp"
#include "baton/qos.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

/// How far a transport carries.
enum class Reach : std::uint8_t {
  process,  ///< to the nodes of this process
  machine,  ///< to the nodes of this machine
};

enum class PortRole : std::uint8_t { publisher, subscriber };

/// What a port announces of itself: all that decides whether it may be connected to another.
struct PortAnnouncement {
  std::string node;  ///< the name of the node it belongs to, for messages to people
  std::string topic;
  std::string transport;         ///< resolved: never "auto"
  std::string transport_reason;  ///< why it is this one; empty if it was asked for
  /// Of a subscriber with "auto": the transport of other publishers that can reach it; empty if there is none.
  std::string also_reached_by;
  std::string type;  ///< the scoped name
  Fingerprint fingerprint;
  std::string canonical;  ///< the type's canonical text, to say what differs
  Qos qos;
  QosAsks asked;                 ///< which of the settings are asked of the peer, and not merely in force here
  Reach reach = Reach::machine;  ///< of the transport
  std::uint64_t process = 0;     ///< tells the processes of a machine apart: see domain::process_token
  bool generic = false;          ///< a subscriber that has a port for each type and transport of the topic
  bool by_pattern = false;       ///< a subscriber of one type that follows a pattern, with a port for each transport
  std::string description;  ///< the type's description in binary form, not checked: TypeDescription::load does that
};

/// Why two ports of one topic are not connected, as each of them should be told: everything that keeps them apart, each
/// with its setting here, that of the peer, and what to do.
struct Refusal {
  std::string for_publisher;
  std::string for_subscriber;
};

/// Whether the publisher's transport carries to the subscriber's port.
BATON_API bool carries(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept;

/// Decides whether a publisher and a subscriber of the same topic are connected: nothing, or the reasons why not. A
/// pure function of what both announce, so both sides come to the same result wherever it is evaluated.
BATON_API std::optional<Refusal> match(const PortAnnouncement& publisher, const PortAnnouncement& subscriber);

/// Whether two ports are nothing to each other, so that there is no refusal to report: a generic subscriber has ports
/// of its own for what is published with another type, or another way; one that follows a pattern has ports for other
/// ways, and did not ask for topics of other types.
BATON_API bool pass_by(const PortAnnouncement& publisher, const PortAnnouncement& subscriber);

/// How old a message may be when it is taken over the connection of two ports that match: the shorter of their two
/// lifespans; 0 is unlimited.
constexpr std::chrono::nanoseconds connection_lifespan(std::chrono::nanoseconds publisher,
                                                       std::chrono::nanoseconds subscriber) noexcept {
  if (publisher.count() == 0 || subscriber.count() == 0) return std::max(publisher, subscriber);
  return std::min(publisher, subscriber);
}

/// The overflow policy of the connection of two ports that match: a subscriber's own choice to drop wins, everything
/// else is the publisher's.
BATON_API Overflow connection_overflow(const PortAnnouncement& publisher, const PortAnnouncement& subscriber) noexcept;

}  // namespace v1
}  // namespace baton
