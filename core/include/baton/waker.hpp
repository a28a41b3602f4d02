#pragma once

/// How what can be waited for and a wait set know each other: for transports, and for who writes another wait set.
///
/// Roles:      a *waitable* (a subscriber's port) has something to take now and then; a *waker* is the set that wants
///             to know. At most one at a time.
/// Hand-over:  `attach` gives the waker, `detach` takes it away, both on the thread that uses the waitable. In between
///             each change for the better (a message, a release at the holding limit, a connection, an end) is followed
///             by `Waker::wake`, on whatever thread, or by a ring of the bell that the waker names; but for waitables
///             that say `descriptor`: they are watched by `fd`. After either the set looks by `wait(0)`.
/// End:        a waitable that closes says so by `Waker::closes`, and is not touched afterwards.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "baton/error.hpp"
#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

namespace domain {
class Member;
}  // namespace domain

/// What ended a wait.
enum class WaitStatus : std::uint8_t { ready, timeout, closed };

class Waitable;

/// Is woken for others. Shared, so that a thread that is about to wake it finds it, though the set is gone.
class BATON_API Waker {
 public:
  /// After the deed, as a ringer (baton/domain/bell.hpp). Any thread of the process. True if somebody slept.
  virtual bool wake() noexcept = 0;

  /// By which bell other processes wake it, as inboxes name bells; 0 if they cannot, or if it is of another node.
  virtual std::uint32_t bell_name(const domain::Member& member) const noexcept = 0;

  /// On the thread that closes it.
  virtual void closes(const Waitable& waitable) noexcept = 0;

 protected:
  ~Waker() = default;
};

/// How a waitable wakes its waker.
enum class Attachment : std::uint8_t {
  closed,      ///< not at all: it is closed, or belongs to the process that this one was forked from
  attached,    ///< not at all: it is in another set
  callback,    ///< not at all: it has a callback, which is given what comes
  wakes,       ///< by `Waker::wake` alone
  rings,       ///< by the bell that the waker names as well
  descriptor,  ///< by nothing: `fd` shows it
};

class BATON_API Waitable {
 public:
  /// Sleeps until there is something to take, or until `timeout` has passed: at once if it is zero or negative, never
  /// if it is `std::chrono::nanoseconds::max()`. `closed` if it was closed before.
  virtual WaitStatus wait(std::chrono::nanoseconds timeout) noexcept = 0;

  /// A descriptor that polls readable from when there is something to take until a take finds nothing.
  virtual Result<int> fd() = 0;

  /// Afterwards the caller looks, for what came before was not told.
  virtual Attachment attach(std::shared_ptr<Waker> waker) = 0;
  virtual void detach() noexcept = 0;

  /// Its node in the domain, which who sleeps for it keeps, where it has no keeper. Null if it does without a domain.
  virtual std::shared_ptr<domain::Member> member() const noexcept = 0;

 protected:
  ~Waitable() = default;
};

struct PortAnnouncement;

/// What a waitable with a waker answers who sets a callback: a line in the log.
BATON_API void refuse_callback(const PortAnnouncement& port) noexcept;

/// And who asks for its descriptor.
BATON_API Error descriptor_in_use(const PortAnnouncement& port);

/// Where a waitable keeps its waker.
class BATON_API WakerPlace {
 public:
  /// False if there is one.
  bool set(std::shared_ptr<Waker> waker) noexcept;

  /// Afterwards no thread is about to wake it, and nothing refers to it.
  void clear() noexcept;

  /// The waitable closes: tells the waker, and clears.
  void close(const Waitable& waitable) noexcept;

  bool is_set() const noexcept { return waker_ != nullptr; }

  /// Any thread. True if it was there and slept.
  bool wake() noexcept;

 private:
  std::shared_ptr<Waker> waker_;          // of the thread that sets and clears
  std::atomic<Waker*> current_{nullptr};  // the same, for others
  std::atomic<std::uint32_t> inside_{0};  // threads that may be using it
  std::uint64_t process_ = 0;  // that set it, whose threads `inside_` counts: a forked child has none of them
};

}  // namespace v1
}  // namespace baton
