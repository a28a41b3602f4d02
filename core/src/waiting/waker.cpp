#include "baton/waker.hpp"

#include <thread>
#include <utility>

#include <fmt/format.h>

#include "baton/domain/member.hpp"
#include "baton/log.hpp"
#include "baton/match.hpp"

namespace baton {
inline namespace v1 {

void refuse_callback(const PortAnnouncement& port) noexcept {
  log::error("[{}] topic '{}': the subscriber is in a wait set, so no callback was set: take it out of the set first",
             port.node, port.topic);
}

Error descriptor_in_use(const PortAnnouncement& port) {
  return {Errc::in_use, fmt::format("topic '{}': subscriber in {}", port.topic, port.node),
          "it is in a wait set, which is rung in place of its descriptor",
          "call fd() before it is added, or take it out of the set"};
}

bool WakerPlace::set(std::shared_ptr<Waker> waker) noexcept {
  if (waker_ != nullptr) return false;
  waker_ = std::move(waker);
  if (std::exchange(process_, domain::process_token()) != process_) {
    inside_.store(0, std::memory_order_relaxed);  // of threads that are not here
  }
  current_.store(waker_.get(), std::memory_order_seq_cst);  // W1: then the set looks
  return true;
}

// seq_cst: of "cleared, then looked who is inside" and "went inside, then looked at it" one sees the other.
void WakerPlace::clear() noexcept {
  if (waker_ == nullptr) return;
  current_.store(nullptr, std::memory_order_seq_cst);
  while (process_ == domain::process_token() && inside_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  waker_.reset();
}

void WakerPlace::close(const Waitable& waitable) noexcept {
  const auto last = waker_;
  clear();  // first: what the waker does then may come back to the waitable
  if (last != nullptr) last->closes(waitable);
}

bool WakerPlace::wake() noexcept {
  if (current_.load(std::memory_order_seq_cst) == nullptr) return false;  // W1: after the deed
  inside_.fetch_add(1, std::memory_order_seq_cst);
  Waker* const waker = current_.load(std::memory_order_seq_cst);
  const bool woken = waker != nullptr && waker->wake();
  inside_.fetch_sub(1, std::memory_order_release);
  return woken;
}

}  // namespace v1
}  // namespace baton
