#pragma once

#include <csignal>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// While it lives, the calling thread, and each thread that it starts, blocks signals: a program's handlers run on the
/// program's own threads, and what ends a program, SIGPIPE for example, does not come by way of one of the library's.
///
/// Not the signals that a thread brings on itself by a fault: a handler for these has to run where the fault is, and
/// blocked they would end the program past it.
class BATON_API BlockedSignals {
 public:
  BlockedSignals() noexcept;
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
