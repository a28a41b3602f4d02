// The way of a message from the queues to the user and back. Who the publishers are: shm_subscriber_slots.cpp; the
// callback: shm_subscriber_callback.cpp.

#include "shm_subscriber.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "baton/domain/wait.hpp"
#include "baton/log.hpp"
#include "baton/posix/poll.hpp"
#include "baton/timeout.hpp"

namespace baton::shm {
namespace {

using std::chrono::steady_clock;

/// Up to so many inlets are simply asked in turn; of more, those whose ready bits are set.
constexpr std::size_t kAskedDirectly = 8;

}  // namespace

Chunk ShmSubscriber::take() noexcept {
  const auto checked = checks("take");
  if (!is_open()) [[unlikely]]
    return Chunk::refusal(TakeStatus::closed);
  if (has_handler_.load(std::memory_order_acquire)) [[unlikely]] {  // what is queued is the callback's
    if (!rearm_fd() || has_handler_.load(std::memory_order_acquire)) return Chunk::refusal(TakeStatus::empty);
    signal_fd();  // the callback ended between the two looks
  }
  if (slots_changed()) [[unlikely]]
    return look_and_take();
  return take_known();
}

/// What an event's callback has made of the port, when one may have been called: why there is nothing to take, or ok.
TakeStatus ShmSubscriber::after_events() const noexcept {
  if (!is_open()) return TakeStatus::closed;
  return has_handler_.load(std::memory_order_acquire) ? TakeStatus::empty : TakeStatus::ok;
}

Chunk ShmSubscriber::look_and_take() noexcept {
  const auto alive = alive_;  // an event's callback may destroy the port
  look_at_slots();
  if (const TakeStatus status = after_events(); status != TakeStatus::ok) return Chunk::refusal(status);
  return take_known();
}

/// Of the publishers that are known.
Chunk ShmSubscriber::take_known() noexcept {
  if (samples_.is_at_limit()) [[unlikely]] {
    if (!rearm_fd() || samples_.is_at_limit()) return Chunk::refusal(TakeStatus::held_limit);
    signal_fd();  // a release came between the two looks
  }
  Chunk chunk = pop_next();
  if (!chunk) [[unlikely]] {
    if (!some_ended_ && !some_have_husks_ && !socket_) return Chunk::refusal(TakeStatus::empty);
    chunk = take_after_all();
    if (!chunk) return chunk;
  }
  samples_.add();
  count_down_to_sample(chunk);
  return chunk;
}

/// Nothing was found: time for what has to be done then, and for a second look if there is a descriptor.
Chunk ShmSubscriber::take_after_all() noexcept {
  const auto alive = alive_;  // an event's callback may destroy the port
  if (some_have_husks_) let_go_of_segments();
  if (some_ended_) forget_ended();
  TakeStatus status = after_events();
  if (status != TakeStatus::ok) return Chunk::refusal(status);
  if (!rearm_fd()) return Chunk::refusal(TakeStatus::empty);
  if (slots_changed()) {  // W1: after arming
    look_at_slots();
    status = after_events();
    if (status != TakeStatus::ok) return Chunk::refusal(status);
  }
  const Chunk chunk = pop_next();
  if (!chunk) return Chunk::refusal(TakeStatus::empty);
  signal_fd();  // what else came before the bell was armed again must stay visible
  return chunk;
}

/// The next message of the inlets in turn, or a chunk without payload.
Chunk ShmSubscriber::pop_next() noexcept {
  if (inlets_.size() <= kAskedDirectly) [[likely]] {
    for (std::size_t asked = 0; asked < inlets_.size(); ++asked) {
      if (turn_ >= inlets_.size()) turn_ = 0;
      if (const Chunk chunk = take_from(*inlets_[turn_++])) return chunk;
    }
    return {};
  }
  for (bool all_asked = turn_ == 0;; all_asked = true) {
    while (turn_ < active_.size()) {
      if (const Chunk chunk = take_from(*active_[turn_])) {
        ++turn_;
        return chunk;
      }
      if (active_[turn_]->is_polled()) {
        ++turn_;
      } else {
        active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(turn_));
      }
    }
    turn_ = 0;
    if (!gather_ready() && all_asked) return {};
  }
}

