#include "inproc_subscriber.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "baton/domain/wait.hpp"
#include "baton/log.hpp"
#include "baton/posix/poll.hpp"
#include "baton/posix/semaphore.hpp"
#include "baton/timeout.hpp"
#include "sleep.hpp"
#include "topic.hpp"

namespace baton::inproc {
namespace {

using std::chrono::steady_clock;

}  // namespace

InprocSubscriber::InprocSubscriber(const PortRequest& request)
    : announcement_(request.announcement),
      max_held_(announcement_.qos.max_held),
      events_(request.events),
      presence_(request.presence),
      page_(presence_ ? presence_->file() : std::make_shared<domain::PortFile>()),
      figures_(page_->subscriber),
      member_(request.member),
      bucket_(domain::bucket_of(announcement_.topic)),
      spin_(announcement_.qos.spin),
      samples_(max_held_) {
  ::sem_init(&semaphore_, 0, 0);  // fails for values that are too large only
}

void InprocSubscriber::open(std::shared_ptr<Topic> topic, std::shared_ptr<InprocSubscriber> self) {
  topic_ = std::move(topic);
  self_ = std::move(self);
  if (member_ == nullptr) return;
  concern_.emplace(*member_, bucket_, *this);
  member_->add(bucket_, *this);
}

void InprocSubscriber::keep(std::vector<Event>& to_announce) noexcept {
  const auto tell = [&] {
    bool any = false;
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) any |= tell_of(*connection, to_announce);
    return any;
  };
  concern_->look(tell);
  std::optional<steady_clock::time_point> next;
  {
    const auto now = steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) {
      if (!connection->deadline || !connection->live()) continue;
      if (connection->deadline->is_missed(now)) {
        events_->report(EventKind::deadline_missed, announcement_.topic, connection->from->node, {}, to_announce);
      }
      next = std::min(next.value_or(steady_clock::time_point::max()), connection->deadline->next(now));
    }
  }
  if (next) member_->call_at(bucket_, *this, *next);
}

/// True if there was something new, or will be. Under the mutex.
bool InprocSubscriber::tell_of(Connection& connection, std::vector<Event>& to_announce) noexcept {
  return concern_ && connection.told_subscriber.tell(connection.trouble(), *events_, announcement_.topic,
                                                     connection.from->node, to_announce);
}

void InprocSubscriber::tell_last(Connection& connection, std::vector<Event>& to_announce) noexcept {
  const std::lock_guard lock(mutex_);
  tell_of(connection, to_announce);
}

Chunk InprocSubscriber::take() noexcept {
  const auto checked = checks("take");
  if (closed_.load(std::memory_order_relaxed)) return Chunk::refusal(TakeStatus::closed);  // own word
  if (direct_.load(std::memory_order_acquire)) {  // what is queued is the callback's
    rearm_fd();
    return Chunk::refusal(TakeStatus::empty);
  }
  if (epoch_.load(std::memory_order_acquire) != seen_epoch_) refresh();  // E6
  if (samples_.is_at_limit()) {
    if (!rearm_fd() || samples_.is_at_limit()) return Chunk::refusal(TakeStatus::held_limit);
    signal_fd();  // a release came between the two looks
  }
  Chunk chunk = pop_next();
  if (!chunk) {
    if (const TakeStatus status = forget_departed(); status != TakeStatus::ok) return Chunk::refusal(status);
    if (rearm_fd()) {
      if (epoch_.load(std::memory_order_seq_cst) != seen_epoch_) refresh();  // E6. W1: after arming
      chunk = pop_next();
    }
    if (!chunk) return Chunk::refusal(TakeStatus::empty);
    signal_fd();  // what else came before the bell was armed again must stay visible
  }
  Connection& connection = Connection::of(chunk);
  add(connection.taken);
  samples_.add();
  count_down_to_sample(connection, *ChunkHeader::of(chunk.payload));
  return chunk;
}

/// The next message of the connections in turn, or a chunk without payload.
Chunk InprocSubscriber::pop_next() noexcept {
  for (std::size_t asked = 0; asked < active_.size(); ++asked) {
    if (turn_ >= active_.size()) turn_ = 0;
    Connection& connection = *active_[turn_++];
    std::uint64_t queued = 0;
    while (ChunkHeader* const header = connection.queue.pop(queued)) {
      note_depth(connection, queued);
      const std::uint64_t missed = connection.count_missed(header->sequence);
      if (connection.lifespan_ns == 0) [[likely]]
        return connection.lend(header, missed);
      if (const Chunk chunk = lend_if_young(connection, header, missed)) return chunk;
    }
  }
  return {};
}

