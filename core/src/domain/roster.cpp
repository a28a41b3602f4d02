#include "domain/roster.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "domain/file_content.hpp"
#include "domain/file_names.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

Result<std::string> read_name(const Directory& directory, const NodeId& node) {
  auto file =
      posix::SharedMemory::open(directory.fd, node_file_name(node), posix::Access::read_only, ::geteuid(), kPageBytes);
  if (!file) return fail(std::move(file).error());
  auto head = read_beginning<FileHead>(file->fd(), file->label());
  if (!head) return fail(std::move(head).error());
  auto checked = check_head(*head, FileKind::node, {node, 0}, 0, sizeof(NodeFile), file->label());
  if (!checked) return fail(std::move(checked).error());
  std::array<char, sizeof(NodeFile::name)> name{};
  auto read = read_bytes(file->fd(), std::as_writable_bytes(std::span(name)), offsetof(NodeFile, name), file->label());
  if (!read) return fail(std::move(read).error());
  return std::string(name.data(), ::strnlen(name.data(), name.size()));
}

}  // namespace

std::optional<std::string> name_of(const Directory& directory, const NodeId& node) {
  auto name = read_name(directory, node);
  if (name) return *std::move(name);
  const Errc code = name.error().code();
  if (code != Errc::corrupt && code != Errc::incompatible && code != Errc::permission) return std::nullopt;
  return fmt::format("node {}.{}", node.slot, node.generation);
}

bool Roster::changed() const noexcept {
  return registration_.node_epoch().load(std::memory_order_acquire) !=  // N1: before the slots
         seen_.load(std::memory_order_relaxed);                         // at worst it is looked once more
}

/// Under the mutex.
Roster::Changes Roster::look() const {
  Changes changes{registration_.node_epoch().load(std::memory_order_acquire), {}, {}};  // N1: before the slots
  const std::vector<NodeId> present = registration_.others();
  auto is_there = present.begin();
  for (const auto& [node, name] : known_) {  // both are sorted
    while (is_there != present.end() && *is_there < node) ++is_there;
    if (is_there == present.end() || *is_there != node) changes.gone.push_back(node);
  }
  auto is_known = known_.begin();
  for (const NodeId& node : present) {
    while (is_known != known_.end() && is_known->first < node) ++is_known;
    if (is_known != known_.end() && is_known->first == node) continue;
    auto name = name_of(registration_.directory(), node);
    changes.complete &= name.has_value();
    if (name) changes.come.emplace_back(node, *std::move(name));
  }
  return changes;
}

/// Where it is among the known ones, or would be.
Roster::Known::iterator Roster::find(const NodeId& node) noexcept {
  return std::lower_bound(known_.begin(), known_.end(), node,
                          [](const auto& known, const NodeId& wanted) { return known.first < wanted; });
}

/// Under the mutex.
void Roster::report(const Changes& changes, std::vector<Event>& to_announce) {
  for (const NodeId& node : changes.gone) {
    const auto known = find(node);
    events_.report(registration_.has_died(node) ? EventKind::died : EventKind::left, {}, known->second, {},
                   to_announce);
    known_.erase(known);
  }
  for (const auto& [node, name] : changes.come) {
    known_.emplace(find(node), node, name);
    events_.report(EventKind::joined, {}, name, {}, to_announce);
  }
  if (changes.complete) seen_.store(changes.epoch, std::memory_order_relaxed);  // under the mutex
}

bool Roster::somebody_has_gone() const {
  if (!changed()) return false;
  const std::lock_guard lock(mutex_);
  return std::any_of(known_.begin(), known_.end(),
                     [&](const auto& known) { return !registration_.is_ready(known.first); });
}

void Roster::report_newcomers(std::vector<Event>& to_announce) {
  if (!changed()) return;
  // N1, as in `changed`. Each port asks, and who has gone is left to the end of the round.
  if (registration_.node_epoch().load(std::memory_order_acquire) == nobody_came_.load(std::memory_order_relaxed))
    return;
  const std::lock_guard lock(mutex_);
  const Changes changes = look();
  if (!changes.come.empty()) {
    report(changes, to_announce);
  } else if (changes.complete) {
    nobody_came_.store(changes.epoch, std::memory_order_relaxed);  // under the mutex
  }
}

void Roster::report_all(std::vector<Event>& to_announce) {
  if (!changed()) return;
  const std::lock_guard lock(mutex_);
  report(look(), to_announce);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
