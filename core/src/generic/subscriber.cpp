#include "generic/subscriber.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "baton/log.hpp"
#include "baton/names.hpp"
#include "baton/posix/poll.hpp"
#include "description/memory.hpp"

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
      const std::uint64_t count = description::load_count(chunk_.payload, info.size);
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

GenericSubscriber::GenericSubscriber(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
GenericSubscriber::GenericSubscriber(GenericSubscriber&& other) noexcept = default;
GenericSubscriber& GenericSubscriber::operator=(GenericSubscriber&& other) noexcept {
  const auto last = std::exchange(state_, std::exchange(other.state_, nullptr));
  if (last != nullptr) last->close();
  return *this;
}
GenericSubscriber::~GenericSubscriber() {
  if (const auto last = std::exchange(state_, nullptr)) last->close();
}

// An event's callback, which the verbs of ports call, may destroy the subscriber: each verb keeps its state.
GenericSample GenericSubscriber::take() {
  const auto alive = state_;
  return alive->take();
}
WaitStatus GenericSubscriber::wait_for(std::chrono::nanoseconds timeout) {
  const auto alive = state_;
  return alive->wait(timeout);
}
std::vector<GenericSubscriber::Source> GenericSubscriber::sources() {
  const auto alive = state_;
  return alive->sources();
}
const std::string& GenericSubscriber::pattern() const noexcept { return state_->pattern(); }
void GenericSubscriber::close() noexcept {
  const auto alive = state_;
  alive->close();
}
Result<int> GenericSubscriber::fd() {
  const auto alive = state_;
  return alive->fd();
}

// --- Its state -------------------------------------------------------------------------------------------------------

/// While a verb is in it nothing that it walks is taken away: a `close` in an event's callback leaves that to the
/// outermost one.
class GenericSubscriber::State::Verb {
 public:
  explicit Verb(State& state) noexcept : state_(state) { ++state_.nesting_; }
  ~Verb() {
    if (--state_.nesting_ == 0 && state_.closed_) state_.clear();
  }
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;

 private:
  State& state_;
};

Result<std::shared_ptr<GenericSubscriber::State>> GenericSubscriber::State::make(std::string node, std::string pattern,
                                                                                 Open open) {
  auto wake = posix::EventFd::create();
  if (!wake) return fail(std::move(wake).error());
  auto signal = std::make_shared<Signal>(*std::move(wake));
  return std::shared_ptr<State>(new State(std::move(node), std::move(pattern), std::move(open), std::move(signal)));
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
  const Verb verb(*this);
  // acquire: what was to be found is found by the look.
  if (nesting_ == 1 && signal_->raised.exchange(false, std::memory_order_acquire)) {
    signal_->wake.drain();
    look();
  }
  TakeStatus status = TakeStatus::empty;
  if (GenericSample sample = take_known(status)) return sample;
  // A node without a keeper is told of nothing.
  if (look()) {
    if (GenericSample sample = take_known(status)) return sample;
  }
  return GenericSample(closed_ ? TakeStatus::closed : status);
}

/// Of the ports that are open, each in turn.
GenericSample GenericSubscriber::State::take_known(TakeStatus& status) noexcept {
  for (std::size_t asked = 0; asked < ports_.size() && !closed_; ++asked) {
    if (turn_ == ports_.end()) turn_ = ports_.begin();
    const Port& port = (turn_++)->second;
    const Chunk chunk = port.handle->take();
    if (chunk) {
      GenericSample sample(port.handle.get(), chunk, port.description);
      if (!closed_) return sample;
    } else if (chunk.reason<TakeStatus>() == TakeStatus::held_limit) {
      status = TakeStatus::held_limit;
    }
  }
  return GenericSample(status);
}

/// Asks the directories. True if a port was opened. A callback's verb does not look: the verb around it is at it, or
/// walks what would change.
bool GenericSubscriber::State::look() {
  if (closed_ || nesting_ > 1) return false;
  bool news = false;
  for (Directory& each : directories_) news |= each.directory->look(each.found);
  if (!news && !leftovers_ && !again_) return false;
  Announcements present;
  for (const Directory& each : directories_) {
    for (const auto& announcement : each.found) {
      if (topic_matches(pattern_, announcement->topic)) present.push_back(announcement);
    }
  }
  close_old(present);
  return open_new(present);
}

/// One publisher of each topic, type and transport will do, and the next one is tried where the first is of no use.
bool GenericSubscriber::State::open_new(const Announcements& present) {
  const std::set<std::shared_ptr<const PortAnnouncement>> there(present.begin(), present.end());
  std::erase_if(failed_, [&](const auto& entry) { return !there.contains(entry.first); });
  again_ = false;
  bool opened = false;
  for (const auto& announcement : present) {
    if (closed_) return false;
    Key key{announcement->topic, announcement->transport, announcement->fingerprint.bytes};
    if (ports_.contains(key)) continue;
    const auto failed = failed_.find(announcement);
    if (failed != failed_.end() && failed->second != Errc::no_space) continue;
    auto port = open_for(*announcement);
    if (closed_) return false;
    if (port) {
      failed_.erase(announcement);
      ports_.emplace(std::move(key), *std::move(port));
      opened = true;
      continue;
    }
    again_ |= port.error().code() == Errc::no_space;
    if (failed_.insert_or_assign(announcement, port.error().code()).second) {
      log::warn("[{}] topic '{}': messages of {} cannot be received: {}", node_, announcement->topic,
                announcement->node, port.error());
    }
  }
  return opened;
}

Result<GenericSubscriber::State::Port> GenericSubscriber::State::open_for(const PortAnnouncement& publisher) {
  auto description = TypeDescription::load(std::as_bytes(std::span(publisher.description)));
  if (!description) return fail(std::move(description).error());
  if (description->fingerprint() != publisher.fingerprint) {
    return fail(Errc::corrupt, publisher.type, "the description is that of another type", "");
  }
  auto port = open_(*description, publisher);
  if (!port) return fail(std::move(port).error());
  Port opened{*std::move(port), std::make_shared<const TypeDescription>(*std::move(description))};
  if (epoll_) {
    if (auto watched = watch(opened); !watched) return fail(std::move(watched).error());
  }
  return opened;
}

/// Ports whose publishers are all gone, and that have nothing left; those that have are looked at again.
void GenericSubscriber::State::close_old(const Announcements& present) {
  std::set<Key> wanted;
  for (const auto& each : present) wanted.insert({each->topic, each->transport, each->fingerprint.bytes});
  leftovers_ = false;
  std::vector<Port> old;  // which go when the walk is over: that may call back
  for (auto each = ports_.begin(); each != ports_.end() && !closed_;) {
    const auto next = std::next(each);
    if (!wanted.contains(each->first)) {
      Port& port = each->second;
      if (port.handle->connection_count() == 0 && port.handle->counters().total.queued == 0) {
        unwatch(port);
        old.push_back(std::move(port));
        ports_.erase(each);
        turn_ = ports_.end();
      } else {
        leftovers_ = true;
      }
    }
    each = next;
  }
}

WaitStatus GenericSubscriber::State::wait(std::chrono::nanoseconds timeout) {
  const auto now = steady_clock::now();
  std::optional<steady_clock::time_point> deadline;
  if (timeout < steady_clock::time_point::max() - now) deadline = now + timeout;
  while (true) {
    if (closed_) return WaitStatus::closed;
    // A take that finds nothing makes the descriptors quiet; one that finds something is what is waited for.
    if (!pending_) pending_ = take();
    if (closed_) return WaitStatus::closed;
    if (pending_) {
      signal_->raise();  // the descriptor of who waits in another way has to say so, too
      return WaitStatus::ready;
    }
    if (deadline && steady_clock::now() >= *deadline) return WaitStatus::timeout;
    posix::Poll poll;
    auto descriptor = fd();
    if (closed_) return WaitStatus::closed;
    if (descriptor) poll.add(*descriptor);
    auto waited = descriptor ? poll.wait(deadline) : fail(descriptor.error());
    if (!waited) {
      log::error("[{}] a generic subscriber cannot wait: {}", node_, waited.error());
      return WaitStatus::timeout;
    }
  }
}

Result<int> GenericSubscriber::State::fd() {
  const Verb verb(*this);
  if (!epoll_) {
    auto made = posix::Epoll::create();
    if (!made) return fail(std::move(made).error());
    epoll_.emplace(*std::move(made));
    auto added = epoll_->add(signal_->wake.fd().get());
    for (const auto& [key, port] : ports_) {
      if (added && !closed_) added = watch(port);
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
  const Verb verb(*this);
  look();
  std::vector<Source> sources;
  for (const auto& [key, port] : ports_) {
    if (closed_) break;
    sources.push_back(
        {key.topic, key.transport, *port.description, port.handle->connection_count(), port.handle->counters()});
  }
  if (closed_) sources.clear();
  return sources;
}

void GenericSubscriber::State::close() noexcept {
  if (std::exchange(closed_, true)) return;
  const Verb verb(*this);
  pending_.release();
  for (const auto& [key, port] : ports_) {
    unwatch(port);
    port.handle->close();
  }
}

/// What is closed.
void GenericSubscriber::State::clear() noexcept {
  // Their ends may call back, and find nothing any more.
  const auto directories = std::exchange(directories_, {});
  const auto ports = std::exchange(ports_, {});
  turn_ = ports_.end();
  failed_.clear();
}

}  // namespace v1
}  // namespace baton
