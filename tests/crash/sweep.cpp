#include "sweep.hpp"

#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "shared_memory_watch.hpp"

#if defined(__x86_64__) && defined(__linux__)
#define CRASH_CAN_SWEEP 1
#else
#define CRASH_CAN_SWEEP 0
#endif

namespace crash::sweep {
namespace {

enum Mark : std::uint64_t { kBegin = 1, kEnd, kTurn };

#if CRASH_CAN_SWEEP
constexpr std::uint64_t kMagic = 0x6b72616d20796d20U;  // in rax, to tell a mark from other traps

__attribute__((always_inline)) inline void mark(Mark kind) {
  asm volatile("int3" : : "a"(kMagic), "D"(static_cast<std::uint64_t>(kind)) : "memory");
}
#else
void mark(Mark) {}
#endif

}  // namespace

__attribute__((noinline)) void window_begins() { mark(kBegin); }
__attribute__((noinline)) void window_ends() { mark(kEnd); }
__attribute__((noinline)) void survivors_turn() { mark(kTurn); }

void wait_for_tracer() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
}

#if CRASH_CAN_SWEEP

namespace {

constexpr auto kPatience = 30s;

/// A step into the kernel after which nobody else can tell a difference.
bool is_harmless(std::uint64_t call) noexcept {
  static constexpr std::array kHarmless = {
      SYS_read,    SYS_pread64,   SYS_fstat,          SYS_newfstatat,   SYS_lseek,    SYS_getdents64,
      SYS_brk,     SYS_mmap,      SYS_munmap,         SYS_mprotect,     SYS_madvise,  SYS_getpid,
      SYS_gettid,  SYS_geteuid,   SYS_getuid,         SYS_access,       SYS_readlink, SYS_statfs,
      SYS_fstatfs, SYS_getrandom, SYS_rt_sigprocmask, SYS_clock_gettime};
  return std::find(kHarmless.begin(), kHarmless.end(), static_cast<long>(call)) != kHarmless.end();
}

long trace(int request, pid_t pid, std::uint64_t address, void* data) noexcept {
  return ::ptrace(static_cast<__ptrace_request>(request), pid, reinterpret_cast<void*>(address), data);
}

void* number(std::uint64_t value) noexcept { return reinterpret_cast<void*>(value); }

std::uint64_t debug_register(std::size_t index) noexcept {
  return offsetof(user, u_debugreg) + index * sizeof(std::uint64_t);
}

}  // namespace

std::string why_not() {
  const int before = ::personality(0xFFFF'FFFFU);
  if (::personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE) < 0) {
    return "address space randomisation cannot be switched off here";
  }
  ::personality(static_cast<unsigned long>(before));
  Child child({"victim", "", "nothing"});
  if (trace(PTRACE_SEIZE, child.pid(), 0, number(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)) == 0) return {};
  return std::string("this process may not trace its children: ") + std::strerror(errno);
}

Victim::Victim(const std::vector<std::string>& role, std::function<void()> turn)
    : child_(role, true), turn_(std::move(turn)) {
  if (trace(PTRACE_SEIZE, child_.pid(), 0, number(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)) != 0)
    throw std::runtime_error("PTRACE_SEIZE");
  trace(PTRACE_INTERRUPT, child_.pid(), 0, nullptr);
  ::waitpid(child_.pid(), nullptr, __WALL);
  child_.tell("");  // what wait_for_tracer waits for
}

/// Lets the marking thread run in one of ptrace's ways, until something of interest.
Victim::Stop Victim::resume(int request) {
  int signal = 0;
  while (true) {
    if (trace(request, child_.pid(), 0, number(static_cast<std::uint64_t>(signal))) != 0) return Stop::gone;
    int status = 0;
    pid_t waited = 0;
    while ((waited = ::waitpid(child_.pid(), &status, __WALL)) < 0 && errno == EINTR) {
    }
    if (waited < 0 || !WIFSTOPPED(status)) {
      child_.forget();
      return Stop::gone;
    }
    signal = 0;
    if (status >> 16 != 0) continue;  // a stop of the whole process, which is over when we look
    const bool at_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    if (WSTOPSIG(status) != SIGTRAP && !at_call) {
      signal = WSTOPSIG(status);
      continue;
    }
    user_regs_struct registers{};
    trace(PTRACE_GETREGS, child_.pid(), 0, &registers);
    address_ = registers.rip;
    if (at_call) {
      call_ = registers.orig_rax;
      return Stop::call;
    }
    // The kernel leaves the address after a system call in rcx.
    called_ = request == PTRACE_SINGLESTEP && registers.rcx == registers.rip;
    if (registers.rax != kMagic || registers.rdi > kTurn) {
      call_ = registers.rax;
      return request == PTRACE_SINGLESTEP ? Stop::step : Stop::breakpoint;
    }
    siginfo_t info{};
    trace(PTRACE_GETSIGINFO, child_.pid(), 0, &info);
    if (info.si_code != SI_KERNEL) return request == PTRACE_SINGLESTEP ? Stop::step : Stop::breakpoint;
    switch (registers.rdi) {
      case kBegin: return Stop::begin;
      case kEnd: return Stop::end;
      default: return Stop::turn;
    }
  }
}

bool Victim::run_to_window() {
  const Watchdog watchdog(kPatience, [this] { child_.signal(SIGKILL); });
  while (true) {
    const Stop stop = resume(PTRACE_CONT);
    if (stop == Stop::turn) turn_();
    if (stop == Stop::begin) return true;
    if (stop == Stop::gone) return false;
  }
}

