#include "domain/watches.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "duration.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookInterval = 100ms;  // at the lock of a node without a pidfd
constexpr auto kFirstRetry = 1ms;      // of a node whose pidfd says that it ended, and whose lock is still held

}  // namespace

/// One node that is watched. Guarded by the mutex of its `Watches`; the descriptor is constant while anybody waits.
struct Watch {
  NodeId node;
  std::size_t users = 0;
  std::shared_ptr<const posix::Mapping> page;
  posix::FileDescriptor pidfd;
  bool pidfd_useful = false;
  Watches::Clock::time_point next_look{};  // without a useful pidfd
  std::chrono::nanoseconds look_interval = kLookInterval;
  bool gone = false;
  bool hung = false;
  std::uint64_t beat = 0;
  Watches::Clock::time_point changed{};

  const NodeFile* file() const noexcept {
    return page == nullptr ? nullptr : reinterpret_cast<const NodeFile*>(page->bytes().data());
  }

  std::string name() const {
    if (file() == nullptr) return fmt::format("node {}.{}", node.slot, node.generation);
    return std::string(file()->name.data(), ::strnlen(file()->name.data(), file()->name.size()));
  }
};

namespace {

/// A pidfd of the process that wrote the labels, or nothing.
posix::FileDescriptor open_pidfd(const NodeSlot& slot) {
  static const std::uint64_t own_namespace = own_labels().pid_namespace;
  // relaxed: labels. Whatever they say, the lock decides.
  const std::uint32_t pid = slot.pid.load(std::memory_order_relaxed);
  const std::uint64_t start = slot.pid_start_ticks.load(std::memory_order_relaxed);
  if (own_namespace == 0 || slot.pid_namespace.load(std::memory_order_relaxed) != own_namespace || start == 0)
    return {};
  posix::FileDescriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  // The pid may be another process's by now; one that has the same start time is the one that is meant.
  if (!fd || start_ticks_of(pid) != start) return {};
  return fd;
}

}  // namespace

Watches::Watches(Registration& registration, std::chrono::nanoseconds hung_after)
    : registration_(registration), hung_after_(hung_after) {}

void Watches::add(const NodeId& node, std::shared_ptr<const posix::Mapping> page) {
  // Of itself no node hears that it died; and that it hangs it would hear when it does not any more.
  if (node.slot >= kMaxNodes || node == registration_.id()) return;
  const std::lock_guard lock(mutex_);
  if (const auto known = watches_.find(node); known != watches_.end()) {
    Watch& watch = *known->second;
    ++watch.users;
    if (watch.page == nullptr && page != nullptr) {  // it could not be opened before
      watch.page = std::move(page);
      watch.changed = Clock::now();
    }
    return;
  }
  auto watch = std::make_shared<Watch>();
  watch->node = node;
  watch->users = 1;
  watch->page = std::move(page);
  watch->pidfd = open_pidfd(registration_.slot(node.slot));
  watch->pidfd_useful = static_cast<bool>(watch->pidfd);
  watch->changed = Clock::now();
  watch->next_look = watch->changed;  // soon: it may have died before anybody watched
  watches_.emplace(node, std::move(watch));
}

void Watches::remove(const NodeId& node) noexcept {
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(node);
  if (watch == watches_.end() || --watch->second->users != 0) return;
  not_hung(node);
  watches_.erase(watch);
}

/// Says nothing of another node that has the slot by now.
void Watches::not_hung(const NodeId& node) noexcept {
  std::uint64_t generation = node.generation;
  hung_[node.slot].compare_exchange_strong(generation, 0, std::memory_order_relaxed);  // a hint: see `health`
}

Health Watches::health(const NodeId& node) const noexcept {
  if (!registration_.is_there(node)) return Health::gone;
  // relaxed: it orders nothing. Who waits for a node looks again and again.
  return hung_[node.slot].load(std::memory_order_relaxed) == node.generation ? Health::hung : Health::alive;
}

Watches::Waiting Watches::prepare(posix::Poll& poll) {
  Waiting waiting;
  const std::lock_guard lock(mutex_);
  for (const auto& [node, watch] : watches_) {
    if (watch->pidfd_useful && !watch->gone) waiting.watched_.emplace_back(watch, poll.add(watch->pidfd.get()));
  }
  return waiting;
}

Watches::Clock::time_point Watches::next_look() const {
  Clock::time_point next = Clock::time_point::max();
  const std::lock_guard lock(mutex_);
  for (const auto& [node, watch] : watches_) {
    if (!watch->gone && !watch->pidfd_useful) next = std::min(next, watch->next_look);
  }
  return next;
}

Watches::Found Watches::look(const Waiting& waiting, const posix::Poll& poll) {
  const Clock::time_point now = Clock::now();
  Found found;
  const std::lock_guard lock(mutex_);
  for (const auto& [watch, index] : waiting.watched_) {
    if (!poll.is_ready(index) || !watch->pidfd_useful) continue;
    watch->pidfd_useful = false;  // it stays readable for ever: from now on the lock is looked at
    watch->next_look = now;
    watch->look_interval = kFirstRetry;
  }
  for (const auto& [node, watch] : watches_) {
    if (watch->gone) continue;
    if (!watch->pidfd_useful && watch->next_look <= now) {
      found.reaped |= registration_.reap(node.slot);
      watch->next_look = now + watch->look_interval;
      watch->look_interval = std::min<std::chrono::nanoseconds>(watch->look_interval * 2, kLookInterval);
    }
    if (registration_.is_there(node)) continue;
    watch->gone = true;
    found.gone = true;
  }
  return found;
}

void Watches::sample(bool after_pause, std::vector<Event>& events) {
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const auto& [node, watch] : watches_) {
    const NodeFile* const file = watch->file();
    if (file == nullptr || watch->gone) continue;
    const std::uint64_t interval = file->heartbeat_interval_ns;
    if (interval == 0) continue;
    // relaxed: a number that changes; nothing is read on the strength of it.
    const std::uint64_t beat = file->heartbeat.load(std::memory_order_relaxed);
    const bool beats = beat != watch->beat;
    if (beats || after_pause) watch->changed = now;
    watch->beat = beat;
    // A node that was configured to beat less often is given the time it needs.
    const auto limit = std::max<std::chrono::nanoseconds>(
        hung_after_,
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(interval, 3'600'000'000'000U))) * 2);
    const bool hung = watch->hung ? !beats : now - watch->changed > limit;
    if (hung == watch->hung) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    events.push_back({hung ? EventKind::hung : EventKind::back, "", watch->name(),
                      hung
                          ? fmt::format("its process {} has shown no sign of life for {}; it is stopped, or overloaded",
                                        file->head.owner_pid, seconds.count() > 0 ? to_text(seconds) : to_text(limit))
                          : ""});
    // After the event, which there may be no memory for: then the next sample finds the change again.
    watch->hung = hung;
    if (hung) {
      hung_[node.slot].store(node.generation, std::memory_order_relaxed);  // a hint: see `health`
    } else {
      not_hung(node);
    }
  }
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
