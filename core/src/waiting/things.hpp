// What a wait set waits for: one class for each kind.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "baton/event.hpp"
#include "baton/wait_set.hpp"
#include "baton/waker.hpp"

namespace baton {
inline namespace v1 {
namespace waiting {

using Clock = WaitSet::Clock;

/// Of the set's thread.
class Thing {
 public:
  Thing(WaitSet::Id id, std::string name) : id_(id), name_(std::move(name)) {}
  virtual ~Thing() = default;
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;

  virtual bool is_ready(Clock::time_point now) noexcept = 0;

  /// Calls the handler, which may throw, and take the thing out.
  virtual void handle() = 0;

  /// When it will be ready though nobody wakes the set.
  virtual Clock::time_point next() const noexcept { return Clock::time_point::max(); }

  /// What of which descriptor shows it, in a set that polls.
  virtual std::optional<pollfd> descriptor() const noexcept { return std::nullopt; }

  /// Nothing refers to the set afterwards.
  virtual void leave() noexcept {}

  WaitSet::Id id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }  ///< for the log

  bool gone = false;  ///< taken out, while handlers run
  short found = 0;    ///< by the last poll

 private:
  const WaitSet::Id id_;
  const std::string name_;
};

/// A subscriber.
class Member final : public Thing {
 public:
  Member(WaitSet::Id id, std::string name, Waitable& waitable, std::function<bool()> handler)
      : Thing(id, std::move(name)), waitable_(waitable), handler_(std::move(handler)) {}

  /// The first time, or again after `leave`.
  Attachment attach(const std::shared_ptr<Waker>& waker) { return attachment_ = waitable_.attach(waker); }

  /// If only its descriptor shows it: what that is.
  Result<void> find_descriptor();

  bool rings() const noexcept { return attachment_ == Attachment::rings; }
  bool is(const Waitable& waitable) const noexcept { return &waitable_ == &waitable; }

  bool is_ready(Clock::time_point now) noexcept override;
  void handle() override;
  std::optional<pollfd> descriptor() const noexcept override;
  void leave() noexcept override { waitable_.detach(); }

 private:
  Waitable& waitable_;
  const std::function<bool()> handler_;
  Attachment attachment_ = Attachment::closed;
  int descriptor_ = -1;
};

/// A timer, or a deadline.
class Timer final : public Thing {
 public:
  Timer(WaitSet::Id id, Clock::time_point first, std::optional<std::chrono::nanoseconds> period,
        std::function<void(std::uint64_t)> handler)
      : Thing(id, period ? "timer" : "deadline"), next_(first), period_(period), handler_(std::move(handler)) {}

  bool is_ready(Clock::time_point now) noexcept override { return now >= next_; }
  void handle() override;
  Clock::time_point next() const noexcept override { return next_; }

 private:
  Clock::time_point next_;
  const std::optional<std::chrono::nanoseconds> period_;
  const std::function<void(std::uint64_t)> handler_;
};

/// A node's events.
class Events final : public Thing {
 public:
  Events(WaitSet::Id id, std::shared_ptr<EventQueue> queue, std::function<void(const Event&)> handler)
      : Thing(id, "events"), queue_(std::move(queue)), handler_(std::move(handler)) {}

  bool attach(const std::shared_ptr<Waker>& waker) noexcept { return queue_->attach(waker); }

  bool is_ready(Clock::time_point /*now*/) noexcept override { return !queue_->empty(); }
  void handle() override;
  void leave() noexcept override { queue_->detach(); }

 private:
  const std::shared_ptr<EventQueue> queue_;
  const std::function<void(const Event&)> handler_;
};

/// A descriptor of the user's.
class Descriptor final : public Thing {
 public:
  Descriptor(WaitSet::Id id, int descriptor, short events, std::function<void(short)> handler);

  bool is_ready(Clock::time_point /*now*/) noexcept override { return found != 0; }
  void handle() override;
  std::optional<pollfd> descriptor() const noexcept override { return pollfd{descriptor_, events_, 0}; }

 private:
  const int descriptor_;
  const short events_;
  const std::function<void(short)> handler_;
};

}  // namespace waiting
}  // namespace v1
}  // namespace baton