/// Of a connection with a lifespan. What is too old is dropped.
Chunk InprocSubscriber::lend_if_young(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept {
  if (!connection.is_too_old(chunk->stamp))
    return connection.lend(chunk, missed + std::exchange(connection.skipped, 0));
  drop_expired(connection, chunk, missed);
  return {};
}

/// What was taken from the queue, and came too late.
void InprocSubscriber::drop_expired(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept {
  add(connection.taken);
  give_back(connection, chunk);
  count_expired(connection, missed);
}

void InprocSubscriber::count_expired(Connection& connection, std::uint64_t missed) noexcept {
  connection.skipped += missed + 1;
  add(connection.expired);
  concern();
}

/// Whether a message of a connection with a lifespan can be taken. What is too old is dropped.
bool InprocSubscriber::has_young(Connection& connection) noexcept {
  // No more often than there are places: the publisher may be as quick as this loop.
  for (std::uint64_t looked = 0; looked < connection.capacity; ++looked) {
    const auto oldest = connection.queue.oldest();
    if (!oldest) return false;
    if (!connection.is_too_old(oldest->stamp)) return true;
    std::uint64_t queued = 0;
    ChunkHeader* const chunk = connection.queue.pop_at(oldest->position, queued);
    if (chunk == nullptr) continue;  // the publisher was quicker
    note_depth(connection, queued);
    drop_expired(connection, chunk, connection.count_missed(chunk->sequence));
  }
  return connection.queue.size() != 0;
}

/// From the stamp until now. Of few messages: it costs a look at the clock.
void InprocSubscriber::sample_latency(const Connection& connection, const ChunkHeader& chunk) noexcept {
  until_sampled_ = domain::kLatencySampledOneOf;
  if (chunk.stamp != 0) domain::note_latency(figures_, connection.from->clock.age_ns(chunk.stamp));
}

void InprocSubscriber::give_back(Connection& connection, ChunkHeader* chunk) noexcept {
  connection.pool->release(chunk);
  connection.released.fetch_add(1, std::memory_order_seq_cst);  // E4 (release). W1, W2. The last touch of both
  if (room_waiters_.load(std::memory_order_seq_cst) != 0) [[unlikely]] {  // W2
    bump_and_wake(room_);
  }
}

void InprocSubscriber::release(Chunk chunk) noexcept {
  give_back(Connection::of(chunk), ChunkHeader::of(chunk.payload));
  if (samples_.release([this] { wake_sleeper(); })) free_self();
}

SampleInfo InprocSubscriber::info(Chunk chunk) const noexcept {
  const PublisherIdentity& publisher = *Connection::of(chunk).from;
  const ChunkHeader* const header = ChunkHeader::of(chunk.payload);
  return {publisher.topic,
          publisher.node,
          publisher.port_id,
          header->sequence,
          publisher.clock.to_ns(header->stamp),
          Connection::missed_before(chunk)};
}

std::size_t InprocSubscriber::capacity(Chunk chunk) const noexcept { return ChunkHeader::of(chunk.payload)->capacity; }

std::size_t InprocSubscriber::bytes(Chunk chunk) const noexcept { return ChunkHeader::of(chunk.payload)->bytes; }

void InprocSubscriber::report_damaged(Chunk chunk) noexcept {
  figures_.damaged.fetch_add(1, std::memory_order_relaxed);
  const SampleInfo about = info(chunk);
  log::error("[{}] topic '{}': message {} of {} does not verify: it is dropped", announcement_.node, about.topic,
             about.sequence, about.publisher);
}

bool InprocSubscriber::ready() noexcept {
  if (direct_.load(std::memory_order_acquire)) return false;             // what is queued is the callback's
  if (epoch_.load(std::memory_order_seq_cst) != seen_epoch_) refresh();  // E6. W1: after arming
  if (samples_.is_at_limit()) return false;
  return std::any_of(active_.begin(), active_.end(), [this](const auto& connection) {
    return connection->lifespan_ns == 0 ? connection->queue.size() != 0 : has_young(*connection);
  });
}

WaitStatus InprocSubscriber::wait(std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait");
  if (closed_.load(std::memory_order_relaxed)) return WaitStatus::closed;  // own word
  if (ready()) return WaitStatus::ready;
  if (timeout <= std::chrono::nanoseconds::zero()) return WaitStatus::timeout;
  const auto begin = steady_clock::now();
  const auto deadline = deadline_after(timeout);
  if (!spin_.is_on() || !spin_.run(begin, deadline, [this] { return ready(); })) sleep_until(deadline);
  const bool found = ready();
  spin_.note(steady_clock::now() - begin);
  return found ? WaitStatus::ready : WaitStatus::timeout;
}

/// Sleeps until there is something to take, or until the deadline.
void InprocSubscriber::sleep_until(steady_clock::time_point deadline) noexcept {
  switch (announcement_.qos.notify) {
    case Notify::poll: return look_until(deadline);
    case Notify::socket:
      if (has_descriptor()) return sleep_on_descriptor(deadline);
      [[fallthrough]];  // no descriptor is left: the bell needs none
    default: sleep_on_bell(deadline);
  }
}

void InprocSubscriber::sleep_on_bell(steady_clock::time_point deadline) noexcept {
  const bool by_semaphore = announcement_.qos.notify == Notify::semaphore;
  const std::uint32_t bit = by_semaphore ? kArmedSemaphore : kArmedFutex;
  bool found = false;
  do {
    const std::uint32_t bell = bell_.load(std::memory_order_acquire);  // before arming: a ring from now on is seen
    if (by_semaphore) posix::forget_posts(semaphore_);                 // of earlier armings
    armed_.fetch_or(bit, std::memory_order_seq_cst);                   // W1: then look again
    found = ready();
    if (found) break;
    note_sleep();
    if (by_semaphore) {
      posix::semaphore_wait(semaphore_, deadline);
    } else {
      sleep_on(bell_, bell, deadline);
    }
    found = ready();
  } while (!found && steady_clock::now() < deadline);
  // An awake reader must not be rung: nobody is to make a system call for it. relaxed: nothing depends on it.
  armed_.fetch_and(~bit, std::memory_order_relaxed);
}

/// As who polls `fd`, for whom the descriptor stays right.
void InprocSubscriber::sleep_on_descriptor(steady_clock::time_point deadline) noexcept {
  do {
    const bool armed = rearm_fd();
    if (ready()) {  // W1: after arming
      if (armed) signal_fd();
      return;
    }
    note_sleep();
    posix::wait_until_readable(event_fd_->fd().get(), deadline);
  } while (!ready() && steady_clock::now() < deadline);
}

/// Nobody rings.
void InprocSubscriber::look_until(steady_clock::time_point deadline) noexcept {
  Spin::look(deadline, [this] { return ready(); });
}

bool InprocSubscriber::ring() noexcept {
  const bool rung = wake_sleeper();
  if ((armed_.load(std::memory_order_seq_cst) & kArmedCallback) != 0) request_drain();  // W1: after the push
  return rung;
}

bool InprocSubscriber::wake_sleeper() noexcept {
  // Of many ringers one finds a bit and clears it. For the descriptor it says meanwhile that it is about to signal.
  std::uint32_t armed = armed_.load(std::memory_order_seq_cst);  // W1: after the push, or the release
  const bool set_woken = (armed & kArmedSet) != 0 && waker_.wake();
  std::uint32_t rung = 0;
  do {
    if ((armed & kArmedOnce) == 0) return set_woken;
    rung = armed & ~kArmedOnce;
    if ((armed & kArmedFd) != 0) rung |= kRingingFd;
  } while (!armed_.compare_exchange_weak(armed, rung, std::memory_order_seq_cst, std::memory_order_relaxed));
  if ((armed & kArmedFutex) != 0) bump_and_wake(bell_);
  if ((armed & kArmedSemaphore) != 0) ::sem_post(&semaphore_);
  if ((armed & kArmedFd) != 0) {
    event_fd_->signal();
    armed_.fetch_and(~kRingingFd, std::memory_order_release);  // the signal first: see rearm_fd
  }
  return true;
}

Attachment InprocSubscriber::attach(std::shared_ptr<Waker> waker) {
  const auto checked = checks("attach");
  if (closed_.load(std::memory_order_relaxed)) return Attachment::closed;  // own word
  if (direct_.load(std::memory_order_acquire)) return Attachment::callback;
  if (!waker_.set(std::move(waker))) return Attachment::attached;
  armed_.fetch_or(kArmedSet, std::memory_order_seq_cst);  // W1: then the set looks
  return Attachment::wakes;
}

void InprocSubscriber::detach() noexcept {
  armed_.fetch_and(~kArmedSet, std::memory_order_relaxed);  // who does not see it yet finds no waker
  waker_.clear();
}

Result<int> InprocSubscriber::fd() {
  const auto checked = checks("fd");
  if (waker_.is_set() && !event_fd_) return fail(descriptor_in_use(announcement_));
  if (auto opened = open_descriptor(); !opened) return fail(std::move(opened).error());
  return event_fd_->fd().get();
}

bool InprocSubscriber::has_descriptor() noexcept try {
  return open_descriptor().has_value();
} catch (const std::bad_alloc&) {
  return false;
}

Result<void> InprocSubscriber::open_descriptor() {
  if (event_fd_) return {};
  auto created = posix::EventFd::create();
  if (!created) return fail(std::move(created).error());
  event_fd_.emplace(*std::move(created));
  armed_.fetch_or(kArmedFd, std::memory_order_seq_cst);  // W1: then look. Also publishes event_fd_ to who rings
  if (ready()) signal_fd();
  return {};
}

/// Makes the descriptor unreadable and the bell armed again, after a take that found nothing. False if there is no
/// descriptor, if it was not rung since, or if somebody is just about to signal it: draining before the signal would
/// leave it readable with the bell armed, for ever. After true the caller looks once more.
bool InprocSubscriber::rearm_fd() noexcept {
  // acquire: who has cleared the ringing bit has signalled.
  if (!event_fd_ || (armed_.load(std::memory_order_acquire) & (kArmedFd | kRingingFd)) != 0) return false;
  event_fd_->drain();
  armed_.fetch_or(kArmedFd, std::memory_order_seq_cst);  // W1: then look again
  return true;
}

/// Makes the descriptor readable from the reader's side.
void InprocSubscriber::signal_fd() noexcept {
  armed_.fetch_and(~kArmedFd, std::memory_order_relaxed);  // rung: the next take that finds nothing has to drain it
  event_fd_->signal();
}

void InprocSubscriber::refresh() noexcept {
  const std::lock_guard lock(mutex_);
  copy_connections();
}

/// Under the mutex.
void InprocSubscriber::copy_connections() noexcept {
  seen_epoch_ = epoch_.load(std::memory_order_relaxed);
  active_ = connections_;
}

std::vector<std::shared_ptr<Connection>> InprocSubscriber::remove_departed(std::vector<Event>& to_announce) {
  const auto first = std::stable_partition(connections_.begin(), connections_.end(),
                                           [](const auto& connection) { return !connection->departed(); });
  std::vector<std::shared_ptr<Connection>> gone(first, connections_.end());
  for (const auto& connection : gone) {
    departed_ += connection->counters({});
    tell_of(*connection, to_announce);  // of what was left in the queue
  }
  connections_.erase(first, connections_.end());
  return gone;
}

/// Not ok, but why there is nothing to take, if an event's callback has closed the port, which may be gone then, or has
/// set a callback.
TakeStatus InprocSubscriber::forget_departed() noexcept {
  if (std::none_of(active_.begin(), active_.end(), [](const auto& c) { return c->departed(); })) return TakeStatus::ok;
  const auto alive = self_;
  std::vector<Event> to_announce;
  {
    std::vector<std::shared_ptr<Connection>> gone;  // destroyed after the mutex is released
    const std::lock_guard lock(mutex_);
    gone = remove_departed(to_announce);
    copy_connections();
  }
  for (const Event& event : to_announce) events_->announce(event);
  if (closed_.load(std::memory_order_relaxed)) return TakeStatus::closed;  // own word
  return direct_.load(std::memory_order_acquire) ? TakeStatus::empty : TakeStatus::ok;
}

void InprocSubscriber::add_connection(std::shared_ptr<Connection> connection, std::vector<Event>& to_announce) {
  std::vector<std::shared_ptr<Connection>> gone;  // destroyed after the mutex is released
  const std::lock_guard lock(mutex_);
  gone = remove_departed(to_announce);
  if (announcement_.qos.deadline.count() != 0) {
    connection->deadline.emplace(announcement_.qos.deadline, connection->from->clock, connection->from->page);
    if (member_ != nullptr) member_->call_at(bucket_, *this, connection->deadline->next(steady_clock::now()));
  }
  connections_.push_back(std::move(connection));
  update_alone();
  epoch_.fetch_add(1, std::memory_order_seq_cst);  // E6 (release). W1
}

void InprocSubscriber::publisher_left() noexcept {
  const std::lock_guard lock(mutex_);
  update_alone();
}

void InprocSubscriber::mark_closed() noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) connection->subscriber_closed.store(true, std::memory_order_seq_cst);
  bump_and_wake(room_);  // wakes a publisher that waits for room here
}

