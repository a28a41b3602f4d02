// The callback of an in-process subscriber: who may run it, and what happens to messages that come meanwhile.
//
// Roles:      the runner, at most one thread at a time; everybody else only sets bits of `role_`. Two ways lead to the
//             callback: by the role, and, for the publisher of a subscriber that has just one, without it (below).
// States:     see the folder's README, "Callbacks".
// Hand-over:  E5: a runner lets go with release (of `role_` or `runner_`), the next one takes over with acquire.
// Invariants: handler_, and, while a callback is set, active_ and turn_, belong to the runner. When nobody runs, every
//             queue is empty, or its publisher is about to set `pending`: it does so after each push that finds
//             the callback armed, and the runner looks again before it lets go. So a publisher that finds the role
//             free has nothing of its own queued, and may call directly without overtaking itself.
//
// Alone: a publisher that is the only one needs no claim against others, only against the rare events that end its
// privilege: a second publisher, a change of the callback, a close. It marks itself the runner with a plain store and
// looks whether it is still alone. Who ends the privilege clears `alone_` and issues a membarrier (S1): after that
// either the publisher sees that it is not alone, or the other sees that it runs. A joiner does not wait for it; who
// then takes the role and finds a runner puts the role back, and the runner, seeing the end of its privilege when the
// call is over, drains the queues. A close or a change of the callback holds the role and sleeps on `idle_`.

#include <algorithm>
#include <exception>
#include <utility>

#include "baton/log.hpp"
#include "baton/posix/membarrier.hpp"
#include "inproc_subscriber.hpp"
#include "sleep.hpp"

