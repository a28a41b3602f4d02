#include "generic/subscriber.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "baton/log.hpp"
#include "baton/names.hpp"
#include "baton/posix/poll.hpp"

namespace baton {
inline namespace v1 {

using std::chrono::steady_clock;

// --- The sample ------------------------------------------------------------------------------------------------------

std::span<const std::byte> GenericSample::bytes() const noexcept {
  const TypeInfo& info = description_->info();
  const std::size_t capacity = port_->capacity(chunk_);
  switch (info.layout) {
    case Layout::raw: {
      if (capacity < info.elements_offset) return {chunk_.payload, capacity};
      std::uint64_t count = 0;
      std::memcpy(&count, chunk_.payload + (info.size + 7) / 8 * 8, sizeof(count));  // once: it may change
      const std::uint64_t room = (capacity - info.elements_offset) / info.element_size;
      return {chunk_.payload, info.elements_offset + std::min(count, room) * info.element_size};
    }
    case Layout::table: {
      const std::size_t bytes = std::min(port_->bytes(chunk_), capacity);
      return {chunk_.payload + capacity - bytes, bytes};
    }
    default: return {chunk_.payload, std::min<std::size_t>(info.size, capacity)};
  }
}

void GenericSample::release() noexcept {
  SubscriberPort* const port = std::exchange(port_, nullptr);
  status_ = TakeStatus::empty;
  if (port != nullptr) port->release(chunk_);
}

void GenericSample::swap(GenericSample& other) noexcept {
  std::swap(port_, other.port_);
  std::swap(chunk_, other.chunk_);
  std::swap(description_, other.description_);
  std::swap(status_, other.status_);
}

// --- The subscriber --------------------------------------------------------------------------------------------------

GenericSubscriber::GenericSubscriber(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
GenericSubscriber::GenericSubscriber(GenericSubscriber&& other) noexcept = default;
GenericSubscriber& GenericSubscriber::operator=(GenericSubscriber&& other) noexcept = default;
GenericSubscriber::~GenericSubscriber() = default;

GenericSample GenericSubscriber::take() { return state_->take(); }
WaitStatus GenericSubscriber::wait_for(std::chrono::nanoseconds timeout) { return state_->wait(timeout); }
std::vector<GenericSubscriber::Source> GenericSubscriber::sources() { return state_->sources(); }
const std::string& GenericSubscriber::pattern() const noexcept { return state_->pattern(); }
void GenericSubscriber::close() noexcept { state_->close(); }
Result<int> GenericSubscriber::fd() { return state_->fd(); }

// --- Its state -------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<GenericSubscriber::State>> GenericSubscriber::State::make(std::string node, std::string pattern,
                                                                                 Open open) {
  auto wake = posix::EventFd::create();
  if (!wake) return fail(std::move(wake).error());
  auto signal = std::make_shared<Signal>(*std::move(wake));
  return std::unique_ptr<State>(new State(std::move(node), std::move(pattern), std::move(open), std::move(signal)));
}

Result<void> GenericSubscriber::State::add_directory(const Watch& watch) {
  auto directory = watch([signal = signal_] { signal->raise(); });
  if (!directory) return fail(std::move(directory).error());
  if (*directory != nullptr) directories_.push_back({*std::move(directory), {}});
  return {};
}

GenericSample GenericSubscriber::State::take() {
  if (closed_) return GenericSample(TakeStatus::closed);
  if (pending_) return std::move(pending_);
  // acquire: what was to be found is found by the look.
  if (signal_->raised.exchange(false, std::memory_order_acquire)) {
    signal_->wake.drain();
    look();
  }
  TakeStatus status = TakeStatus::empty;
  if (GenericSample sample = take_known(status)) return sample;
  // A node without a keeper is told of nothing.
  if (!look()) return GenericSample(status);
  if (GenericSample sample = take_known(status)) return sample;
  return GenericSample(status);
}

/// Of the ports that are open, each in turn.
GenericSample GenericSubscriber::State::take_known(TakeStatus& status) noexcept {
  for (std::size_t asked = 0; asked < ports_.size(); ++asked) {
    if (turn_ == ports_.end()) turn_ = ports_.begin();
    const std::optional<Port>& port = (turn_++)->second;
    if (!port) continue;
    const Chunk chunk = port->handle->take();
    if (chunk) return GenericSample(port->handle.get(), chunk, port->description);
    if (chunk.reason<TakeStatus>() == TakeStatus::held_limit) status = TakeStatus::held_limit;
  }
  return GenericSample(status);
}

/// Asks the directories. True if a port was opened.
bool GenericSubscriber::State::look() {
  bool news = false;
  for (Directory& each : directories_) news |= each.directory->look(each.found);
  if (!news && !leftovers_) return false;
  std::vector<std::shared_ptr<const PortAnnouncement>> present;
  for (const Directory& each : directories_) {
    for (const auto& announcement : each.found) {
      if (topic_matches(pattern_, announcement->topic)) present.push_back(announcement);
    }
  }
  close_old(present);
  return open_new(present);
}

bool GenericSubscriber::State::open_new(const std::vector<std::shared_ptr<const PortAnnouncement>>& present) {
  bool opened = false;
  for (const auto& announcement : present) {
    const Key key{announcement->topic, announcement->transport, announcement->fingerprint.bytes};
    if (ports_.contains(key)) continue;
    auto port = open_for(key, *announcement);
    opened |= port.has_value();
    ports_.emplace(key, std::move(port));
  }
  return opened;
}

/// Nothing if that cannot be, which is logged.
std::optional<GenericSubscriber::State::Port> GenericSubscriber::State::open_for(const Key& key,
                                                                                 const PortAnnouncement& publisher) {
  auto description = TypeDescription::load(std::as_bytes(std::span(publisher.description)));
  if (description && description->fingerprint() != publisher.fingerprint) {
    description = fail(Errc::corrupt, publisher.type, "the description is that of another type", "");
  }
  auto port = description ? open_(*description, publisher) : fail(description.error());
  if (!port) {
    log::warn("[{}] topic '{}': messages of {} cannot be received: {}", node_, key.topic, publisher.node, port.error());
    return std::nullopt;
  }
  Port opened{*std::move(port), std::make_shared<const TypeDescription>(*std::move(description))};
  if (epoll_) {
    if (auto watched = watch(opened); !watched) {
      log::warn("[{}] topic '{}': messages cannot be received: {}", node_, key.topic, watched.error());
      return std::nullopt;
    }
  }
  return opened;
}

/// Ports whose publishers are all gone, and that have nothing left; those that have are looked at again.
void GenericSubscriber::State::close_old(const std::vector<std::shared_ptr<const PortAnnouncement>>& present) {
  std::set<Key> wanted;
  for (const auto& each : present) wanted.insert({each->topic, each->transport, each->fingerprint.bytes});
  leftovers_ = false;
  std::erase_if(ports_, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    const std::optional<Port>& port = entry.second;
    const bool done = !port || (port->handle->connection_count() == 0 && port->handle->counters().total.queued == 0);
    if (done && port) unwatch(*port);
    leftovers_ |= !done;
    return done;
  });
  turn_ = ports_.end();
}

WaitStatus GenericSubscriber::State::wait(std::chrono::nanoseconds timeout) {
  const auto now = steady_clock::now();
  std::optional<steady_clock::time_point> deadline;
  if (timeout < steady_clock::time_point::max() - now) deadline = now + timeout;
  while (true) {
    if (closed_) return WaitStatus::closed;
    // A take that finds nothing makes the descriptors quiet; one that finds something is what is waited for.
    if (!pending_) pending_ = take();
    if (pending_) {
      signal_->raise();  // the descriptor of who waits in another way has to say so, too
      return WaitStatus::ready;
    }
    if (deadline && steady_clock::now() >= *deadline) return WaitStatus::timeout;
    posix::Poll poll;
    auto descriptor = fd();
    if (descriptor) poll.add(*descriptor);
    auto waited = descriptor ? poll.wait(deadline) : fail(descriptor.error());
    if (!waited) {
      log::error("[{}] a generic subscriber cannot wait: {}", node_, waited.error());
      return WaitStatus::timeout;
    }
  }
}

Result<int> GenericSubscriber::State::fd() {
  if (!epoll_) {
    auto made = posix::Epoll::create();
    if (!made) return fail(std::move(made).error());
    epoll_.emplace(*std::move(made));
    auto added = epoll_->add(signal_->wake.fd().get());
    for (const auto& [key, port] : ports_) {
      if (added && port) added = watch(*port);
    }
    if (!added) {
      epoll_.reset();
      return fail(std::move(added).error());
    }
  }
  return epoll_->fd().get();
}

Result<void> GenericSubscriber::State::watch(const Port& port) {
  auto descriptor = port.handle->fd();
  if (!descriptor) return fail(std::move(descriptor).error());
  return epoll_->add(*descriptor);
}

/// Before a port is closed.
void GenericSubscriber::State::unwatch(const Port& port) noexcept {
  if (!epoll_) return;
  if (const auto descriptor = port.handle->fd()) epoll_->remove(*descriptor);
}

std::vector<GenericSubscriber::Source> GenericSubscriber::State::sources() {
  if (!closed_) look();
  std::vector<Source> sources;
  for (const auto& [key, port] : ports_) {
    if (!port) continue;
    sources.push_back(
        {key.topic, key.transport, *port->description, port->handle->connection_count(), port->handle->counters()});
  }
  return sources;
}

void GenericSubscriber::State::close() noexcept {
  closed_ = true;
  pending_.release();
  directories_.clear();
  for (const auto& [key, port] : ports_) {
    if (port) unwatch(*port);
  }
  ports_.clear();
  turn_ = ports_.end();
}

}  // namespace v1
}  // namespace baton
