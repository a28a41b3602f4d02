// The other nodes of the domain, as this one has told its user of them. Used by Membership.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "domain/registration.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// A node's name, or what stands for it where its file is of no use. Nothing if that may be otherwise the next time: it
/// has gone meanwhile, or this process lacks descriptors.
std::optional<std::string> name_of(const Directory& directory, const NodeId& node);

/// Finds who has joined, left and died by comparing the registry's slots with what it knows, whenever the node epoch
/// has changed: a node that came and went between two looks is never known. Names are read once, when a node is new,
/// because the file goes with the node.
class Roster {
 public:
  Roster(Registration& registration, EventQueue& events) noexcept : registration_(registration), events_(events) {}

  /// Whether a node that was reported as joined is not there any more.
  bool somebody_has_gone() const;

  /// Reports who has come, each after those who have gone: a program that was started anew has left before it joins.
  /// Who has gone while nobody came is left to `report_all`. For ports, before they report a connection to a newcomer.
  void report_newcomers(std::vector<Event>& to_announce);

  /// Reports who has gone and who has come.
  void report_all(std::vector<Event>& to_announce);

 private:
  struct Changes {
    std::uint32_t epoch;
    std::vector<NodeId> gone;
    std::vector<std::pair<NodeId, std::string>> come;
    bool complete = true;
  };

  using Known = std::vector<std::pair<NodeId, std::string>>;  // with its name

  bool changed() const noexcept;
  Known::iterator find(const NodeId& node) noexcept;
  Changes look() const;
  void report(const Changes& changes, std::vector<Event>& to_announce);

  Registration& registration_;
  EventQueue& events_;
  mutable std::mutex mutex_;  // guards the map
  Known known_;               // sorted
  // N1: the node epoch of the last look that found everything and left nothing unsaid. W: under the mutex. No epoch
  // that a registry begins with, so that the first look takes place.
  std::atomic<std::uint32_t> seen_{~0U};
  // N1, the same of a look for newcomers that found none.
  std::atomic<std::uint32_t> nobody_came_{~0U};
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
