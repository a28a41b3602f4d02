#include "baton/wait_set.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "baton/domain/wait.hpp"
#include "baton/log.hpp"
#include "baton/posix/futex.hpp"
#include "generic/subscriber.hpp"
#include "waiting/wait_set_state.hpp"

namespace baton {
inline namespace v1 {

// --- The handle ------------------------------------------------------------------------------------------------------

WaitSet::WaitSet(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
WaitSet::WaitSet(WaitSet&& other) noexcept = default;
WaitSet& WaitSet::operator=(WaitSet&& other) noexcept {
  const auto last = state_;
  if (last != nullptr) last->end();
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}
// Whoever waits has read `state_`: it is not changed before that wait has ended.
WaitSet::~WaitSet() {
  const auto last = state_;
  if (last != nullptr) last->end();
}

Result<WaitSet::Id> WaitSet::add(GenericSubscriber& subscriber, std::function<void()> handler) {
  return add_waitable(*subscriber.state_, subscriber.pattern(), [function = std::move(handler)] {
    function();
    return false;
  });
}

void WaitSet::remove(Id id) noexcept { state_->remove(id); }
std::size_t WaitSet::size() const noexcept { return state_->size(); }
void WaitSet::stop() noexcept { state_->stop(); }
WaitStatus WaitSet::wait_for(std::chrono::nanoseconds timeout) noexcept {
  const auto alive = state_;  // a handler may destroy the set
  return alive->wait(timeout);
}
Result<WaitSet::Id> WaitSet::add_waitable(Waitable& waitable, const std::string& topic, std::function<bool()> handler) {
  return state_->add_waitable(waitable, topic, std::move(handler));
}
Result<WaitSet::Id> WaitSet::add_clock(Clock::time_point first, std::optional<std::chrono::nanoseconds> period,
                                       std::function<void(std::uint64_t)> handler) {
  return state_->add_clock(first, period, std::move(handler));
}
Result<WaitSet::Id> WaitSet::add_descriptor(int descriptor, short events, std::function<void(short)> handler) {
  return state_->add_descriptor(descriptor, events, std::move(handler));
}

WaitSet::Place WaitSet::place() const noexcept {
  Place place;
  place.state_ = state_;
  return place;
}

Result<void> WaitSet::Place::add_once(SubscriberPort& port, std::function<bool()> take,
                                      std::function<void()> go_on) const {
  const auto state = state_.lock();
  if (state == nullptr || state->has_ended()) {
    return fail(Errc::closed, fmt::format("topic '{}'", port.announcement().topic), "its wait set is gone",
                "let the set live as long as its tasks");
  }
  const auto id = std::make_shared<Id>();
  auto added = state->add_waitable(port, port.announcement().topic,
                                   [set = state_, id, take = std::move(take), go_on = std::move(go_on)] {
                                     if (!take()) return false;
                                     if (const auto still = set.lock()) still->remove(*id);  // it may be added again
                                     go_on();
                                     return false;
                                   });
  if (!added) return fail(std::move(added).error());
  *id = *added;
  return {};
}

bool WaitSet::Place::add_deadline(Clock::time_point when, std::function<void()> go_on) const {
  const auto state = state_.lock();
  if (state == nullptr || state->has_ended()) return false;
  return state->add_clock(when, std::nullopt, [go_on = std::move(go_on)](std::uint64_t /*periods*/) { go_on(); })
      .has_value();
}

// --- What is in it ---------------------------------------------------------------------------------------------------

WaitSet::State::State(std::string node, std::shared_ptr<domain::Member> member)
    : node_(std::move(node)), member_(std::move(member)), sleeper_(private_bell_) {
  if (member_ == nullptr) return;
  look_after(member_);
  auto view = member_->view(member_->id());
  if (!view) return;
  bell_index_ = member_->take_bell(domain::BellUse::wait_set);
  if (!bell_index_) return;  // all are taken: other processes ring descriptors instead
  view_ = *std::move(view);
  bell_ = view_.bell(*bell_index_);
  sleeper_ = domain::Sleeper(*bell_);
}

WaitSet::State::~State() {
  if (bell_index_) member_->give_back_bell(*bell_index_);
}

WaitSet::Id WaitSet::State::keep(std::shared_ptr<waiting::Thing> thing) {
  return things_.emplace_back(std::move(thing))->id();
}

/// The i-th thing, if it is a subscriber that is still in the set.
waiting::Member* WaitSet::State::member_at(std::size_t i) const noexcept {
  auto* const member = dynamic_cast<waiting::Member*>(things_[i].get());
  return member != nullptr && !member->gone ? member : nullptr;
}

/// Where a node has no keeper, somebody has to notice that a peer died: this thread, from now on.
void WaitSet::State::look_after(const std::shared_ptr<domain::Member>& member) {
  if (member == nullptr || member->has_keeper()) return;
  std::erase_if(unkept_, [&](const auto& other) { return other.expired() || other.lock() == member; });
  unkept_.push_back(member);
}

Result<WaitSet::Id> WaitSet::State::add_waitable(Waitable& waitable, const std::string& topic,
                                                 std::function<bool()> handler) {
  const auto member =
      std::make_shared<waiting::Member>(++last_id_, fmt::format("topic '{}'", topic), waitable, std::move(handler));
  things_.reserve(things_.size() + 1);  // before it is attached
  look_after(waitable.member());
  const std::string where = fmt::format("topic '{}': subscriber in a wait set of {}", topic, node_);
  switch (member->attach(shared_from_this())) {
    case Attachment::closed: return fail(Errc::closed, where, "it is closed", "open a new one");
    case Attachment::attached:
      return fail(Errc::in_use, where, "it is in a wait set already", "remove it there, or open a second subscriber");
    case Attachment::callback:
      return fail(Errc::in_use, where, "it has a callback, which is given its messages",
                  "end that with on_message(nullptr), or let the set call it: on_message(callback, set)");
    case Attachment::descriptor: {
      keep(member);  // first: an event's callback may close or destroy the subscriber
      auto found = begin_to_poll();
      if (found && !member->gone) found = member->find_descriptor();
      if (found) return member->id();
      take_out(*member);
      purge();
      return fail(std::move(found).error());
    }
    case Attachment::rings:
    case Attachment::wakes: break;
  }
  return keep(member);
}

Result<WaitSet::Id> WaitSet::State::add_clock(Clock::time_point first, std::optional<std::chrono::nanoseconds> period,
                                              std::function<void(std::uint64_t)> handler) {
  if (period && *period < std::chrono::microseconds(1)) {
    return fail(Errc::invalid_argument, fmt::format("wait set of {}", node_),
                fmt::format("a timer's period is {} ns", period->count()), "make it 1 us at least");
  }
  return keep(std::make_shared<waiting::Timer>(++last_id_, first, period, std::move(handler)));
}

Result<WaitSet::Id> WaitSet::State::add_events(std::shared_ptr<EventQueue> queue,
                                               std::function<void(const Event&)> handler) {
  const auto events = std::make_shared<waiting::Events>(++last_id_, std::move(queue), std::move(handler));
  things_.reserve(things_.size() + 1);
  if (!events->attach(shared_from_this())) {
    return fail(Errc::in_use, fmt::format("wait set of {}", node_), "another wait set takes these events already",
                "remove them there");
  }
  return keep(events);
}

Result<WaitSet::Id> WaitSet::State::add_descriptor(int descriptor, short events, std::function<void(short)> handler) {
  if (::fcntl(descriptor, F_GETFD) < 0) {
    return fail(Errc::invalid_argument, fmt::format("wait set of {}", node_),
                fmt::format("descriptor {} is not open", descriptor), "open it first, and close it when it is removed",
                errno);
  }
  if (auto begun = begin_to_poll(); !begun) return fail(std::move(begun).error());
  return keep(std::make_shared<waiting::Descriptor>(++last_id_, descriptor, events, std::move(handler)));
}

/// From now on the set sleeps in `poll`. Those that were rung by its bell are watched by their descriptors.
Result<void> WaitSet::State::begin_to_poll() {
  if (polls_) return {};
  if (!event_fd_) {
    auto created = posix::EventFd::create();
    if (!created) return fail(std::move(created).error());
    event_fd_.emplace(*std::move(created));
  }
  const auto attach_again = [&]() -> Result<void> {
    for (std::size_t i = 0; i < things_.size(); ++i) {  // an event's callback may add some, and take some out
      auto* const member = member_at(i);
      if (member == nullptr || !member->rings()) continue;
      member->leave();
      if (member->attach(shared_from_this()) != Attachment::descriptor) continue;  // it has been closed meanwhile
      if (auto found = member->find_descriptor(); !found) return found;
    }
    return {};
  };
  const bool outermost = !std::exchange(handling_, true);
  polls_ = true;
  auto done = attach_again();
  if (!done) {
    polls_ = false;
    for (std::size_t i = 0; i < things_.size(); ++i) {
      auto* const member = member_at(i);
      if (member == nullptr || !member->descriptor()) continue;
      member->leave();  // its descriptor was made for the set, so it rings again
      static_cast<void>(member->attach(shared_from_this()));
    }
  }
  if (outermost) handling_ = false;
  return done;
}

void WaitSet::State::take_out(waiting::Thing& thing) noexcept {
  if (thing.gone) return;
  thing.gone = true;
  thing.leave();
}

/// Drops what was taken out, when no handler runs: it may be the one of such a thing.
void WaitSet::State::purge() noexcept {
  if (handling_) return;
  std::vector<std::shared_ptr<waiting::Thing>> gone;  // destroyed when the list is in order: what they own may use it
  try {
    for (const auto& thing : things_) {
      if (thing->gone) gone.push_back(thing);
    }
  } catch (const std::bad_alloc&) {
    return;  // the next time
  }
  std::erase_if(things_, [](const auto& thing) { return thing->gone; });
}

void WaitSet::State::remove(Id id) noexcept {
  for (const auto& thing : things_) {
    if (thing->id() == id) take_out(*thing);
  }
  purge();
}

void WaitSet::State::closes(const Waitable& waitable) noexcept {
  for (std::size_t i = 0; i < things_.size(); ++i) {
    auto* const member = member_at(i);
    if (member != nullptr && member->is(waitable)) member->gone = true;  // it leaves by itself
  }
  purge();
}

std::size_t WaitSet::State::size() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(things_.begin(), things_.end(), [](const auto& thing) { return !thing->gone; }));
}

// --- Waiting ---------------------------------------------------------------------------------------------------------

WaitStatus WaitSet::State::wait(std::chrono::nanoseconds timeout) noexcept {
  if (process_ != domain::process_token()) return WaitStatus::closed;
  if (waiting_.exchange(1, std::memory_order_acquire) != 0) {
    log::error("[{}] a wait set is waited for already: by a handler of its own, or another thread", node_);
    return WaitStatus::closed;
  }
  waiter_.store(std::this_thread::get_id(), std::memory_order_relaxed);  // compared only by the thread that it names
  const WaitStatus status = wait_here(timeout);
  waiter_.store({}, std::memory_order_relaxed);
  // seq_cst, as in `end`: of "done, then looked whether it ends" and "ends, then looked whether it is done" one sees
  // the other.
  waiting_.store(0, std::memory_order_seq_cst);
  if (!ended_.load(std::memory_order_seq_cst)) return status;
  posix::futex_wake(waiting_, posix::FutexScope::process, INT_MAX);
  return WaitStatus::closed;  // the set is gone, or about to go: nobody may come back to it
}

WaitStatus WaitSet::State::wait_here(std::chrono::nanoseconds timeout) noexcept {
  const Clock::time_point deadline = deadline_after(timeout);
  while (true) {
    if (ended_.load(std::memory_order_seq_cst)) return WaitStatus::closed;
    if (stopped_.exchange(false, std::memory_order_seq_cst)) return WaitStatus::closed;
    keep_nodes();
    if (polls_) look_at_descriptors(Clock::time_point{});
    if (handle_ready()) return WaitStatus::ready;
    if (Clock::now() >= deadline) return WaitStatus::timeout;
    sleep(deadline);
  }
}

/// One turn for each thing that is ready. False if none was.
bool WaitSet::State::handle_ready() noexcept {
  bool any = false;
  handling_ = true;
  const Clock::time_point now = Clock::now();
  const std::size_t count = things_.size();  // those that handlers add have their turn the next time
  if (++turn_ >= count) turn_ = 0;
  for (std::size_t i = 0; i < count && !ended_.load(std::memory_order_relaxed); ++i) {
    const std::shared_ptr<waiting::Thing> thing = things_[(turn_ + i) % count];
    if (thing->gone || !thing->is_ready(now) || thing->gone) continue;  // an event's callback may have taken it out
    any = true;
    try {
      thing->handle();
    } catch (...) {
      log::error("[{}] {}: a handler of a wait set threw: {}", node_, thing->name(), log::what_was_thrown());
    }
  }
  handling_ = false;
  purge();
  return any;
}

bool WaitSet::State::is_anything_ready() noexcept {
  const Clock::time_point now = Clock::now();
  handling_ = true;  // an event's callback may take things out
  const std::size_t count = things_.size();
  bool any = false;
  for (std::size_t i = 0; i < count && !any; ++i) {
    const std::shared_ptr<waiting::Thing> thing = things_[i];
    any = !thing->gone && thing->is_ready(now);
  }
  handling_ = false;
  purge();
  return any;
}

void WaitSet::State::sleep(Clock::time_point deadline) noexcept {
  Clock::time_point until = deadline;
  for (const auto& thing : things_) until = std::min(until, thing->next());
  const bool is_keeper = member_ != nullptr && member_->is_kept_here();  // which notices nobody's death meanwhile
  if (is_keeper || !unkept_.empty()) until = std::min<Clock::time_point>(until, Clock::now() + domain::kLongestSleep);
  const std::uint32_t sequence = sleeper_.sequence();
  sleeper_.arm(polls_ ? domain::kRingSocket : domain::kRingFutex);
  if (!is_over() && !is_anything_ready()) {  // W1: after arming
    if (polls_) {
      look_at_descriptors(until);
    } else {
      sleeper_.sleep(sequence, until);
    }
  }
  sleeper_.disarm();
}

/// What keepers would do, in nodes without one: now and then, however busy the set is.
void WaitSet::State::keep_nodes() noexcept {
  if (unkept_.empty()) return;
  const Clock::time_point now = Clock::now();
  if (now < next_keep_) return;
  next_keep_ = now + domain::kLongestSleep;
  std::erase_if(unkept_, [](const auto& member) { return member.expired(); });
  handling_ = true;                                   // events' callbacks may take things out
  for (std::size_t i = 0; i < unkept_.size(); ++i) {  // and add some
    if (const auto member = unkept_[i].lock()) domain::keep_by_hand(*member);
  }
  handling_ = false;
  purge();
}

/// Polls, and tells the things what was found.
void WaitSet::State::look_at_descriptors(Clock::time_point until) noexcept try {
  std::vector<waiting::Thing*> shown;
  poll_.clear();
  poll_.add(event_fd_->fd().get());
  for (const auto& thing : things_) {
    const auto descriptor = thing->gone ? std::nullopt : thing->descriptor();
    if (!descriptor) continue;
    poll_.add(descriptor->fd, descriptor->events);
    shown.push_back(thing.get());
  }
  const auto ready = poll_.wait(until);
  if (!ready && ready.error().os_errno() != EBADF) {  // of one that is not open its thing is told
    log::error("[{}] a wait set cannot poll: {}", node_, ready.error().message());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return;
  }
  for (std::size_t i = 0; i < shown.size(); ++i) shown[i]->found = poll_.found(i + 1);
  if (poll_.is_ready(0)) event_fd_->drain();
} catch (const std::bad_alloc&) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void WaitSet::State::stop() noexcept {
  stopped_.store(true, std::memory_order_seq_cst);  // W1: before the ring
  wake();
}

void WaitSet::State::end() noexcept {
  const auto alive = shared_from_this();          // things may hold the last reference
  ended_.store(true, std::memory_order_seq_cst);  // W1: before the ring
  wake();
  const bool here = waiter_.load(std::memory_order_relaxed) == std::this_thread::get_id();  // own id only
  while (!here && waiting_.load(std::memory_order_seq_cst) != 0 && process_ == domain::process_token()) {
    posix::futex_wait(waiting_, 1, posix::FutexScope::process);
  }
  for (const auto& thing : things_) take_out(*thing);
  purge();
}

bool WaitSet::State::wake() noexcept {
  const Signal signal{event_fd_};
  return ringer_.ring(*bell_, &signal);
}

std::uint32_t WaitSet::State::bell_name(const domain::Member& member) const noexcept {
  return bell_index_ && !polls_ && &member == member_.get() ? *bell_index_ + 1 : 0;
}

}  // namespace v1
}  // namespace baton
