#include "domain/bucket_view.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

bool is_older(const std::shared_ptr<const BucketView::Port>& a, const std::shared_ptr<const BucketView::Port>& b) {
  const auto age = [](const BucketView::Port& port) { return port.content ? port.content->made_ns : 0; };
  return std::pair(age(*a), a->name.owner) < std::pair(age(*b), b->name.owner);
}

/// Whether reading the file again would say the same. Everything else may have been this process's trouble (no
/// descriptor, no memory), and says nothing about the port.
bool is_of_the_file(const Error& error) noexcept {
  return error.code() == Errc::corrupt || error.code() == Errc::incompatible || error.code() == Errc::permission;
}

}  // namespace

Result<std::shared_ptr<const BucketView::Ports>> BucketView::look(Member& member, std::uint32_t bucket, Kind kind,
                                                                  std::uint64_t hash, std::uint64_t& seen) {
  const std::lock_guard lock(mutex_);
  if (auto caught_up = catch_up(member, bucket); !caught_up) return fail(std::move(caught_up).error());
  Group& group = groups_[{kind, hash}];
  if (group.version == 0) group.version = ++last_version_;
  if (group.version == seen) return std::shared_ptr<const Ports>();
  if (auto ordered = bring_in_order(member, bucket, group); !ordered) return fail(std::move(ordered).error());
  seen = group.version;
  return group.in_order;
}

Result<BucketView::Ports> BucketView::all(Member& member, std::uint32_t bucket, Kind kind) {
  const std::lock_guard lock(mutex_);
  if (auto caught_up = catch_up(member, bucket); !caught_up) return fail(std::move(caught_up).error());
  Ports all;
  for (auto& [key, group] : groups_) {
    if (key.first != kind) continue;
    if (auto ordered = bring_in_order(member, bucket, group); !ordered) return fail(std::move(ordered).error());
    all.insert(all.end(), group.in_order->begin(), group.in_order->end());
  }
  return all;
}

/// Lists the directory anew if the epoch has changed.
Result<void> BucketView::catch_up(Member& member, std::uint32_t bucket) {
  // E1 (acquire), before the directory is listed: a change that comes after is found by another epoch.
  const std::uint32_t epoch = member.epoch(bucket).load(std::memory_order_acquire);
  if (current_ && epoch == epoch_) return {};
  current_ = false;
  if (auto listed = list(member, bucket); !listed) return listed;
  epoch_ = epoch;
  current_ = true;
  return {};
}

Result<void> BucketView::bring_in_order(Member& member, std::uint32_t bucket, Group& group) {
  if (group.in_order != nullptr) return {};
  auto directory = member.directory(bucket);
  if (!directory) return fail(std::move(directory).error());
  auto ports = read(**directory, group);
  if (!ports) return fail(std::move(ports).error());
  group.in_order = *std::move(ports);
  return {};
}

Result<void> BucketView::list(Member& member, std::uint32_t bucket) {
  std::map<Key, std::set<std::string>> present;
  auto files = member.list(bucket, "");
  if (!files) return fail(std::move(files).error());
  for (std::string& name : *files) {
    if (const auto parsed = parse_port_file_name(name)) {
      present[{{parsed->role, parsed->latched}, parsed->topic_hash}].insert(std::move(name));
    }
  }
  for (const auto& [key, names] : present) groups_[key];
  for (auto& [key, group] : groups_) {
    const std::set<std::string>& names = present[key];
    bool changed = std::erase_if(group.ports, [&](const auto& known) { return !names.contains(known.first); }) != 0;
    for (const std::string& name : names) changed |= group.ports.try_emplace(name).second;
    if (!changed) continue;
    group.version = ++last_version_;
    group.in_order = nullptr;
  }
  std::erase_if(groups_, [](const auto& entry) { return entry.second.ports.empty(); });
  return {};
}

Result<std::shared_ptr<const BucketView::Ports>> BucketView::read(const posix::FileDescriptor& directory,
                                                                  Group& group) {
  auto ports = std::make_shared<Ports>();
  for (auto& [file, port] : group.ports) {
    if (port == nullptr) {
      const PortFileName name = parse_port_file_name(file).value_or(PortFileName{});
      auto content = read_port_file(directory, file, name);
      if (!content && content.error().os_errno() == ENOENT) continue;  // gone again: a new epoch will tell
      if (!content && !is_of_the_file(content.error())) return fail(std::move(content).error());
      port = std::make_shared<const Port>(Port{file, name, std::move(content)});
    }
    ports->push_back(port);
  }
  std::sort(ports->begin(), ports->end(), is_older);
  return ports;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
