#include "generic/subscriber.hpp"

#include <algorithm>
#include <utility>

#include "baton/timeout.hpp"
#include "description/memory.hpp"

namespace baton {
inline namespace v1 {

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

std::optional<Fingerprint> GenericOpener::type_for(const PortAnnouncement& publisher) { return publisher.fingerprint; }

Result<TopicPorts::Port> GenericOpener::open(const PortAnnouncement& publisher) {
  auto description = TypeDescription::load(std::as_bytes(std::span(publisher.description)));
  if (!description) return fail(std::move(description).error());
  if (description->fingerprint() != publisher.fingerprint) {
    return fail(Errc::corrupt, publisher.type, "the description is that of another type", "");
  }
  auto port = open_(*description, publisher);
  if (!port) return fail(std::move(port).error());
  return TopicPorts::Port{*std::move(port), std::make_shared<const TypeDescription>(*std::move(description))};
}

GenericSample GenericSubscriber::State::take() noexcept {
  TopicPorts::Taken taken = ports_->take();
  if (!taken) return GenericSample(taken.chunk.reason<TakeStatus>());
  return {taken.port, taken.chunk, std::move(taken.description)};
}

WaitStatus GenericSubscriber::State::wait(std::chrono::nanoseconds timeout) noexcept {
  const auto alive = shared_from_this();  // an event's callback may destroy the subscriber
  const TopicPorts::Clock::time_point deadline = deadline_after(timeout);
  while (true) {
    if (const auto status = ports_->wait_once(deadline)) return *status;
  }
}

Attachment GenericSubscriber::State::attach(std::shared_ptr<Waker> waker) {
  if (ports_->is_closed()) return Attachment::closed;
  return waker_.set(std::move(waker)) ? Attachment::descriptor : Attachment::attached;
}

std::vector<GenericSubscriber::Source> GenericSubscriber::State::sources() {
  std::vector<Source> sources;
  ports_->for_each([&](const TopicPorts::Key& key, const TopicPorts::Port& port) {
    sources.push_back(
        {key.topic, key.transport, *port.description, port.handle->connection_count(), port.handle->counters()});
  });
  if (ports_->is_closed()) sources.clear();
  return sources;
}

}  // namespace v1
}  // namespace baton
