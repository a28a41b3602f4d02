// A process of its own for one test: this program started anew, with one of the helpers of program_test.cpp.
#pragma once

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "place.hpp"

namespace baton::domain::testing_support {

inline void write_line(int fd, const std::string& line) {
  const std::string text = line + "\n";
  EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

/// Empty at the other side's end.
inline std::string read_line(int fd) {
  std::string line;
  char c = '\0';
  while (::read(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

/// What a program says of itself: "<slot> <generation>".
inline NodeId node_of(const std::string& line) {
  NodeId node;
  std::istringstream(line) >> node.slot >> node.generation;
  return node;
}

class Program {
 public:
  Program(const Place& place, const std::string& helper) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      ::setenv("BATON_TEST_PLACE", place.path().c_str(), 1);
      ::setenv("BATON_TEST_FD", std::to_string(ends[1]).c_str(), 1);
      const std::string filter = "--gtest_filter=DomainProgram.DISABLED_" + helper;
      ::execl("/proc/self/exe", "unit_tests", filter.c_str(), "--gtest_also_run_disabled_tests", "--gtest_brief=1",
              nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    fd_ = ends[0];
    ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
  }
  ~Program() {
    if (pid_ > 0) end();
    ::close(fd_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  std::string line() const { return read_line(fd_); }
  void say(const std::string& line) const { write_line(fd_, line); }
  void signal(int number) const { ::kill(pid_, number); }

  /// Kills it, and waits until it is gone.
  void kill() {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// Lets it end by itself; the result is its exit status.
  int end() {
    ::shutdown(fd_, SHUT_WR);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
};

}  // namespace baton::domain::testing_support
