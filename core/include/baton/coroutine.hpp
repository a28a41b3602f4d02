#pragma once

/// Coroutines that wait in a wait set: `while (auto sample = co_await subscriber.next()) ...`. There is something in
/// this header where the compiler has C++20 coroutines: then it defines BATON_HAS_COROUTINES.

#if defined(__cpp_impl_coroutine) && __cpp_impl_coroutine >= 201902L
#define BATON_HAS_COROUTINES 1

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

#include "baton/log.hpp"
#include "baton/subscriber.hpp"
#include "baton/timeout.hpp"
#include "baton/wait_set.hpp"

namespace baton {
inline namespace v1 {

/// A coroutine that a wait set runs, on the thread that waits for the set: `spawn(set, work())`. It may await other
/// tasks, which then run in the same set: `co_await more_work()`.
///
/// A task ends when it returns; when an exception leaves it, which goes on in the task that awaits it, and is logged if
/// there is none; and when what it waits for is gone: its subscriber closed or destroyed, or the set. What it holds is
/// destroyed then, as by an exception. One that is neither spawned nor awaited does nothing.
class [[nodiscard]] Task {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// Awaited by another task: begins, and resumes that one at its end.
  class Awaiter {
   public:
    explicit Awaiter(Handle inner) noexcept : inner_(inner) {}
    bool await_ready() const noexcept { return !inner_ || inner_.done(); }
    Handle await_suspend(Handle outer) const noexcept;
    void await_resume() const;

   private:
    Handle inner_;
  };
  Awaiter operator co_await() const&& noexcept { return Awaiter(handle_); }

 private:
  friend void spawn(WaitSet& set, Task task);
  explicit Task(Handle handle) noexcept : handle_(handle) {}

  Handle handle_;
};

class Task::promise_type {
 public:
  Task get_return_object() noexcept { return Task(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct Final {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle done) const noexcept {
      if (const Handle waiting = done.promise().outer) return waiting;
      done.destroy();  // spawned: nobody else has it
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  Final final_suspend() const noexcept { return {}; }

  void return_void() const noexcept {}
  void unhandled_exception() noexcept {
    thrown = std::current_exception();
    if (outer) return;
    log::error("a task of a wait set threw: {}", log::what_was_thrown());
  }

  WaitSet::Place place;       ///< in the set that runs it
  Handle root;                ///< the task that was spawned, which owns all those that it awaits
  Handle outer;               ///< the task that awaits this one; none: this is the root
  std::exception_ptr thrown;  ///< for that one
};

inline Task::Handle Task::Awaiter::await_suspend(Handle outer) const noexcept {
  promise_type& promise = inner_.promise();
  promise.place = outer.promise().place;
  promise.root = outer.promise().root;
  promise.outer = outer;
  return inner_;
}

inline void Task::Awaiter::await_resume() const {
  if (inner_ && inner_.promise().thrown) std::rethrow_exception(inner_.promise().thrown);
}

/// Begins a task, which runs here until it has to wait, and from then on when the set is waited for.
inline void spawn(WaitSet& set, Task task) {
  const Task::Handle handle = std::exchange(task.handle_, nullptr);
  if (!handle) return;
  handle.promise().place = set.place();
  handle.promise().root = handle;
  handle.resume();
}

/// A task that waits. It is resumed once; if it never is, it is ended when this is destroyed.
class SuspendedTask {
 public:
  explicit SuspendedTask(Task::Handle task) noexcept : task_(task), root_(task.promise().root) {}
  SuspendedTask(const SuspendedTask&) = delete;
  SuspendedTask& operator=(const SuspendedTask&) = delete;
  ~SuspendedTask() {
    if (task_) root_.destroy();
  }

  /// Has `wait` see to it that the task is resumed; it does not suspend if that is false, or throws. Where nobody keeps
  /// the suspended task, it ends at once.
  template <class Wait>
  static bool suspend(Task::Handle task, Wait wait) {
    const auto suspended = std::make_shared<SuspendedTask>(task);
    try {
      if (wait(suspended)) return true;
    } catch (...) {  // no memory: the exception goes on in the task
      suspended->task_ = nullptr;
      throw;
    }
    suspended->task_ = nullptr;
    return false;
  }

  void resume() { std::exchange(task_, nullptr).resume(); }

 private:
  Task::Handle task_;
  const Task::Handle root_;
};

/// What `co_await subscriber.next()` waits with.
template <Message T>
class NextSample {
 public:
  explicit NextSample(SubscriberPort& port) noexcept : port_(port) {}

  /// After so many messages in a row others have their turn.
  bool await_ready() noexcept { return ++in_a_row() <= WaitSet::kBatch && take(); }

  /// False, with a line in the log, if the subscriber cannot be waited for. Where the set is gone, the task ends here.
  bool await_suspend(Task::Handle task) {
    in_a_row() = 0;
    return SuspendedTask::suspend(task, [&](const std::shared_ptr<SuspendedTask>& suspended) {
      const auto added = task.promise().place.add_once(
          port_, [this] { return take(); }, [suspended] { suspended->resume(); });
      if (added || added.error().code() == Errc::closed) return true;
      log::error("a task cannot wait: {}", added.error().message());
      return false;
    });
  }

  Sample<T> await_resume() noexcept { return std::move(sample_); }

 private:
  static unsigned& in_a_row() noexcept {
    thread_local unsigned count = 0;
    return count;
  }

  /// Whether there is an answer.
  bool take() noexcept {
    sample_ = Subscriber<T>::take_from(&port_);
    return sample_.status() == TakeStatus::ok || sample_.status() == TakeStatus::closed;
  }

  SubscriberPort& port_;
  Sample<T> sample_;
};

template <Message T>
NextSample<T> Subscriber<T>::next() noexcept {
  return NextSample<T>(*port_);
}

/// What `co_await sleep_until(time)` waits with.
class Sleep {
 public:
  explicit Sleep(WaitSet::Clock::time_point until) noexcept : until_(until) {}

  bool await_ready() const noexcept { return WaitSet::Clock::now() >= until_; }
  bool await_suspend(Task::Handle task) const {
    return SuspendedTask::suspend(task, [&](const std::shared_ptr<SuspendedTask>& suspended) {
      task.promise().place.add_deadline(until_, [suspended] { suspended->resume(); });  // or the set is gone
      return true;
    });
  }
  void await_resume() const noexcept {}

 private:
  const WaitSet::Clock::time_point until_;
};

inline Sleep sleep_until(WaitSet::Clock::time_point time) noexcept { return Sleep(time); }
template <class Rep, class Period>
Sleep sleep_for(std::chrono::duration<Rep, Period> time) noexcept {
  return Sleep(deadline_after(to_timeout(time)));
}

}  // namespace v1
}  // namespace baton

#endif