/// Adds the inlets whose ready bits are set to those that are asked. False if none was.
bool ShmSubscriber::gather_ready() noexcept {
  bool any = false;
  for (std::size_t word = 0; word < inbox_->ready.size(); ++word) {
    std::uint64_t bits = inbox_->ready[word].load(std::memory_order_seq_cst);  // W2: after the entry
    if (bits == 0) continue;
    // W2: cleared before the queue is looked at, so that an entry that comes later sets it again.
    inbox_->ready[word].fetch_and(~bits, std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1) {
      const auto index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      Inlet* const inlet = by_slot_[index].load(std::memory_order_relaxed);  // W: the consumer, who asks
      if (inlet == nullptr || std::find(active_.begin(), active_.end(), inlet) != active_.end()) continue;
      active_.push_back(inlet);
      any = true;
    }
  }
  return any;
}

Chunk ShmSubscriber::take_from(Inlet& inlet) noexcept {
  const Inlet::Taken taken = inlet.take(*member_);
  if (taken.payload != nullptr) [[likely]]
    return lend(inlet, taken);
  if (inlet.breaks()) [[unlikely]]
    end_broken(inlet);
  return {};
}

void ShmSubscriber::release(Chunk chunk) noexcept {
  if (in_child()) [[unlikely]]
    return;  // the parent's
  Inlet& inlet = inlet_of(chunk);
  inlet.complete(reference_of(chunk), era_of(chunk));
  if (samples_.release([this] { wake_self(); })) free_self();
}

SampleInfo ShmSubscriber::info(Chunk chunk) const noexcept {
  const Inlet& inlet = inlet_of(chunk);
  const ChunkHead& head = inlet.head(reference_of(chunk));
  return {announcement_.topic,
          inlet.publisher_node(),
          inlet.publisher_id(),
          head.sequence,
          inlet.clock().to_ns(head.stamp.load(std::memory_order_relaxed)),
          missed_before(chunk)};
}

/// From the stamp until now. Of few messages: it costs a cache line and a look at the clock.
void ShmSubscriber::sample_latency(Chunk chunk) noexcept {
  until_sampled_ = domain::kLatencySampledOneOf;
  if (some_have_husks_) let_go_of_segments();  // where there is always something to take
  const Inlet& inlet = inlet_of(chunk);
  const std::uint64_t stamp = inlet.head(reference_of(chunk)).stamp.load(std::memory_order_relaxed);
  if (stamp != 0) domain::note_latency(*figures_, inlet.clock().age_ns(stamp));
}

std::size_t ShmSubscriber::capacity(Chunk chunk) const noexcept {
  return inlet_of(chunk).capacity(reference_of(chunk));
}

std::size_t ShmSubscriber::bytes(Chunk chunk) const noexcept {
  const Inlet& inlet = inlet_of(chunk);
  return std::min(inlet.head(reference_of(chunk)).bytes, inlet.capacity(reference_of(chunk)));
}

void ShmSubscriber::report_damaged(Chunk chunk) noexcept {
  figures_->damaged.fetch_add(1, std::memory_order_relaxed);
  const SampleInfo about = info(chunk);
  log::error("[{}] topic '{}': message {} of {} does not verify: it is dropped", announcement_.node, about.topic,
             about.sequence, about.publisher);
}

/// Whether there is something to take. The callback of an event may have ended the port afterwards.
bool ShmSubscriber::ready() noexcept {
  if (has_handler_.load(std::memory_order_acquire)) return false;  // what is queued is the callback's
  if (slots_changed()) {
    look_at_slots();
    if (after_events() != TakeStatus::ok) return false;
  }
  return !samples_.is_at_limit() && has_message();
}

/// Whether one of the known publishers has something queued that is to be taken. `take` finds it then, although its
/// ready bit may not be set yet: its publisher may have been stopped before it.
bool ShmSubscriber::has_message() noexcept {
  const auto found =
      std::find_if(inlets_.begin(), inlets_.end(), [this](const auto& inlet) { return inlet->has_message(*member_); });
  if (found == inlets_.end()) return false;
  if (inlets_.size() > kAskedDirectly && std::find(active_.begin(), active_.end(), found->get()) == active_.end()) {
    active_.push_back(found->get());  // no allocation: it has held all of them since the last look
  }
  return true;
}

