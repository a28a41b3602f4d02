// What latched publishers leave when they are gone, and how it ends: see README.md, "What stays".
#include <map>

#include "baton/log.hpp"
#include "domain/file_names.hpp"
#include "domain/membership.hpp"
#include "domain/port_file.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

/// What is there of one publisher.
struct Remains {
  bool announced = false;
  PortFileName port;
  std::vector<std::string> files;
};

/// Whether a file announces a port of another topic, of the same hash. One that cannot be read is nobody's.
bool is_of_another(std::string_view topic, const posix::FileDescriptor& directory, const Remains& remains) {
  const auto content = read_port_file(directory, latched_name(remains.port), remains.port);
  return content && content->peer.announcement.topic != topic;
}

}  // namespace

void Member::remove_latched(std::string_view topic) noexcept try {
  const std::uint32_t bucket = bucket_of(topic);
  const auto place = directory(bucket);
  const auto names = list(bucket, latched_prefix(topic));
  if (!place || !names) return;  // whoever looks for them next meets the same
  std::map<PortRef, Remains> found;
  for (const std::string& name : *names) {
    const auto port = latched_port_in(name);
    if (!port) continue;
    Remains& remains = found[port->owner];
    remains.port = *port;
    remains.port.latched = true;
    if (latched_name(*port) == name) {
      remains.announced = true;
    } else {
      remains.files.push_back(name);
    }
  }
  bool removed = false;
  for (const auto& [owner, remains] : found) {
    const std::string present = port_file_name(PortRole::publisher, topic, owner);
    // It may have died just now. Not asked whether it is there: a reaper that was killed may have left it half reaped.
    if (has(bucket, present)) state_->reap(owner.node.slot);
    if (has(bucket, present)) continue;
    if (!remains.announced && health(owner.node) != Health::gone) continue;  // it is just about to be there
    if (remains.announced && is_of_another(topic, **place, remains)) continue;
    // The announcement first: without it the others are nothing to anybody, whoever is killed before they are removed.
    if (remains.announced) unlink(bucket, latched_name(remains.port));
    for (const std::string& file : remains.files) unlink(bucket, file);
    removed = true;
  }
  if (removed) bump(bucket);
} catch (const std::exception& error) {
  log::error("[{}] topic '{}': what is left of former publishers cannot be removed: {}", node(), topic, error.what());
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
