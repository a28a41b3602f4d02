#pragma once

// A sweep: runs a piece of a program (its *window*) again and again, and kills it each time at another instruction.
//
// How: the victim is a child that marks its window by breakpoint instructions. A dry run goes through the window step
// by step and notes each *point*: an instruction after which memory that others share has changed, or a system call has
// run. Between two points nothing changes for anybody else, so these are all the kills that survivors can tell apart.
// Each later run gets to its point by a hardware breakpoint, and is killed there.
//
// A killed process leaves a prefix, in program order, of what its machine code stores: so the points of the real binary
// are all states that a crash can leave behind. Only one thread is stepped, the one that marks; others run.
//
// Linux on x86-64, where this user may trace its own children; `why_not()` says why elsewhere it cannot be done.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "process.hpp"

namespace crash::sweep {

/// In the victim, on its main thread. Only under a tracer: the mark is an instruction that kills otherwise.
void window_begins();
void window_ends();
/// The survivors do something now, while the victim stands still.
void survivors_turn();
/// Waits for the tracer, before anything else.
void wait_for_tracer();

/// Why sweeps are not possible here; empty if they are.
std::string why_not();

struct Point {
  std::uint64_t address = 0;   ///< of the next instruction, which is not executed any more
  std::uint32_t arrivals = 0;  ///< how often the window gets to this address before
  std::uint32_t steps = 0;     ///< after that: iterations of a repeated instruction
  bool call = false;           ///< a system call has run, or else shared memory has changed
  std::uint32_t calls = 0;     ///< so many, when only they are counted
};

struct Trace {
  std::vector<Point> points;  ///< the first is before the first instruction, the last after the last
  std::uint64_t steps = 0;    ///< of the window
};

/// How a window is gone through: a step takes some 20 us, and opening a port takes some 200,000 of them.
enum class Grain {
  instructions,
  calls,  ///< only the points after system calls
};

/// A traced child. All functions are for the thread that made it.
class Victim {
 public:
  /// `turn` is called at each `survivors_turn`.
  Victim(const std::vector<std::string>& role, std::function<void()> turn);

  /// Runs up to the window. False if the victim ended before.
  bool run_to_window();

  /// Steps to the end of the window; calls `at_point` after each, if there is one, with the victim standing still.
  /// Nothing if the victim ended inside.
  using AtPoint = std::function<void(const Point&, std::size_t index)>;
  std::optional<Trace> step_through(Grain grain, const AtPoint& at_point = {});

  /// Runs from the beginning of the window to a point. False if the window, in this run, ends before.
  bool run_to(const Point& point, Grain grain);

  void kill() { child_.kill(); }

  /// Stops all other threads, as SIGSTOP does; this one stands still anyway.
  void stop_others();
  void continue_others();

  /// Lets go of it and waits for its end: the exit status, or nothing.
  std::optional<int> finish();

 private:
  enum class Stop { step, breakpoint, call, begin, end, turn, gone };
  Stop resume(int request);
  /// Through one system call: `call`, or why not.
  Stop resume_to_call();
  std::optional<Trace> step_instructions(const AtPoint& at_point);
  std::optional<Trace> step_calls(const AtPoint& at_point);
  void set_breakpoint(std::uint64_t address);

  Child child_;
  const std::function<void()> turn_;
  std::uint64_t address_ = 0;  // of the next instruction
  std::uint64_t call_ = 0;     // rax: the number of the system call that is next
  bool called_ = false;        // the last step was a system call
};

}  // namespace crash::sweep