WaitStatus ShmSubscriber::wait(std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait");
  if (!is_open()) return WaitStatus::closed;
  if (!has_handler_.load(std::memory_order_acquire) && !slots_changed() && !samples_.is_at_limit() && has_message()) {
    return WaitStatus::ready;
  }
  const auto alive = alive_;  // an event's callback may destroy the port
  const auto answer = [this](bool found) {
    return !is_open() ? WaitStatus::closed : found ? WaitStatus::ready : WaitStatus::timeout;
  };
  bool found = ready();
  if (found || !is_open() || timeout <= std::chrono::nanoseconds::zero()) return answer(found);
  const auto begin = steady_clock::now();
  const auto deadline = deadline_after(timeout);
  const auto look = [this] { return !is_open() || ready(); };
  if (!spin_.is_on() || !spin_.run(begin, deadline, look)) sleep_until(deadline);
  found = ready();
  if (is_open()) spin_.note(steady_clock::now() - begin);
  return answer(found);
}

/// Sleeps until there is something to take, the port is closed, or the deadline.
void ShmSubscriber::sleep_until(steady_clock::time_point deadline) noexcept {
  if (waker_bell_ != 0) inbox_->notes.bell.store(0, std::memory_order_seq_cst);  // W1: then arming, then a look
  switch (announcement_.qos.notify) {
    case Notify::poll: look_until(deadline); break;
    case Notify::socket:
      if (has_socket()) {
        sleep_on_socket(deadline);
        break;
      }
      [[fallthrough]];  // no descriptor is left: the bell needs none
    default: sleep_on_bell(deadline);
  }
  // W1: then the set looks.
  if (waker_bell_ != 0) inbox_->notes.bell.store(waker_bell_, std::memory_order_seq_cst);
}

/// Somebody has to notice that a publisher died with a message under way: the keeper, or this thread from time to time.
template <class Sleep>
void ShmSubscriber::sleep_in_parts(steady_clock::time_point deadline, Sleep sleep) noexcept {
  // While a callback is set the consumer is the dispatcher. Whether one is changes only on this thread, or to none.
  const bool consumes = !has_handler_.load(std::memory_order_acquire);
  if (consumes) until_sampled_ = 1;
  if (member_->has_keeper()) return sleep(deadline);
  sleep(std::min<steady_clock::time_point>(deadline, steady_clock::now() + domain::kLongestSleep));
  if (!consumes) return;
  for (const auto& inlet : inlets_) {
    if (member_->check(inlet->publisher().node) == domain::Health::gone && !inlet->ended()) --seen_slot_epoch_;
  }
}

void ShmSubscriber::sleep_on_bell(steady_clock::time_point deadline) noexcept {
  const bool by_semaphore = announcement_.qos.notify == Notify::semaphore;
  bool found = false;
  do {
    const std::uint32_t sequence = sleeper_->sequence();
    if (by_semaphore) sleeper_->forget_posts();
    sleeper_->arm((by_semaphore ? domain::kRingSemaphore : domain::kRingFutex) |
                  (fd_is_quiet_ ? domain::kRingSocket : 0));
    found = ready();  // W1: after arming
    if (found || !is_open()) break;
    sleep_in_parts(deadline, [&](steady_clock::time_point until) {
      by_semaphore ? sleeper_->sleep_on_semaphore(until) : sleeper_->sleep(sequence, until);
    });
    found = ready();
  } while (!found && is_open() && steady_clock::now() < deadline);
  if (fd_is_quiet_) {
    sleeper_->arm(domain::kRingSocket);
    if (found || ready()) signal_fd();  // W1: after arming
  } else {
    sleeper_->disarm();
  }
}

/// As who polls `fd`, for whom the descriptor stays right.
void ShmSubscriber::sleep_on_socket(steady_clock::time_point deadline) noexcept {
  do {
    rearm_fd();
    if (ready()) return signal_fd();  // W1: after arming
    if (!is_open()) return;
    sleep_in_parts(deadline,
                   [this](steady_clock::time_point until) { posix::wait_until_readable(socket_->fd().get(), until); });
  } while (!ready() && is_open() && steady_clock::now() < deadline);
}