bool InprocSubscriber::wait_for_room(const Connection& connection, steady_clock::time_point deadline) noexcept {
  while (!connection.has_room()) {
    if (runs_here()) return false;  // this publish is made by the callback that would have to drain the queue
    const std::uint32_t room = room_.load(std::memory_order_acquire);
    room_waiters_.fetch_add(1, std::memory_order_seq_cst);  // W2: then look again
    if (!connection.has_room()) sleep_on(room_, room, deadline);
    room_waiters_.fetch_sub(1, std::memory_order_relaxed);  // a wake-up too many does no harm
    if (steady_clock::now() >= deadline) return connection.has_room();
  }
  return true;
}

SubscriberCounters InprocSubscriber::counters() const {
  SubscriberCounters figures;
  figures.failed_callbacks = figures_.failed_callbacks.load(std::memory_order_relaxed);
  figures.damaged = figures_.damaged.load(std::memory_order_relaxed);
  figures.latency = domain::latency_of(figures_);
  const std::lock_guard lock(mutex_);
  figures.total = departed_;
  for (const auto& connection : connections_) {
    ConnectionCounters part = connection->counters(connection->from->node);
    figures.total += part;
    if (connection->live()) figures.connections.push_back(std::move(part));
  }
  return figures;
}

std::size_t InprocSubscriber::connection_count() const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return c->live(); }));
}

