// The callback of an in-process subscriber: who may run it, and what happens to messages that come meanwhile.
//
// Roles:      the runner, at most one thread at a time (bit `running` of `role_`); everybody else only sets bits.
// States:     see the folder's README, "Callbacks".
// Hand-over:  E5: a runner lets go with release, the next one takes over with acquire.
// Invariants: handler_, and, while a callback is set, active_ and turn_, belong to the runner. When nobody runs, every
//             queue is empty, or its publisher is about to set `pending`: it does so after each push that finds
//             the callback armed, and the runner looks again before it lets go. So a publisher that finds the role
//             free has nothing of its own queued, and may call directly without overtaking itself.

#include <exception>
#include <string>
#include <utility>

#include "baton/log.hpp"
#include "inproc_subscriber.hpp"
#include "sleep.hpp"

namespace baton::inproc {

bool InprocSubscriber::call_if_free(Connection& connection, ChunkHeader* chunk) noexcept {
  std::uint32_t nobody = 0;
  if (!role_.compare_exchange_strong(nobody, kRunning, std::memory_order_acquire, std::memory_order_relaxed)) {
    return false;  // E5 (acquire) on success; on failure nothing is read
  }
  runner_.store(this_thread(), std::memory_order_relaxed);  // compared only by the thread that it names
  const bool callable = handler_ != nullptr;
  if (callable) {
    add(connection.offered);
    invoke(connection, chunk);
    add(connection.called);
  }
  finish_role();
  return callable;
}

void InprocSubscriber::invoke(Connection& connection, ChunkHeader* chunk) noexcept {
  std::string reason;
  try {
    handler_({chunk->payload(), reinterpret_cast<std::uintptr_t>(&connection)});
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
    reason = "an exception of a type unknown to baton";
  }
  add(connection.taken);
  if (reason.empty()) [[likely]]
    return;
  add(failed_callbacks_);
  log::error("topic '{}': a callback of {} threw: {}", announcement_.topic, announcement_.node, reason);
}

void InprocSubscriber::request_drain() noexcept {
  // E5, acq_rel: release, so that the runner who sees the bit sees the push; acquire, to become the runner below.
  std::uint32_t role = role_.fetch_or(kPending, std::memory_order_acq_rel) | kPending;
  while ((role & kRunning) == 0) {
    const std::uint32_t running = (role | kRunning) & ~kPending;
    if (role_.compare_exchange_weak(role, running, std::memory_order_acquire, std::memory_order_relaxed)) {  // E5
      runner_.store(this_thread(), std::memory_order_relaxed);
      drain();
      finish_role();
      return;
    }
  }
}

void InprocSubscriber::acquire_role() noexcept {
  std::uint32_t role = role_.load(std::memory_order_relaxed);  // only a guess
  while (true) {
    if ((role & kRunning) == 0) {
      if (role_.compare_exchange_weak(role, role | kRunning, std::memory_order_acquire, std::memory_order_relaxed)) {
        runner_.store(this_thread(), std::memory_order_relaxed);  // E5 above
        return;
      }
    } else if ((role & kWaiter) != 0 ||
               role_.compare_exchange_weak(role, role | kWaiter, std::memory_order_relaxed)) {  // asks to be woken
      sleep_on(role_, role | kWaiter);
      role = role_.load(std::memory_order_relaxed);
    }
  }
}

void InprocSubscriber::finish_role() noexcept {
  while (true) {
    if (next_handler_) {
      install_handler(*std::exchange(next_handler_, std::nullopt));
      drain();
      continue;
    }
    runner_.store(0, std::memory_order_relaxed);
    std::uint32_t role = kRunning;
    if (role_.compare_exchange_strong(role, 0, std::memory_order_release, std::memory_order_relaxed)) return;  // E5
    if ((role & kPending) != 0) {
      role_.fetch_and(~kPending, std::memory_order_acquire);  // E5: the pushes that the bit speaks of
      runner_.store(this_thread(), std::memory_order_relaxed);
      drain();
    } else if (role_.compare_exchange_strong(role, 0, std::memory_order_release, std::memory_order_relaxed)) {  // E5
      wake_all(role_);  // the only other bit: somebody waits
      return;
    }
  }
}

/// Calls the callback for everything queued; drops it instead once the subscriber is closed.
void InprocSubscriber::drain() noexcept {
  if (handler_ == nullptr && !closed_.load(std::memory_order_acquire)) return;  // the queues are the user's to take
  Chunk chunk;
  Connection* connection = nullptr;
  while (true) {
    if (epoch_.load(std::memory_order_acquire) != seen_epoch_) refresh();  // E6
    if (!pop_next(chunk, connection)) return;
    ChunkHeader* const header = ChunkHeader::of(chunk.payload);
    if (handler_ != nullptr && !closed_.load(std::memory_order_relaxed)) invoke(*connection, header);
    give_back(*connection, header);
  }
}

void InprocSubscriber::install_handler(MessageHandler handler) noexcept {
  handler_ = std::move(handler);
  const bool direct = handler_ != nullptr;
  direct_.store(direct, std::memory_order_release);  // a hint to publishers; under the role it is exact
  if (direct) {
    armed_.fetch_or(kArmedCallback, std::memory_order_seq_cst);  // W1: then the drain looks at the queues
  } else {
    armed_.fetch_and(~kArmedCallback, std::memory_order_seq_cst);
  }
}

void InprocSubscriber::on_message(MessageHandler handler) {
  if (closed_.load(std::memory_order_relaxed)) return;  // own word
  set_handler(std::move(handler));
}

void InprocSubscriber::set_handler(MessageHandler handler) noexcept {
  if (runs_here()) {
    next_handler_ = std::move(handler);  // the present one is still running: it is replaced when it returns
    return;
  }
  const auto alive = self_;  // a callback that is run below may abandon the subscriber
  acquire_role();
  install_handler(std::move(handler));
  drain();
  finish_role();
}

}  // namespace baton::inproc
