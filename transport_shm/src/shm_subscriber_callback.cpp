// The callback of a subscriber, which the node's dispatcher runs.
//
// Roles:      the dispatcher runs it; the user's thread sets, replaces and ends it; the callback itself, and
//             that of an event, may do all of that, and close or destroy its subscriber.
// States:     none, set, running (dispatch_mutex_ is held by the dispatcher).
// Hand-over:  dispatch_mutex_: who changes the callback comes after the call under way, and the consumer's
//             state goes from one thread to the other with it. The callback itself does not take the mutex:
//             what it sets is installed when it returns. has_handler_ is the last that is changed when a
//             callback ends: from then on the consumer is the user's thread.

#include <exception>
#include <utility>

#include "baton/log.hpp"
#include "shm_subscriber.hpp"

namespace baton::shm {
namespace {

/// Messages handled before the node's other subscribers have their turn.
constexpr int kBatch = 64;

}  // namespace

/// The mutex, unless the callback itself is asking. The dispatcher lets go of it between two messages for who waits.
std::unique_lock<std::mutex> ShmSubscriber::hold_callback() noexcept {
  if (runs_here() || in_child()) return {};
  wanted_.fetch_add(1, std::memory_order_relaxed);  // a hint; the mutex orders
  std::unique_lock lock(dispatch_mutex_);
  wanted_.fetch_sub(1, std::memory_order_relaxed);
  return lock;
}

void ShmSubscriber::on_message(MessageHandler handler) {
  const auto checked = checks("on_message");
  if (!is_open()) return;
  if (handler && waker_.is_set()) return refuse_callback(announcement_);
  if (runs_here()) {  // the present one is still running: it is replaced when it returns
    next_handler_ = std::move(handler);
    return;
  }
  if (handler && dispatcher_ == nullptr) {
    dispatcher_ = Dispatcher::of(member_);
    if (dispatcher_ == nullptr) return;  // said why
    dispatcher_->add(alive_);
  }
  {
    const auto callback = hold_callback();
    install(std::move(handler));
  }
  if (dispatcher_ != nullptr) dispatcher_->wake();
}

/// Under dispatch_mutex_.
void ShmSubscriber::install(MessageHandler handler) noexcept {
  handler_ = std::move(handler);
  if (handler_) {
    has_handler_.store(true, std::memory_order_release);  // the user's thread sees whose the queues are
    // W1: from now on publishers ring there; who re-points has the dispatcher look at the queues afterwards.
    inbox_->notes.bell.store(dispatcher_->bell_name(), std::memory_order_seq_cst);
    return;
  }
  // W1: from now on publishers ring our own bell again; afterwards whoever waits there looks at the queues.
  inbox_->notes.bell.store(0, std::memory_order_seq_cst);
  // From inside the callback: the user's thread may be about to call the descriptor quiet, and looks again when it is
  // rung. On that thread itself it is as it should be.
  const bool is_quiet = !runs_here() && !slots_changed() && (samples_.is_at_limit() || !has_message());
  has_handler_.store(false,
                     std::memory_order_release);  // from here on all that the consumer owns is the user's thread's
  domain::ring_futex(inbox_->bell);
  own_ringer_.ring(inbox_->bell, &own_socket_);  // who sleeps otherwise
  if (!is_quiet) own_socket_.ring();
}

bool ShmSubscriber::dispatch() noexcept {
  for (int handled = 0; handled < kBatch; ++handled) {
    if (wanted_.load(std::memory_order_relaxed) != 0) {  // a hint
      std::this_thread::yield();
      return true;
    }
    Former former;  // destroyed after the mutex is released: it may own ports
    const std::lock_guard lock(dispatch_mutex_);
    if (!handler_ || !is_open()) return false;
    if (slots_changed()) {
      look_at_slots();
      if (change_handler(former)) continue;
    }
    const Chunk chunk = pop_next();
    if (!chunk) {
      until_sampled_ = 1;  // the next one ends a wait
      if (some_ended_) forget_ended();
      change_handler(former);
      return false;
    }
    count_down_to_sample(chunk);
    invoke(chunk);
    inlet_of(chunk).complete(reference_of(chunk), era_of(chunk));
    change_handler(former);
  }
  return true;
}

/// Carries out what the callback, or that of an event, has done from inside `dispatch` to who handles messages. False
/// if nothing. Under dispatch_mutex_.
bool ShmSubscriber::change_handler(Former& former) noexcept {
  if (is_open() && !next_handler_) return false;
  former.handler = std::exchange(handler_, MessageHandler());
  if (is_open()) {
    install(*std::exchange(next_handler_, std::nullopt));
  } else {
    former.never_installed.swap(next_handler_);
  }
  return true;
}

void ShmSubscriber::invoke(Chunk chunk) noexcept {
  try {
    handler_(chunk);
  } catch (...) {
    report_failure();
  }
}

void ShmSubscriber::report_failure() noexcept {
  domain::add(figures_->failed_callbacks);
  log::error("[{}] topic '{}': a callback threw: {}", announcement_.node, announcement_.topic, log::what_was_thrown());
}

}  // namespace baton::shm