/// Nobody rings.
void ShmSubscriber::look_until(steady_clock::time_point deadline) noexcept {
  bool found = false;
  while (!found && steady_clock::now() < deadline) {
    sleep_in_parts(deadline, [&](steady_clock::time_point until) {
      found = Spin::look(until, [this] { return !is_open() || ready(); });
    });
  }
}

Attachment ShmSubscriber::attach(std::shared_ptr<Waker> waker) {
  const auto checked = checks("attach");
  if (in_child() || !is_open()) return Attachment::closed;
  if (has_handler_.load(std::memory_order_acquire)) return Attachment::callback;
  const std::uint32_t bell = fd_given_ ? 0 : waker->bell_name(*member_);  // who polls the descriptor goes on
  if (!waker_.set(std::move(waker))) return Attachment::attached;
  if (bell == 0) return Attachment::descriptor;
  waker_bell_ = bell;
  inbox_->notes.bell.store(bell, std::memory_order_seq_cst);  // W1: then the set looks
  return Attachment::rings;
}

void ShmSubscriber::detach() noexcept {
  // W1: from now on publishers ring our own bell again; who waits there looks at the queues afterwards.
  if (std::exchange(waker_bell_, 0) != 0 && !in_child()) inbox_->notes.bell.store(0, std::memory_order_seq_cst);
  waker_.clear();
}

Result<int> ShmSubscriber::fd() {
  const auto checked = checks("fd");
  if (in_child()) {
    return fail(Errc::forked, fmt::format("topic '{}': subscriber in {}", announcement_.topic, announcement_.node),
                "it belongs to the process that this one was forked from",
                "open a node in the child, or fork before opening one");
  }
  if (waker_bell_ != 0) return fail(descriptor_in_use(announcement_));
  const auto alive = alive_;  // an event's callback may destroy the port
  if (is_open()) {
    if (auto opened = open_socket(); !opened) return fail(std::move(opened).error());
    if (!waker_.is_set()) fd_given_ = true;  // else it is for the set
    if (ready()) signal_fd();                // it may have been there, and another bell rung
  }
  if (!is_open()) {
    return fail(Errc::closed, fmt::format("topic '{}': subscriber in {}", announcement_.topic, announcement_.node),
                "it is closed", "open a new one");
  }
  return socket_->fd().get();
}

bool ShmSubscriber::has_socket() noexcept try { return open_socket().has_value(); } catch (const std::bad_alloc&) {
  return false;
}

Result<void> ShmSubscriber::open_socket() {
  if (socket_) return {};
  auto directory = member_->directory(bucket_);
  if (!directory) return fail(std::move(directory).error());
  auto socket = posix::Socket::bind(**directory, domain::bell_socket_name(self_));
  if (!socket) return fail(std::move(socket).error());
  socket_.emplace(*std::move(socket));
  rearm_fd();  // W1: then the caller looks
  return {};
}

/// Makes the descriptor unreadable and its bell armed again, after a take that found nothing. False if there is no
/// descriptor. After true the caller looks once more.
bool ShmSubscriber::rearm_fd() noexcept {
  if (!socket_) [[likely]]
    return false;
  std::array<std::byte, 16> datagram;
  for (auto got = socket_->receive(datagram); got && *got; got = socket_->receive(datagram)) {
  }
  sleeper_->arm(domain::kRingSocket);  // W1: then look again
  fd_is_quiet_ = true;
  return true;
}

/// Makes the descriptor readable from the reader's side.
void ShmSubscriber::signal_fd() noexcept {
  if (!socket_) return;
  sleeper_->disarm();
  fd_is_quiet_ = false;
  own_socket_.ring();
}

/// From any thread: rings our own bell, as a publisher would.
void ShmSubscriber::wake_self() noexcept {
  own_ringer_.ring(inbox_->bell, &own_socket_);
  waker_.wake();
}

