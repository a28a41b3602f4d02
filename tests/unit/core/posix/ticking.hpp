// Signals that interrupt this thread's system calls, for tests of what they do about it.
#pragma once

#include <sys/time.h>

#include <csignal>
#include <ctime>

namespace baton::testing_support {

/// While it lives, SIGALRM comes every millisecond, to a handler that does nothing and does not restart system calls.
class Ticking {
 public:
  Ticking() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, &before_);
    const itimerval interval{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &interval, nullptr);
  }
  ~Ticking() {
    const itimerval none{};
    setitimer(ITIMER_REAL, &none, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }
  Ticking(const Ticking&) = delete;
  Ticking& operator=(const Ticking&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace baton::testing_support
