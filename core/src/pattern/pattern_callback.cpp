// The callback of a pattern's subscriber, and the thread of its own that takes and calls.
#include <cstdlib>
#include <exception>
#include <utility>

#include "baton/log.hpp"
#include "baton/posix/blocked_signals.hpp"
#include "baton/posix/futex.hpp"
#include "pattern/pattern_port.hpp"

namespace baton {
inline namespace v1 {
namespace {

thread_local const PatternPort* running = nullptr;
thread_local bool finishing = false;

/// Ports whose end is under way on their thread. Where `exit` cut it off, their files would stay behind.
std::atomic<int> unfinished{0};
constexpr std::chrono::seconds kExitPatience{1};

void wait_for_unfinished() noexcept {
  const auto deadline = std::chrono::steady_clock::now() + kExitPatience;
  while (unfinished.load(std::memory_order_acquire) != 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace

/// Waits for a call under way. The thread lets go of the mutex between two messages for who waits.
std::unique_lock<std::mutex> PatternPort::hold_callback() noexcept {
  wanted_.fetch_add(1, std::memory_order_relaxed);  // a hint; the mutex orders
  std::unique_lock lock(dispatch_mutex_);
  wanted_.fetch_sub(1, std::memory_order_relaxed);
  return lock;
}

void PatternPort::on_message(MessageHandler handler) {
  const auto checked = checks("on_message");
  if (!is_open() || in_child()) return;
  if (handler && waker_.is_set()) return refuse_callback(announcement_);
  if (is_inside_here()) {  // installed when the outermost verb, or the present callback, is over
    next_handler_ = std::move(handler);
    unsettled_ = true;
    ports_->raise();
    return;
  }
  if (handler && !start_thread()) return;  // said why, or is gone
  MessageHandler former;                   // destroyed after the mutex is released: it may own ports
  {
    const auto callback = hold_callback();
    if (!is_open()) return;
    former = install(std::move(handler));
  }
  changed_.notify_all();
}

/// Under dispatch_mutex_, and outside of all verbs of the consumer.
MessageHandler PatternPort::install(MessageHandler handler) noexcept {
  MessageHandler former = std::exchange(handler_, std::move(handler));
  if (handler_) {
    handling_.store(1, std::memory_order_release);  // the user's thread sees whose the messages are
    show(Shown::nothing);
  } else if (is_handling()) {
    limited_ = false;
    show(Shown::everything);
    ports_->raise();
    handling_.store(0, std::memory_order_release);  // from here on all that the consumer owns is the user's thread's
    posix::futex_wake(handling_, posix::FutexScope::process);
  }
  return former;
}

/// On the user's thread, which is the consumer if there is no thread yet.
bool PatternPort::start_thread() noexcept {
  if (thread_.joinable()) return true;
  const auto made = source();
  if (!settle() || !is_open()) return false;
  if (!made) {
    log::error("[{}] topics '{}': a callback cannot be called: {}", announcement_.node, announcement_.topic,
               made.error());
    return false;
  }
  if (thread_.joinable()) return true;  // an event's callback has set one, too
  try {
    const posix::BlockedSignals blocked;
    thread_ = std::thread([this] { run(); });
  } catch (const std::exception& error) {
    log::error("[{}] topics '{}': a callback cannot be called: {}", announcement_.node, announcement_.topic,
               error.what());
    return false;
  }
  return true;
}

/// Of a port that is closed. On the thread itself, that is left to it.
void PatternPort::end_thread() noexcept {
  if (is_on_thread() || !thread_.joinable()) return;
  { const std::lock_guard lock(dispatch_mutex_); }  // it sees the end, or waits already
  changed_.notify_all();
  ports_->raise();
  thread_.join();
}

bool PatternPort::is_on_thread() const noexcept { return running == this; }

/// The rest of the port's end is left to its thread: a process that ends waits for it.
void PatternPort::finish_on_thread() const noexcept {
  [[maybe_unused]] static const int registered = std::atexit(wait_for_unfinished);
  if (!is_on_thread() || std::exchange(finishing, true)) return;
  unfinished.fetch_add(1, std::memory_order_relaxed);  // before the user can know
}

/// The thread. A port that is abandoned on it, inside of its callback or at the end of one, ends here.
void PatternPort::run() noexcept {
  running = this;
  while (true) {
    while (wanted_.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
    bool found = false;
    int sleeps_on = -1;
    Clock::time_point until = Clock::time_point::max();
    Former former;  // destroyed after the mutex is released: it may own ports
    {
      std::unique_lock lock(dispatch_mutex_);
      changed_.wait(lock, [this] { return !is_open() || handler_; });
      if (is_open()) found = dispatch(former);
      if (in_child()) break;  // the callback has forked: the port is the parent's
      if (!is_open()) {
        if (handler_ || next_handler_) change_handler(former);
        break;
      }
      if (!found && handler_) {
        sleeps_on = limited_ ? ports_->signal_fd() : source_;
        until = ports_->next_look();
        until_sampled_ = 1;  // the next one ends a sleep
      }
    }
    if (sleeps_on >= 0) sleep_on(sleeps_on, until, announcement_.node);
  }
  if (abandoned_on_thread_ && !in_child()) {
    thread_.detach();
    finish();
  }
  if (finishing) unfinished.fetch_sub(1, std::memory_order_release);  // the port's end comes before
}

/// One message. False if there was none. Under dispatch_mutex_.
bool PatternPort::dispatch(Former& former) noexcept {
  bool found = false;
  {
    const Inside inside(*this);
    const Chunk chunk = take_next();
    found = static_cast<bool>(chunk);
    if (chunk && unsettled_) {  // an event's callback has changed who handles it
      undo(chunk);
    } else if (chunk) {
      invoke(chunk);
      release(chunk);
    }
  }
  if (unsettled_) {
    change_handler(former);
    found = true;  // or there may be, for another one
  }
  return found;
}

/// Carries out what the callback, or that of an event, has done from inside `dispatch` to who handles messages. Under
/// dispatch_mutex_.
void PatternPort::change_handler(Former& former) noexcept {
  unsettled_ = false;
  former.never_installed = std::exchange(next_handler_, std::nullopt);
  if (!is_open()) {
    former.handler = install(nullptr);
  } else if (former.never_installed) {
    former.handler = install(std::move(*former.never_installed));
  }
}

void PatternPort::invoke(Chunk chunk) noexcept {
  try {
    handler_(chunk);
  } catch (...) {
    report_failure();
  }
}

void PatternPort::report_failure() noexcept {
  domain::add(figures_.failed_callbacks);
  log::error("[{}] topics '{}': a callback threw: {}", announcement_.node, announcement_.topic, log::what_was_thrown());
}

}  // namespace v1
}  // namespace baton
