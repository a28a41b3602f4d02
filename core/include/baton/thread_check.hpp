#pragma once

#include <memory>

#include "baton/export.hpp"
#include "baton/match.hpp"

namespace baton {
inline namespace v1 {

/// What checks that a port's verbs are called by one thread at a time: see `ThreadCheck`. In every library, however it
/// was built, so that transports of either kind of build can be linked to it.
class CheckedThreads {
  struct State;

 public:
  static constexpr bool kActive = true;

  BATON_API CheckedThreads();

  /// A call of a verb, from its beginning to its end. A verb may be called from inside another one on the same thread,
  /// and the port may be gone at the end. `allowed`: by the port's own callback, which may be on a thread of its own.
  class Verb {
   public:
    BATON_API Verb(const CheckedThreads& check, const char* name, const PortAnnouncement& port,
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
};

/// The same for builds that do not check: nothing.
class UncheckedThreads {
 public:
  static constexpr bool kActive = false;

  struct Verb {
    Verb(const UncheckedThreads& /*check*/, const char* /*name*/, const PortAnnouncement& /*port*/,
         bool /*allowed*/ = false) noexcept {}
    ~Verb() {}  // NOLINT(modernize-use-equals-default): not trivial, so that nobody warns of one that is not used
  };
};

/// For transports: checks, where they are built without NDEBUG, that a port's verbs are called by one thread at a time.
/// Two that are in them at once end the program, with a message that names both. In other builds it is nothing.
///
/// Not seen: two threads that take turns without anything that orders them. ThreadSanitizer sees that.
#ifdef NDEBUG
using ThreadCheck = UncheckedThreads;
#else
using ThreadCheck = CheckedThreads;
#endif

}  // namespace v1
}  // namespace baton
