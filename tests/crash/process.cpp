#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace crash {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int exit_code(int status) noexcept { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(200us);
  }
  return true;
}

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

Child::Child(const std::vector<std::string>& role, bool fixed_addresses) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) fail("pipe2");
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
  std::vector<std::string> words = {"crash_tests", "--role"};
  words.insert(words.end(), role.begin(), role.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // Spawned, not forked: the tests' own nodes have nothing to do with it. The personality is inherited.
  const int before = fixed_addresses ? ::personality(0xFFFF'FFFFU) : 0;
  if (fixed_addresses) ::personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE);
  const int error = ::posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, arguments.data(), environ);
  if (fixed_addresses) ::personality(static_cast<unsigned long>(before));
  ::posix_spawn_file_actions_destroy(&files);
  ::close(in[0]);
  ::close(out[1]);
  to_ = in[1];
  from_ = out[0];
  if (error == 0) return;
  errno = error;
  fail("posix_spawn");
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      status_(other.status_),
      to_(std::exchange(other.to_, -1)),
      from_(std::exchange(other.from_, -1)),
      heard_(std::move(other.heard_)) {}

Child::~Child() {
  kill();
  if (to_ >= 0) ::close(to_);
  if (from_ >= 0) ::close(from_);
}

void Child::tell(const std::string& line) const {
  const std::string whole = line + "\n";
  // One that has died gets nothing: the pipe then fails with EPIPE, because the tests ignore SIGPIPE.
  static_cast<void>(::write(to_, whole.data(), whole.size()) == 0);
}

std::optional<std::string> Child::hear(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (true) {
    if (const auto end = heard_.find('\n'); end != std::string::npos) {
      std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wanted{from_, POLLIN, 0};
    if (left <= 0 || ::poll(&wanted, 1, static_cast<int>(left)) <= 0) return std::nullopt;
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(from_, bytes.data(), bytes.size());
    if (count <= 0) return std::nullopt;
    heard_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

void Child::signal(int number) const noexcept {
  if (pid_ > 0) ::kill(pid_, number);
}

void Child::kill() {
  signal(SIGKILL);
  while (pid_ > 0 && ::waitpid(pid_, &status_, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

bool Child::has_ended() {
  // Looked at, not waited for, so that the pid stays ours.
  siginfo_t info{};
  return pid_ == 0 ||
         (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_);
}

std::optional<int> Child::wait(std::chrono::milliseconds patience) {
  if (!eventually([this] { return has_ended(); }, patience)) return std::nullopt;
  while (pid_ > 0 && ::waitpid(pid_, &status_, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return exit_code(status_);
}

/// One thread for all watchdogs, because there is one for each point of a sweep.
struct Watchdog::Thread {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<const Watchdog*, std::pair<Clock::time_point, std::function<void()>>> watched;

  static Thread& instance() {
    static auto* const thread = new Thread;  // never destroyed: it may be asleep at exit
    return *thread;
  }

  Thread() {
    std::thread([this] { run(); }).detach();
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait_for(lock, 100ms);
      for (auto& [dog, entry] : watched) {
        if (Clock::now() < entry.first) continue;
        entry.first = Clock::time_point::max();
        entry.second();
      }
    }
  }
};

Watchdog::Watchdog(std::chrono::milliseconds patience, std::function<void()> bite) {
  Thread& thread = Thread::instance();
  const std::lock_guard lock(thread.mutex);
  thread.watched.emplace(this, std::pair(Clock::now() + patience, std::move(bite)));
}

Watchdog::~Watchdog() {
  Thread& thread = Thread::instance();
  const std::lock_guard lock(thread.mutex);
  thread.watched.erase(this);
}

}  // namespace crash
