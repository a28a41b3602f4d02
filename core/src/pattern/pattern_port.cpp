// The way of a message from the topics' ports to the user and back, and the port's end. The callback:
// pattern_callback.cpp.
#include "pattern/pattern_port.hpp"

#include <utility>

#include <fmt/format.h>

#include "baton/clock.hpp"
#include "baton/domain/wait.hpp"
#include "baton/log.hpp"
#include "baton/posix/futex.hpp"
#include "baton/timeout.hpp"

namespace baton {
inline namespace v1 {

SubscriberPortHandle PatternPort::open(PortAnnouncement announcement, std::unique_ptr<TopicPorts> ports,
                                       std::shared_ptr<domain::Member> member) {
  return SubscriberPortHandle(new PatternPort(std::move(announcement), std::move(ports), std::move(member)));
}

PatternPort::PatternPort(PortAnnouncement announcement, std::unique_ptr<TopicPorts> ports,
                         std::shared_ptr<domain::Member> member)
    : announcement_(std::move(announcement)),
      member_(std::move(member)),
      ports_(std::move(ports)),
      records_(std::make_unique<Record[]>(announcement_.qos.max_held)) {
  for (std::uint32_t index = 0; index + 1 < announcement_.qos.max_held; ++index) records_[index].next = index + 1;
}

// --- Taking and releasing --------------------------------------------------------------------------------------------

Chunk PatternPort::take() noexcept {
  const auto checked = checks("take");
  if (!is_open()) return Chunk::refusal(TakeStatus::closed);
  if (is_handling()) return Chunk::refusal(TakeStatus::empty);  // what is queued is the callback's
  Chunk chunk;
  {
    const Inside inside(*this);
    chunk = take_next();
  }
  settle();
  return chunk;
}

/// Where the topics' ports say that they hold all they may, or this one does, the refusal says it.
Chunk PatternPort::take_next() noexcept {
  if (!looked_) [[unlikely]]
    look_first();
  if (!has_room()) return Chunk::refusal(TakeStatus::held_limit);
  // Its place first: an event's callback may take, too.
  const std::uint32_t index = free_;
  Record& record = records_[index];
  free_ = record.next;
  const TopicPorts::Taken taken = ports_->take();
  if (!taken) {
    record.next = std::exchange(free_, index);
    return taken.chunk;
  }
  record.port = taken.port;
  record.token = taken.chunk.token;
  samples_.store(samples_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one writer
  if (--until_sampled_ == 0) [[unlikely]]
    sample_latency(taken.port->info(taken.chunk));
  return {taken.chunk.payload, index};
}

void PatternPort::sample_latency(const SampleInfo& about) noexcept {
  until_sampled_ = domain::kLatencySampledOneOf;
  if (about.stamp_ns != 0) domain::note_latency(figures_, age_ns(about.stamp_ns));
}

/// Gives a chunk that was taken just now to the next one who takes.
void PatternPort::undo(Chunk chunk) noexcept {
  if (!is_open()) {
    release(chunk);
    return;
  }
  const auto index = static_cast<std::uint32_t>(chunk.token);
  ports_->put_back({records_[index].port, inner(chunk)});
  records_[index].next = std::exchange(free_, index);
  samples_.store(samples_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);  // one writer
}

/// Whether another sample may be held. If not, the release of one raises the signal, and nothing else wakes who waits.
bool PatternPort::has_room() noexcept {
  if (free_ == kNone) free_ = returned_.exchange(kNone, std::memory_order_acquire);  // R1
  if (free_ == kNone) {
    limit_reached_.store(true, std::memory_order_seq_cst);  // L1: then look again
    ports_->hear();
    free_ = returned_.exchange(kNone, std::memory_order_seq_cst);  // L1, R1
  }
  const bool limited = free_ == kNone;
  if (limited != limited_) [[unlikely]] {
    limited_ = limited;
    if (!is_handling()) show(limited ? Shown::signal : Shown::everything);
  }
  return !limited;
}

void PatternPort::release(Chunk chunk) noexcept {
  const auto index = static_cast<std::uint32_t>(chunk.token);
  Record& record = records_[index];
  record.port->release(inner(chunk));
  std::uint32_t first = returned_.load(std::memory_order_relaxed);  // a guess
  do {
    record.next = first;
  } while (!returned_.compare_exchange_weak(first, index, std::memory_order_seq_cst, std::memory_order_relaxed));
  // The push is R1 and L1; then the look at the limit.
  if (limit_reached_.load(std::memory_order_seq_cst) && limit_reached_.exchange(false, std::memory_order_seq_cst)) {
    ports_->raise();
  }
  // The last touch of the port: counts up from 0 while it is owned, up to 0 once it is abandoned. acq_rel, so that the
  // one who frees it comes after everybody else.
  if (outstanding_.fetch_add(1, std::memory_order_acq_rel) + 1 == 0) delete this;
}

SampleInfo PatternPort::info(Chunk chunk) const noexcept { return records_[chunk.token].port->info(inner(chunk)); }

std::size_t PatternPort::capacity(Chunk chunk) const noexcept {
  return records_[chunk.token].port->capacity(inner(chunk));
}

std::size_t PatternPort::bytes(Chunk chunk) const noexcept { return records_[chunk.token].port->bytes(inner(chunk)); }

void PatternPort::report_damaged(Chunk chunk) noexcept { records_[chunk.token].port->report_damaged(inner(chunk)); }

// --- Waiting ---------------------------------------------------------------------------------------------------------

/// Before the first take or sleep.
void PatternPort::look_first() noexcept {
  looked_ = true;
  ports_->look();
  if (!ports_->is_empty() || ports_->is_closed()) return;
  log::warn("[{}] topics '{}': nobody publishes {} on one that fits so far; what comes later is received",
            announcement_.node, announcement_.topic, announcement_.type);
}

WaitStatus PatternPort::wait(std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait");
  const Clock::time_point deadline = deadline_after(timeout);
  while (true) {
    if (!is_open()) return WaitStatus::closed;
    std::optional<WaitStatus> status;
    if (is_handling()) {  // until the callback ends
      posix::futex_wait(handling_, 1, posix::FutexScope::process, deadline);
      if (is_open() && is_handling() && Clock::now() >= deadline) status = WaitStatus::timeout;
    } else {
      {
        const Inside inside(*this);
        status = wait_once(deadline);
        if (!status) until_sampled_ = 1;  // it has slept
      }
      if (!settle()) return WaitStatus::closed;
    }
    if (status) return *status;
  }
}

std::optional<WaitStatus> PatternPort::wait_once(Clock::time_point deadline) noexcept {
  if (!looked_) look_first();
  if (has_room()) return ports_->wait_once(deadline);
  if (Clock::now() >= deadline) return WaitStatus::timeout;
  sleep_on(ports_->signal_fd(), deadline, announcement_.node);
  return std::nullopt;
}

/// The descriptor of all ports. The consumer's; while there is a callback it has been asked for.
Result<int> PatternPort::source() noexcept {
  const Inside inside(*this);
  if (source_ >= 0) return source_;
  auto made = ports_->fd();
  if (made && is_open()) source_ = *made;
  return made;
}

Attachment PatternPort::attach(std::shared_ptr<Waker> waker) {
  const auto checked = checks("attach");
  if (!is_open() || in_child()) return Attachment::closed;
  if (is_handling()) return Attachment::callback;
  return waker_.set(std::move(waker)) ? Attachment::descriptor : Attachment::attached;
}

Result<int> PatternPort::fd() {
  const auto checked = checks("fd");
  const auto closed = [this] {
    return fail(Errc::closed, fmt::format("topics '{}': subscriber in {}", announcement_.topic, announcement_.node),
                "it is closed", "open a new one");
  };
  if (in_child()) return ports_->fd();  // which says so
  if (!is_open()) return closed();
  if (!is_handling()) {
    auto made = source();
    if (!settle()) {
      return fail(Errc::closed, "a subscriber", "an event's callback destroyed it", "open a new one");
    }
    if (!made) return made;
    if (!is_open()) return closed();
  }
  const std::lock_guard lock(descriptor_mutex_);
  if (!descriptor_) {
    auto made = posix::Epoll::create();
    if (!made) return fail(std::move(made).error());
    descriptor_.emplace(*std::move(made));
    const Shown shown = is_handling() ? Shown::nothing : limited_ ? Shown::signal : Shown::everything;
    if (shown != Shown::nothing) {
      const int shows = shown == Shown::signal ? ports_->signal_fd() : source_;
      if (auto added = descriptor_->add(shows); !added) {
        descriptor_.reset();
        return fail(std::move(added).error());
      }
    }
    shown_ = shown;
  }
  return descriptor_->fd().get();
}

void PatternPort::show(Shown shown) noexcept {
  if (in_child()) return;  // the descriptor is the parent's, too
  const std::lock_guard lock(descriptor_mutex_);
  if (!descriptor_ || shown == shown_) return;
  const auto descriptor_of = [this](Shown what) { return what == Shown::signal ? ports_->signal_fd() : source_; };
  if (shown_ != Shown::nothing) descriptor_->remove(descriptor_of(shown_));
  shown_ = Shown::nothing;
  if (shown == Shown::nothing) return;
  if (auto added = descriptor_->add(descriptor_of(shown)); !added) {
    log::error("[{}] topics '{}': the descriptor stays quiet: {}", announcement_.node, announcement_.topic,
               added.error());
    return;
  }
  shown_ = shown;
}

// --- Looking, and the end --------------------------------------------------------------------------------------------

SubscriberCounters PatternPort::counters() const {
  SubscriberCounters figures = ports_->counters();
  figures.failed_callbacks = figures_.failed_callbacks.load(std::memory_order_relaxed);
  figures.latency = domain::latency_of(figures_);
  // acquire, and first: who counted a release knew of the sample.
  const auto released = static_cast<std::uint64_t>(outstanding_.load(std::memory_order_acquire));
  figures.total.held = samples_.load(std::memory_order_relaxed) - released;
  return figures;
}

/// Topics come without an event of the node.
bool PatternPort::wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait_for_connections");
  return look_until_answered(timeout, [&]() -> std::optional<bool> {
    if (!is_open() || !keep_node() || !is_open()) return false;
    if (!is_handling()) {  // else its thread opens ports
      {
        const Inside inside(*this);
        ports_->look();
      }
      if (!settle() || !is_open()) return false;
    }
    return connection_count() >= count ? std::optional(true) : std::nullopt;
  });
}

/// Where the node has no keeper. That calls events' callbacks, which may do anything: false if the port is gone.
bool PatternPort::keep_node() noexcept {
  if (member_ == nullptr) return true;
  const bool outermost = !std::exchange(keeping_, true);
  domain::keep_by_hand(*member_);
  if (!outermost) return true;
  keeping_ = false;
  if (!finish_after_keep_) return true;
  finish();
  return false;
}

std::vector<std::string> PatternPort::audit() const {
  const auto checked = checks("audit");
  if (in_child() || is_handling()) return {};
  return ports_->audit();
}

/// In the hands of the consumer.
void PatternPort::shut() noexcept {
  if (open_.exchange(false, std::memory_order_acq_rel)) ports_->close();
}

void PatternPort::close() noexcept {
  const auto checked = checks("close");
  if (in_child()) {  // what is behind the port belongs to the parent, and its thread is not here
    open_.store(false, std::memory_order_relaxed);
    return;
  }
  waker_.close(*this);
  finish_on_thread();
  if (is_inside_here()) {
    shut();
    unsettled_ = true;
    return;
  }
  bool abandoned = false;
  {
    const auto callback = hold_callback();
    const Inside inside(*this);
    shut();
    abandoned = abandoned_;  // by an event's callback
  }
  end_thread();
  if (abandoned) finish();
}

void PatternPort::abandon() noexcept {
  const auto checked = checks("abandon");
  if (in_child()) return;  // and is left alone there for ever
  const bool inside = is_inside_here();
  close();
  if (is_on_thread()) {
    abandoned_on_thread_ = true;
  } else if (inside) {
    abandoned_ = true;
  } else {
    finish();
  }
}

/// Carries out what had to wait for the end of the outermost verb, if this is it. False if the port is gone. The
/// consumer's, which is the user's thread.
bool PatternPort::settle() noexcept {
  if (!unsettled_ || is_inside_here() || in_child()) [[likely]]
    return true;
  unsettled_ = false;
  if (abandoned_) {
    end_thread();
    finish();
    return false;
  }
  if (auto handler = std::exchange(next_handler_, std::nullopt)) on_message(*std::move(handler));
  return true;
}

/// From now on releases count up to 0 instead of up from 0; who gets there frees the port. With the last touch of it,
/// and so left to a keep of the node that is under way.
void PatternPort::finish() noexcept {
  if (keeping_) {
    finish_after_keep_ = true;
    return;
  }
  const auto samples = static_cast<std::int64_t>(samples_.load(std::memory_order_relaxed));  // nobody takes any more
  if (outstanding_.fetch_sub(samples, std::memory_order_acq_rel) - samples == 0) delete this;
}

}  // namespace v1
}  // namespace baton