std::vector<std::string> InprocSubscriber::audit() const {
  const auto checked = checks("audit");
  std::vector<std::string> findings;
  if (direct_.load(std::memory_order_acquire)) return findings;
  const auto find = [&](const std::string& finding) {
    findings.push_back(
        fmt::format("topic '{}': subscriber in {}: {}", announcement_.topic, announcement_.node, finding));
  };
  const std::lock_guard lock(mutex_);
  const std::uint64_t out = samples_.size();  // first: who releases gives back before it counts
  std::uint64_t held = 0;
  for (const auto& connection : connections_) {
    const std::uint64_t back = connection->released.load(std::memory_order_relaxed);  // first: it only follows
    const std::uint64_t taken = connection->taken.load(std::memory_order_relaxed);    // W: the thread that asks
    if (back > taken) find(fmt::format("{}: {} were given back of {} taken", connection->from->node, back, taken));
    held += taken - std::min(back, taken);
  }
  if (held > max_held_) find(fmt::format("{} samples are held of {}", held, max_held_));
  if (held > out) {
    find(fmt::format("{} samples are held by the queues' count, {} by the user's", held, out));
  }
  return findings;
}

bool InprocSubscriber::wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait_for_connections");
  const auto alive = self_;  // an event's callback may destroy the port
  return domain::wait_for(*events_, member_.get(), timeout, [&]() -> std::optional<bool> {
    if (closed_.load(std::memory_order_acquire)) return false;
    return connection_count() >= count ? std::optional(true) : std::nullopt;
  });
}

void InprocSubscriber::close() noexcept {
  const auto checked = checks("close");
  const auto alive = self_;  // an event's callback, or ours, may abandon the port meanwhile
  if (!closed_.exchange(true, std::memory_order_acq_rel)) {  // the callback's runner looks at it too
    waker_.close(*this);
    if (member_ != nullptr) member_->remove(*this);
    topic_->leave(*this);
    presence_.reset();
    set_handler(nullptr);     // drops what is queued, too
  } else if (!runs_here()) {  // closed from inside the callback, which may still be running
    acquire_role();
    finish_role();
  }
}

void InprocSubscriber::abandon() noexcept {
  const auto checked = checks("abandon");
  const auto alive = self_;  // until the end of this function
  close();
  if (samples_.abandon()) free_self();
}

void InprocSubscriber::free_self() noexcept {
  const auto last = std::move(self_);  // the port lives until the end of this line, or until its publishers let go
}

}  // namespace baton::inproc
