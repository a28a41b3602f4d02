#include "pattern/topic_ports.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "baton/names.hpp"
#include "baton/posix/poll.hpp"

namespace baton {
inline namespace v1 {
namespace {

/// How often is looked again for what nobody will tell: room for a port, the end of a connection.
constexpr std::chrono::seconds kRetry{1};

}  // namespace

Result<std::unique_ptr<TopicPorts>> TopicPorts::make(std::string node, std::string pattern,
                                                     std::unique_ptr<Opener> opener) {
  auto wake = posix::EventFd::create();
  if (!wake) return fail(std::move(wake).error());
  auto signal = std::make_shared<Signal>(*std::move(wake));
  return std::unique_ptr<TopicPorts>(
      new TopicPorts(std::move(node), std::move(pattern), std::move(opener), std::move(signal)));
}

Result<void> TopicPorts::add_directory(const Watch& watch) {
  auto directory = watch([signal = signal_] { signal->raise(); });
  if (!directory) return fail(std::move(directory).error());
  if (*directory != nullptr) directories_.push_back({*std::move(directory), {}});
  return {};
}

// --- Taking and waiting ----------------------------------------------------------------------------------------------

TopicPorts::Taken TopicPorts::take() noexcept {
  if (is_closed()) return {nullptr, Chunk::refusal(TakeStatus::closed)};
  if (!pending_.empty()) return take_pending();
  const Verb verb(*this);
  look_if_due();
  TakeStatus status = TakeStatus::empty;
  Taken taken = take_known(status);
  // A node without a keeper is told of nothing.
  if (!taken && look()) taken = take_known(status);
  if (is_closed()) return {nullptr, Chunk::refusal(TakeStatus::closed)};
  if (!pending_.empty()) {  // put back meanwhile, by a callback's wait: that was taken before
    if (taken) pending_.push_back(std::move(taken));
    return take_pending();
  }
  if (!taken) taken.chunk = Chunk::refusal(status);
  return taken;
}

TopicPorts::Taken TopicPorts::take_pending() noexcept {
  Taken first = std::move(pending_.front());
  pending_.erase(pending_.begin());
  return first;
}

/// Of the ports that are open, each in turn.
TopicPorts::Taken TopicPorts::take_known(TakeStatus& status) noexcept {
  for (std::size_t asked = 0; asked < ports_.size() && !is_closed(); ++asked) {
    if (turn_ == ports_.end()) turn_ = ports_.begin();
    const Port& port = (turn_++)->second;
    const Chunk chunk = port.handle->take();
    if (chunk) {
      if (!is_closed()) return {port.handle.get(), chunk, port.description};
      port.handle->release(chunk);
    } else if (chunk.reason<TakeStatus>() == TakeStatus::held_limit) {
      status = TakeStatus::held_limit;
    }
  }
  return {};
}

void TopicPorts::put_back(Taken taken) noexcept {
  if (is_closed()) {
    taken.port->release(taken.chunk);
    return;
  }
  pending_.insert(pending_.begin(), std::move(taken));
  raise();  // the descriptor of who waits in another way has to say so, too
}

void TopicPorts::hear() noexcept {
  if (signal_->lower()) look_is_due_ = true;
}

/// A callback's verb does not look: the verb around it is at it, or walks what would change.
void TopicPorts::look_if_due() noexcept {
  if (nesting_ > 1) return;
  hear();
  if (look_is_due_) look();
}

/// Whether `take` would give a message.
bool TopicPorts::ready() noexcept {
  if (!pending_.empty()) return true;
  {
    const Verb verb(*this);
    look_if_due();
    for (const auto& [key, port] : ports_) {
      if (is_closed()) return false;
      if (port.handle->wait(std::chrono::nanoseconds::zero()) == WaitStatus::ready) return !is_closed();
    }
  }
  // A take that finds nothing makes the descriptors quiet; one that finds something is what is waited for.
  Taken taken = take();
  if (!taken) return false;
  put_back(std::move(taken));
  return !is_closed();
}

std::optional<WaitStatus> TopicPorts::wait_once(Clock::time_point deadline) noexcept {
  if (is_closed()) return WaitStatus::closed;
  const bool found = ready();
  if (is_closed()) return WaitStatus::closed;
  if (found) return WaitStatus::ready;
  if (Clock::now() >= deadline) return WaitStatus::timeout;
  const auto descriptor = fd();
  if (is_closed()) return WaitStatus::closed;
  if (!descriptor) {
    log::error("[{}] topics '{}': a subscriber cannot wait: {}", node_, pattern_, descriptor.error());
    return WaitStatus::timeout;
  }
  sleep_on(*descriptor, std::min(deadline, next_look()), node_);
  return std::nullopt;
}

TopicPorts::Clock::time_point TopicPorts::next_look() const noexcept {
  return again_ || leftovers_ ? Clock::now() + kRetry : Clock::time_point::max();
}

Result<int> TopicPorts::fd() {
  if (in_child()) {
    return fail(Errc::forked, fmt::format("topics '{}': subscriber in {}", pattern_, node_),
                "it belongs to the process that this one was forked from",
                "open a node in the child, or fork before opening one");
  }
  const Verb verb(*this);
  if (!epoll_) {
    auto made = posix::Epoll::create();
    if (!made) return fail(std::move(made).error());
    epoll_.emplace(*std::move(made));
    auto added = epoll_->add(signal_fd());
    for (const auto& [key, port] : ports_) {
      if (added && !is_closed()) added = watch(port);
    }
    if (!added) {
      epoll_.reset();
      return fail(std::move(added).error());
    }
  }
  return epoll_->fd().get();
}

Result<void> TopicPorts::watch(const Port& port) {
  auto descriptor = port.handle->fd();
  if (!descriptor) return fail(std::move(descriptor).error());
  return epoll_->add(*descriptor);
}

/// Before a port is closed.
void TopicPorts::unwatch(const Port& port) noexcept {
  if (!epoll_ || in_child()) return;
  if (const auto descriptor = port.handle->fd()) epoll_->remove(*descriptor);
}

void sleep_on(int fd, TopicPorts::Clock::time_point deadline, const std::string& node) noexcept {
  try {
    posix::Poll poll;
    poll.add(fd);
    auto waited = poll.wait(deadline);
    if (waited) return;
    log::error("[{}] a subscriber cannot wait: {}", node, waited.error());
  } catch (const std::exception& error) {
    log::error("[{}] a subscriber cannot wait: {}", node, error.what());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

// --- Who is there ----------------------------------------------------------------------------------------------------

bool TopicPorts::look() noexcept try {
  if (is_closed() || nesting_ > 1) return false;
  const Verb verb(*this);
  bool news = std::exchange(look_is_due_, false);
  for (Directory& each : directories_) news |= each.directory->look(each.found);
  if (!news && !leftovers_ && !again_) return false;
  const auto present = wanted();
  close_old(present);
  return open_new(present);
} catch (const std::exception& error) {  // no memory
  log::error("[{}] topics '{}': publishers cannot be looked for: {}", node_, pattern_, error.what());
  again_ = true;
  return false;
}

std::vector<TopicPorts::Wanted> TopicPorts::wanted() {
  std::vector<Wanted> wanted;
  std::set<std::shared_ptr<const PortAnnouncement>> passed_by;
  for (const Directory& each : directories_) {
    for (const auto& publisher : each.found) {
      if (!topic_matches(pattern_, publisher->topic)) continue;
      const auto type = passed_by_.contains(publisher) ? std::optional<Fingerprint>() : opener_->type_for(*publisher);
      if (type) {
        wanted.push_back({{publisher->topic, publisher->transport, type->bytes}, publisher});
        continue;
      }
      if (passed_by.insert(publisher).second && !passed_by_.contains(publisher)) {
        log::info("[{}] topic '{}' fits '{}', but what {} publishes there is of another type, {}: it is not received",
                  node_, publisher->topic, pattern_, publisher->node, publisher->type);
      }
    }
  }
  passed_by_ = std::move(passed_by);
  return wanted;
}

/// One publisher of each topic, type and transport will do, and the next one is tried where the first is of no use.
bool TopicPorts::open_new(const std::vector<Wanted>& wanted) {
  std::set<std::shared_ptr<const PortAnnouncement>> there;
  for (const Wanted& each : wanted) there.insert(each.publisher);
  std::erase_if(failed_, [&](const auto& entry) { return !there.contains(entry.first); });
  again_ = false;
  bool opened = false;
  for (const auto& [key, publisher] : wanted) {
    if (is_closed()) return false;
    if (ports_.contains(key)) continue;
    const auto failed = failed_.find(publisher);
    if (failed != failed_.end() && failed->second != Errc::no_space) continue;
    auto port = opener_->open(*publisher);
    if (is_closed()) return false;
    if (port && epoll_) {
      if (auto watched = watch(*port); !watched) port = fail(std::move(watched).error());
      if (is_closed()) return false;
    }
    if (port) {
      failed_.erase(publisher);
      const std::lock_guard lock(mutex_);
      ports_.emplace(key, *std::move(port));
      opened = true;
      continue;
    }
    again_ |= port.error().code() == Errc::no_space;
    if (failed_.insert_or_assign(publisher, port.error().code()).second) {
      log::warn("[{}] topic '{}': messages of {} cannot be received: {}", node_, publisher->topic, publisher->node,
                port.error());
    }
  }
  return opened;
}

/// Ports whose publishers are all gone, and that have nothing left; those that have are looked at again.
void TopicPorts::close_old(const std::vector<Wanted>& wanted) {
  std::set<Key> keys;
  for (const Wanted& each : wanted) keys.insert(each.key);
  leftovers_ = false;
  std::vector<Port> old;  // which go when the walk is over: that may call back
  old.reserve(ports_.size());
  for (auto each = ports_.begin(); each != ports_.end() && !is_closed();) {
    const auto next = std::next(each);
    if (!keys.contains(each->first)) {
      Port& port = each->second;
      if (port.handle->connection_count() == 0 && port.handle->counters().total.queued == 0) {
        if (turn_ == each) turn_ = next;
        const std::lock_guard lock(mutex_);
        old.push_back(std::move(port));
        ports_.erase(each);
      } else {
        leftovers_ = true;
      }
    }
    each = next;
  }
  close_all(std::move(old));
}

/// Ports that are not in the list any more.
void TopicPorts::close_all(std::vector<Port> ports) noexcept {
  for (const Port& port : ports) {
    unwatch(port);
    port.handle->close();
    const std::lock_guard lock(mutex_);
    count_departed(port);
  }
}

/// Under the mutex.
void TopicPorts::count_departed(const Port& port) {
  const SubscriberCounters figures = port.handle->counters();
  departed_.total += figures.total;
  departed_.damaged += figures.damaged;
}

// In a child another thread of the parent may have held the mutex, for ever.
SubscriberCounters TopicPorts::counters() const {
  if (in_child()) return {};
  const std::lock_guard lock(mutex_);
  SubscriberCounters all = departed_;
  for (const auto& [key, port] : ports_) {
    SubscriberCounters part = port.handle->counters();
    all.total += part.total;
    all.damaged += part.damaged;
    for (ConnectionCounters& connection : part.connections) {
      connection.peer = fmt::format("{} on {}", connection.peer, key.topic);
      all.connections.push_back(std::move(connection));
    }
  }
  return all;
}

std::vector<std::string> TopicPorts::audit() const {
  if (in_child()) return {};
  const std::lock_guard lock(mutex_);
  std::vector<std::string> findings;
  for (const auto& [key, port] : ports_) {
    for (std::string& finding : port.handle->audit()) findings.push_back(std::move(finding));
  }
  return findings;
}

std::size_t TopicPorts::connection_count() const noexcept {
  if (in_child()) return 0;
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, port] : ports_) count += port.handle->connection_count();
  return count;
}

void TopicPorts::close() noexcept {
  if (in_child() || std::exchange(closed_, true)) return;
  const Verb verb(*this);
  for (const Taken& pending : std::exchange(pending_, {})) pending.port->release(pending.chunk);
  for (const auto& [key, port] : ports_) {
    unwatch(port);
    port.handle->close();
  }
}

/// What is closed, when no verb walks it any more. Ends may call back, and find nothing.
void TopicPorts::clear() noexcept {
  const auto directories = std::exchange(directories_, {});
  std::map<Key, Port> ports;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, port] : ports_) count_departed(port);
    ports.swap(ports_);
    turn_ = ports_.end();
  }
  failed_.clear();
  passed_by_.clear();
}

}  // namespace v1
}  // namespace baton
