#pragma once

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <thread>

#include "baton/posix/futex.hpp"
#include "baton/posix/membarrier.hpp"

namespace baton::shm {

/// Keeps the user's thread and the keeper apart in a port's private state. The user's side costs a plain store and a
/// plain load; the keeper pays for both with a membarrier.
///
/// Roles:      one user's thread at a time; the keeper, one call at a time.
/// States:     busy_ and keeper_in_, each of one writer (but for `fork`, in a child, where no other thread is).
/// Hand-over:  see the README, "The guard".
/// Invariant:  G1: of "busy, then look at keeper_in" and "keeper_in, membarrier, then look at busy" one sees the other.
///             G2: who comes in sees what the other one did before it went out.
/// Crash windows: none; all of it is private.
class Guard {
 public:
  /// The user's entry. False in a forked child, to whom the port does not belong.
  bool enter() noexcept {
    if (knock() == kNobody) [[likely]]
      return true;
    return wait_to_enter();
  }

  void leave() noexcept { busy_.store(0, std::memory_order_release); }  // G2

  /// The keeper's entry. False if the user's thread did not come out in time; try again later.
  bool keeper_enter(std::chrono::nanoseconds patience) noexcept {
    std::uint32_t nobody = kNobody;
    if (!keeper_in_.compare_exchange_strong(nobody, kKeeper, std::memory_order_seq_cst)) return false;  // forked
    if (has_membarrier_) posix::membarrier();  // G1: the heavy half
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (busy_.load(std::memory_order_seq_cst) != 0) {  // G1. G2 (acquire)
      if (std::chrono::steady_clock::now() >= deadline) {
        keeper_leave();
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  void keeper_leave() noexcept {
    keeper_in_.store(kNobody, std::memory_order_seq_cst);  // G2 (release)
    posix::futex_wake(keeper_in_, posix::FutexScope::process, INT_MAX);
  }

  /// In a forked child: nobody comes in any more.
  void fork() noexcept { keeper_in_.store(kForked, std::memory_order_seq_cst); }  // no other thread exists

  bool forked() const noexcept { return keeper_in_.load(std::memory_order_relaxed) == kForked; }  // never changes back

  enum class Side : std::uint8_t { user, keeper };

  /// From the entry to the exit, for as long as it lives.
  class Visit {
   public:
    /// `patience` is the keeper's.
    explicit Visit(Guard& guard, Side side = Side::user, std::chrono::nanoseconds patience = {}) noexcept
        : guard_(guard), side_(side), entered_(side == Side::user ? guard.enter() : guard.keeper_enter(patience)) {}
    ~Visit() {
      if (!entered_) return;
      side_ == Side::user ? guard_.leave() : guard_.keeper_leave();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    explicit operator bool() const noexcept { return entered_; }

   private:
    Guard& guard_;
    const Side side_;
    const bool entered_;
  };

 private:
  std::uint32_t knock() noexcept {
    if (has_membarrier_) [[likely]] {
      busy_.store(1, std::memory_order_relaxed);            // G1
      std::atomic_signal_fence(std::memory_order_seq_cst);  // G1: the light half of the membarrier
    } else {
      busy_.exchange(1, std::memory_order_seq_cst);  // G1, on kernels without membarrier
    }
    return keeper_in_.load(std::memory_order_seq_cst);  // G1. G2 (acquire). Costs a plain load
  }

  /// After a knock that found somebody.
  [[gnu::noinline]] bool wait_to_enter() noexcept {
    while (true) {
      busy_.store(0, std::memory_order_release);  // G2
      if (forked()) return false;
      posix::futex_wait(keeper_in_, kKeeper, posix::FutexScope::process);
      if (knock() == kNobody) return true;
    }
  }

  static constexpr std::uint32_t kNobody = 0;
  static constexpr std::uint32_t kKeeper = 1;
  static constexpr std::uint32_t kForked = 2;

  const bool has_membarrier_ = posix::has_membarrier();
  std::atomic<std::uint32_t> busy_{0};             // W: the user's thread
  std::atomic<std::uint32_t> keeper_in_{kNobody};  // W: the keeper
};

}  // namespace baton::shm
