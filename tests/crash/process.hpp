#pragma once

// Processes of the tests' own: this very program, started again in a role (see roles.hpp).

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace crash {

using namespace std::chrono_literals;

/// Waits until something holds; false if it does not come to pass within a time that is generous for any machine.
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = 20s);

/// A number from the environment, for tests that can be made longer.
unsigned number_from(const char* variable, unsigned otherwise);

/// A child in a role. Killed, if it still runs, when this is destroyed.
class Child {
 public:
  /// `fixed_addresses`: without address space randomisation, so that what is where is the same in each run.
  explicit Child(const std::vector<std::string>& role, bool fixed_addresses = false);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  pid_t pid() const noexcept { return pid_; }

  /// Writes a line to the child's standard input.
  void tell(const std::string& line) const;

  /// The next line that the child wrote; nothing if it ended, or the time is over.
  std::optional<std::string> hear(std::chrono::milliseconds patience = 20s);

  /// SIGKILL, and waits for the end: all of its locks are free then.
  void kill();
  void signal(int number) const noexcept;

  /// Waits for the end. The exit status, or 128 + the signal; nothing if it does not end.
  std::optional<int> wait(std::chrono::milliseconds patience = 20s);
  bool has_ended();

  /// For who has waited for the process himself.
  void forget() noexcept { pid_ = 0; }

 private:
  pid_t pid_ = 0;  // 0: has ended and been waited for
  int status_ = 0;
  int to_ = -1;
  int from_ = -1;
  std::string heard_;
};

/// Calls a function when a time is over, unless it is destroyed before: for what must not hang.
class Watchdog {
 public:
  Watchdog(std::chrono::milliseconds patience, std::function<void()> bite);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Thread;
};

}  // namespace crash
