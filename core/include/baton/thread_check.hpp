#pragma once

#include "baton/match.hpp"

#ifndef NDEBUG
#include <atomic>
#include <memory>

#include "baton/export.hpp"
#endif

namespace baton {
inline namespace v1 {

/// For transports: checks, in builds without NDEBUG, that a port's verbs are called by one thread at a time. Two that
/// are in them at once end the program, with a message that names both. In other builds it is nothing.
///
/// Not seen: two threads that take turns without anything that orders them. ThreadSanitizer sees that.
class ThreadCheck {
#ifndef NDEBUG
  struct State;

 public:
  static constexpr bool kActive = true;

  BATON_API ThreadCheck();

  /// A call of a verb, from its beginning to its end. A verb may be called from inside another one on the same thread,
  /// and the port may be gone at the end. `allowed`: by the port's own callback, which may be on a thread of its own.
  class Verb {
   public:
    BATON_API Verb(const ThreadCheck& check, const char* name, const PortAnnouncement& port,
                   bool allowed = false) noexcept;
    BATON_API ~Verb();
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;

   private:
    const std::shared_ptr<State> state_;  // null if it was allowed
    const char* const outer_;
  };

 private:
  const std::shared_ptr<State> state_;
#else
 public:
  static constexpr bool kActive = false;

  struct Verb {
    Verb(const ThreadCheck& /*check*/, const char* /*name*/, const PortAnnouncement& /*port*/,
         bool /*allowed*/ = false) noexcept {}
    ~Verb() {}  // NOLINT(modernize-use-equals-default): not trivial, so that nobody warns of one that is not used
  };
#endif
};

}  // namespace v1
}  // namespace baton