std::optional<Trace> Victim::step_through(Grain grain, const AtPoint& at_point) {
  return grain == Grain::calls ? step_calls(at_point) : step_instructions(at_point);
}

std::optional<Trace> Victim::step_instructions(const AtPoint& at_point) {
  Trace result;
  SharedMemoryWatch watch(child_.pid(), "/baton-");
  watch.look_for_mappings();
  watch.changed();
  std::unordered_map<std::uint64_t, std::uint32_t> arrivals;
  std::uint32_t steps_here = 0;
  const auto found = [&](bool call) {
    result.points.push_back({address_, arrivals[address_], steps_here, call});
    if (!at_point) return;
    at_point(result.points.back(), result.points.size() - 1);
    watch.changed();  // by others
  };
  found(false);
  while (true) {
    const std::uint64_t before = address_;
    const std::uint64_t next_call = call_;
    const Stop stop = resume(PTRACE_SINGLESTEP);
    if (stop == Stop::gone) return std::nullopt;
    if (stop == Stop::end) {
      ++arrivals[address_];
      steps_here = 0;
      found(false);
      return result;
    }
    ++result.steps;
    if (address_ == before) {
      ++steps_here;
    } else {
      steps_here = 0;
      ++arrivals[address_];
    }
    if (called_ && (next_call == SYS_mmap || next_call == SYS_munmap || next_call == SYS_mremap)) {
      watch.look_for_mappings();
    }
    if (called_ ? !is_harmless(next_call) : watch.changed()) found(called_);
    if (called_) watch.changed();
  }
}

Victim::Stop Victim::resume_to_call() {
  const Stop in = resume(PTRACE_SYSCALL);
  return in == Stop::call ? resume(PTRACE_SYSCALL) : in;
}

std::optional<Trace> Victim::step_calls(const AtPoint& at_point) {
  Trace result;
  std::uint32_t calls = 0;
  const auto found = [&] {
    result.points.push_back({0, 0, 0, true, calls});
    if (at_point) at_point(result.points.back(), result.points.size() - 1);
  };
  found();
  while (true) {
    const Stop stop = resume_to_call();
    if (stop == Stop::gone) return std::nullopt;
    ++calls;
    if (stop == Stop::end || !is_harmless(call_)) found();
    if (stop == Stop::end) return result;
  }
}

void Victim::set_breakpoint(std::uint64_t address) {
  trace(PTRACE_POKEUSER, child_.pid(), debug_register(7), number(0));
  trace(PTRACE_POKEUSER, child_.pid(), debug_register(0), number(address));
  if (address != 0) trace(PTRACE_POKEUSER, child_.pid(), debug_register(7), number(1));
}

bool Victim::run_to(const Point& point, Grain grain) {
  const Watchdog watchdog(kPatience, [this] { child_.signal(SIGKILL); });
  if (grain == Grain::calls) {
    for (std::uint32_t call = 0; call < point.calls; ++call) {
      if (resume_to_call() != Stop::call) return call + 1 == point.calls;  // the last one is the end
    }
    return true;
  }
  set_breakpoint(point.address);
  for (std::uint32_t arrivals = 0; arrivals < point.arrivals;) {
    const Stop stop = resume(PTRACE_CONT);
    if (stop == Stop::end) return address_ == point.address;  // the last point is the end
    if (stop == Stop::gone) return false;
    if (stop == Stop::breakpoint && address_ == point.address) ++arrivals;
  }
  set_breakpoint(0);
  for (std::uint32_t step = 0; step < point.steps; ++step) {
    const Stop stop = resume(PTRACE_SINGLESTEP);
    if (stop == Stop::gone || stop == Stop::end) return false;
  }
  return true;
}

void Victim::stop_others() { child_.signal(SIGSTOP); }
void Victim::continue_others() { child_.signal(SIGCONT); }

std::optional<int> Victim::finish() {
  // It is traced to its end, because of the marks that may still come.
  const Watchdog watchdog(kPatience, [this] { child_.signal(SIGKILL); });
  const pid_t pid = child_.pid();
  int signal = 0;
  while (true) {
    if (trace(PTRACE_CONT, pid, 0, number(static_cast<std::uint64_t>(signal))) != 0) return std::nullopt;
    int status = 0;
    while (::waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    signal = 0;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      child_.forget();
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (status >> 16 != 0) continue;
    if (WSTOPSIG(status) != SIGTRAP) {
      signal = WSTOPSIG(status);
      continue;
    }
    user_regs_struct registers{};
    trace(PTRACE_GETREGS, pid, 0, &registers);
    if (registers.rax == kMagic && registers.rdi == kTurn) turn_();
  }
}

#else

std::string why_not() { return "sweeps need Linux on x86-64"; }
Victim::Victim(const std::vector<std::string>& role, std::function<void()> turn)
    : child_(role), turn_(std::move(turn)) {}
bool Victim::run_to_window() { return false; }
std::optional<Trace> Victim::step_through(Grain, const AtPoint&) { return std::nullopt; }
bool Victim::run_to(const Point&, Grain) { return false; }
void Victim::stop_others() {}
void Victim::continue_others() {}
std::optional<int> Victim::finish() { return std::nullopt; }

#endif

}  // namespace crash::sweep