SubscriberCounters ShmSubscriber::counters() const {
  SubscriberCounters figures;
  if (in_child()) return figures;
  figures.failed_callbacks = figures_->failed_callbacks.load(std::memory_order_relaxed);
  figures.damaged = figures_->damaged.load(std::memory_order_relaxed);
  figures.latency = domain::latency_of(*figures_);
  const std::lock_guard lock(cold_mutex_);
  figures.total = departed_;
  for (const auto& inlet : inlets_) {
    ConnectionCounters part = inlet->counters();
    figures.total += part;
    if (is_open() && connected(inlet->slot_index())) figures.connections.push_back(std::move(part));
  }
  if (!is_open()) return figures;
  // Slots that the consumer has not looked at yet.
  for (std::uint32_t index = 0; index < slots_.load(std::memory_order_relaxed); ++index) {  // under the mutex
    if (by_slot_[index].load(std::memory_order_relaxed) != nullptr) continue;               // stored under the mutex
    const auto unseen = const_cast<ShmSubscriber&>(*this).make_inlet(index);                // maps the slot at most
    if (unseen == nullptr) continue;
    unseen->open_ring(*member_, true);
    ConnectionCounters part = unseen->counters();
    figures.total += part;
    if (connected(index)) figures.connections.push_back(std::move(part));
  }
  return figures;
}

std::size_t ShmSubscriber::connection_count() const noexcept {
  if (!is_open()) return 0;
  const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // one that comes at this moment may be missed
  std::size_t count = 0;
  for (std::uint32_t index = 0; index < slots; ++index) count += connected(index) ? 1 : 0;
  return count;
}

std::vector<std::string> ShmSubscriber::audit() const {
  const auto checked = checks("audit");
  std::vector<std::string> findings;
  if (in_child() || has_handler_.load(std::memory_order_acquire)) return findings;
  const std::lock_guard lock(cold_mutex_);
  const std::uint64_t out = samples_.size();  // first: who releases completes before it counts
  std::uint64_t held = 0;
  for (const auto& inlet : inlets_) {
    held += inlet->held();
    inlet->audit(findings);
  }
  if (held > max_held_) findings.push_back(fmt::format("{} samples are held of {}", held, max_held_));
  if (held > out) {
    findings.push_back(fmt::format("{} samples are held by the queues' count, {} by the user's", held, out));
  }
  for (std::string& finding : findings) {
    finding = fmt::format("topic '{}': subscriber in {}: {}", announcement_.topic, announcement_.node, finding);
  }
  return findings;
}

bool ShmSubscriber::wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept {
  const auto checked = checks("wait_for_connections");
  const auto alive = alive_;  // an event's callback may destroy the port
  return domain::wait_for(*events_, member_.get(), timeout, [&]() -> std::optional<bool> {
    if (!is_open()) return false;
    return connection_count() >= count ? std::optional(true) : std::nullopt;
  });
}

void ShmSubscriber::close() noexcept {
  const auto checked = checks("close");
  const auto alive = alive_;  // an event's callback, or ours, may abandon the port meanwhile
  waker_.close(*this);        // not under the mutex: what ends with it may destroy the port
  waker_bell_ = 0;
  std::vector<Event> to_announce;
  {
    const auto callback = hold_callback();
    if (!open_.exchange(false, std::memory_order_acq_rel)) return;
    if (runs_here()) Dispatcher::finish_here();
    leave(to_announce);
  }
  if (dispatcher_) dispatcher_->remove(*this);  // waits for it, and so not under the mutex that it may be waiting for
  announce(to_announce);
}

void ShmSubscriber::abandon() noexcept {
  const auto checked = checks("abandon");
  const auto alive = alive_;  // until the end of this function
  close();
  // If the callback had closed the port, it may still be in the dispatcher's hands. Not in a forked child, where nobody
  // would let go of the dispatcher's mutex if it was held at the fork.
  if (dispatcher_ && !in_child()) dispatcher_->remove(*this);
  if (samples_.abandon()) free_self();
}

void ShmSubscriber::free_self() noexcept {
  const auto last = std::move(alive_);  // the port lives until the end of this line, or until its callback returns
}

}  // namespace baton::shm