namespace baton::inproc {

/// Grants or ends the privilege of the only publisher; under the mutex. Who is barred, or has no membarrier, takes the
/// role.
void InprocSubscriber::update_alone() noexcept {
  const auto publishers = std::count_if(connections_.begin(), connections_.end(), [](const auto& connection) {
    return !connection->publisher_closed.load(std::memory_order_acquire);  // its last call is over
  });
  const bool alone = alone_bars_ == 0 && publishers == 1 && direct_.load(std::memory_order_relaxed) &&  // barred else
                     posix::has_membarrier();
  if (alone == alone_.load(std::memory_order_relaxed)) return;  // written under the mutex
  alone_.store(alone, std::memory_order_release);               // E5: the callback was installed before
  if (!alone) posix::membarrier();                              // S1: the heavy half
}

void InprocSubscriber::bar_alone() noexcept {
  const std::lock_guard lock(mutex_);
  ++alone_bars_;
  update_alone();
}

void InprocSubscriber::unbar_alone() noexcept {
  const std::lock_guard lock(mutex_);
  --alone_bars_;
  update_alone();
}

/// What a call that began alone has to do at its end if it is not alone any more.
void InprocSubscriber::after_revocation() noexcept {
  bump_and_wake(idle_);
  request_drain();
}

bool InprocSubscriber::call_if_free(Connection& connection, ChunkHeader* chunk) noexcept {
  std::uint32_t nobody = 0;
  if (!role_.compare_exchange_strong(nobody, kRunning, std::memory_order_acquire, std::memory_order_relaxed)) {
    return false;  // E5 (acquire) on success; on failure nothing is read
  }
  if (runner_.load(std::memory_order_acquire) != 0) {  // S1, E5: a call that began alone
    give_up_role();
    return false;
  }
  runner_.store(this_thread(), std::memory_order_relaxed);  // compared only by the thread that it names
  const bool callable = static_cast<bool>(handler_);
  if (callable) call_now(connection, chunk);
  finish_role();
  return callable;
}

void InprocSubscriber::invoke(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept {
  if (chunk->sequence % domain::kLatencySampledOneOf == 0) [[unlikely]]
    sample_latency(connection, *chunk);
  try {
    handler_(connection.lend(chunk, missed));
  } catch (...) {
    report_failure();
  }
}

/// Of a connection with a lifespan: one that a callback published has waited for it, and others for other readers.
void InprocSubscriber::invoke_if_young(Connection& connection, ChunkHeader* chunk, std::uint64_t missed) noexcept {
  missed += std::exchange(connection.skipped, 0);
  if (!connection.is_too_old(chunk->stamp)) return invoke(connection, chunk, missed);
  count_expired(connection, missed);
}

void InprocSubscriber::report_failure() noexcept {
  add(figures_.failed_callbacks);
  log::error("[{}] topic '{}': a callback threw: {}", announcement_.node, announcement_.topic, log::what_was_thrown());
}

void InprocSubscriber::request_drain() noexcept {
  // E5, acq_rel: release, so that the runner who sees the bit sees the push; acquire, to become the runner below.
  std::uint32_t role = role_.fetch_or(kPending, std::memory_order_acq_rel) | kPending;
  while ((role & kRunning) == 0) {
    if (!role_.compare_exchange_weak(role, role | kRunning, std::memory_order_acquire, std::memory_order_relaxed)) {
      continue;  // E5 (acquire) on success
    }
    if (runner_.load(std::memory_order_acquire) != 0) {  // S1, E5: a call that began alone; its end comes here, too
      give_up_role();
      return;
    }
    runner_.store(this_thread(), std::memory_order_relaxed);
    finish_role();  // sees `pending`
    return;
  }
}

/// Waits for the role. Not for a thread that has it. The privilege of the only publisher is barred before.
void InprocSubscriber::acquire_role() noexcept {
  std::uint32_t role = role_.load(std::memory_order_relaxed);  // only a guess
  while (true) {
    if ((role & kRunning) == 0) {
      if (role_.compare_exchange_weak(role, role | kRunning, std::memory_order_acquire, std::memory_order_relaxed)) {
        break;  // E5
      }
    } else if ((role & kWaiter) != 0 ||
               role_.compare_exchange_weak(role, role | kWaiter, std::memory_order_relaxed)) {  // asks to be woken
      sleep_on(role_, role | kWaiter);
      role = role_.load(std::memory_order_relaxed);
    }
  }
  while (true) {
    const std::uint32_t idle = idle_.load(std::memory_order_acquire);  // before the look: a wake-up from now on is seen
    if (runner_.load(std::memory_order_acquire) == 0) break;           // S1, E5
    sleep_on(idle_, idle);
  }
  runner_.store(this_thread(), std::memory_order_relaxed);
}

/// Puts the role back because a call that began alone is under way.
void InprocSubscriber::give_up_role() noexcept {
  const std::uint32_t role = role_.fetch_and(~(kRunning | kWaiter), std::memory_order_acq_rel);
  if ((role & kWaiter) != 0) wake_all(role_);
  // That call may have ended meanwhile, and left the queues to us because we had the role.
  if ((role & kPending) != 0 && runner_.load(std::memory_order_acquire) == 0) request_drain();
}

void InprocSubscriber::finish_role() noexcept {
  while (true) {
    if (next_handler_) {
      install_handler(*std::exchange(next_handler_, std::nullopt));
      unbar_alone();
      drain();
      continue;
    }
    runner_.store(0, std::memory_order_relaxed);
    std::uint32_t role = kRunning;
    if (role_.compare_exchange_strong(role, 0, std::memory_order_release, std::memory_order_relaxed)) return;  // E5
    if ((role & kWaiter) != 0) {  // who waits drains what is pending: the bit stays
      role_.fetch_and(~(kRunning | kWaiter), std::memory_order_release);  // E5
      wake_all(role_);
      return;
    }
    if ((role & kPending) != 0) {
      role_.fetch_and(~kPending, std::memory_order_acquire);  // E5: the pushes that the bit speaks of
      runner_.store(this_thread(), std::memory_order_relaxed);
      drain();
    }
  }
}

/// Calls the callback for everything queued; drops it instead once the subscriber is closed.
void InprocSubscriber::drain() noexcept {
  if (!handler_ && !closed_.load(std::memory_order_acquire)) return;  // the queues are the user's to take
  while (true) {
    // Somebody waits for the role, who drains when it has it: with publishers that never rest it would wait for ever.
    if ((role_.load(std::memory_order_relaxed) & kWaiter) != 0) {
      role_.fetch_or(kPending, std::memory_order_relaxed);
      return;
    }
    if (epoch_.load(std::memory_order_seq_cst) != seen_epoch_) refresh();  // E6. W1: after `armed_`
    const Chunk chunk = pop_next();
    if (!chunk) return;
    Connection& connection = Connection::of(chunk);
    ChunkHeader* const header = ChunkHeader::of(chunk.payload);
    if (handler_ && !closed_.load(std::memory_order_relaxed)) {
      invoke(connection, header, Connection::missed_before(chunk));
      add(connection.taken);
      give_back(connection, header);
    } else {
      add(connection.undelivered);
      connection.pool->release(header);
    }
  }
}

void InprocSubscriber::install_handler(MessageHandler handler) noexcept {
  handler_ = std::move(handler);
  const bool direct = static_cast<bool>(handler_);
  direct_.store(direct, std::memory_order_release);  // a hint to publishers; under the role it is exact
  if (direct) {
    armed_.fetch_or(kArmedCallback, std::memory_order_seq_cst);  // W1: then the drain looks at the queues
  } else {
    armed_.fetch_and(~kArmedCallback, std::memory_order_seq_cst);
    wake_sleeper();  // what is queued is there to be taken now
  }
}

void InprocSubscriber::on_message(MessageHandler handler) {
  const auto checked = checks("on_message");
  if (closed_.load(std::memory_order_relaxed)) return;  // own word
  if (handler && waker_.is_set()) return refuse_callback(announcement_);
  set_handler(std::move(handler));
}

void InprocSubscriber::set_handler(MessageHandler handler) noexcept {
  if (runs_here()) {  // the present one is still running: it is replaced when it returns
    if (!next_handler_) bar_alone();
    next_handler_ = std::move(handler);
    return;
  }
  const auto alive = self_;  // a callback that is run below may abandon the subscriber
  bar_alone();
  acquire_role();
  install_handler(std::move(handler));
  drain();
  finish_role();
  unbar_alone();
}

}  // namespace baton::inproc
