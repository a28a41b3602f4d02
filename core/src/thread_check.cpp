#include "baton/thread_check.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "baton/domain/member.hpp"

namespace baton {
inline namespace v1 {

struct CheckedThreads::State {
  std::atomic<long> inside{0};                      // the thread that is in a verb; 0: none
  std::atomic<const char*> verb{nullptr};           // the innermost one that it is in
  std::uint64_t process = domain::process_token();  // a forked child is not told of what its parent's threads were in
};

namespace {

long this_thread() noexcept {
  static thread_local const long id = ::syscall(SYS_gettid);
  return id;
}

std::string name_of(long thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/comm", thread));
  std::string name;
  std::getline(file, name);
  return fmt::format("'{}' ({})", name.empty() ? "?" : name, thread);
}

[[noreturn]] void end_program(const char* name, const char* other, long thread, const PortAnnouncement& port) noexcept {
  const std::string message = fmt::format(
      "baton: topic '{}': {} of {} on thread {}, while thread {} is in its {}: a publisher or subscriber is for one "
      "thread at a time; let one thread use it, or a lock of your own order them\n",
      port.topic, name, port.node, name_of(this_thread()), name_of(thread), other == nullptr ? "verb" : other);
  std::fputs(message.c_str(), stderr);
  std::abort();
}

}  // namespace

CheckedThreads::CheckedThreads() : state_(std::make_shared<State>()) {}

// relaxed: it finds a mistake by chance; it must not order what would be a race without it.
CheckedThreads::Verb::Verb(const CheckedThreads& check, const char* name, const PortAnnouncement& port,
                           bool allowed) noexcept
    : state_(allowed ? nullptr : check.state_),
      outer_(state_ ? state_->verb.load(std::memory_order_relaxed) : nullptr) {
  if (state_ == nullptr) return;
  long nobody = 0;
  if (!state_->inside.compare_exchange_strong(nobody, this_thread(), std::memory_order_relaxed) &&
      nobody != this_thread() && state_->process == domain::process_token()) {
    end_program(name, outer_, nobody, port);
  }
  state_->verb.store(name, std::memory_order_relaxed);
}

CheckedThreads::Verb::~Verb() {
  if (state_ == nullptr) return;
  state_->verb.store(outer_, std::memory_order_relaxed);
  if (outer_ == nullptr) state_->inside.store(0, std::memory_order_relaxed);
}

}  // namespace v1
}  // namespace baton
