#include "baton/log.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

namespace baton {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

// Runs `child` in a forked process that ends with exit(), and returns what it wrote to stderr.
template <class Child>
std::string stderr_of(Child child) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::close(STDOUT_FILENO);
    ::alarm(20);  // a child that hangs is killed, and fails the test
    child();
    std::exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  return text;
}

// The same in a process that is started anew, by running this program with one test of LogProgram (disabled, as they
// are only for this): there the environment has not been read yet, and the logger's thread can be started.
std::string stderr_of_program(const char* helper, const char* environment) {
  const std::string filter = fmt::format("--gtest_filter=LogProgram.DISABLED_{}", helper);
  return stderr_of([&] {
    if (*environment != '\0') {
      ::setenv("BATON_LOG", environment, 1);
    } else {
      ::unsetenv("BATON_LOG");
    }
    ::setenv("BATON_LOG_TEST_HELPER", helper, 1);
    ::execl("/proc/self/exe", "unit_tests", filter.c_str(), "--gtest_also_run_disabled_tests", nullptr);
  });
}

bool is_helper(const char* name) {
  const char* wanted = std::getenv("BATON_LOG_TEST_HELPER");
  return wanted != nullptr && std::string_view(wanted) == name;
}

class Log : public testing::Test {
 protected:
  Log() {
    set_log_sink([this](LogLevel level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(fmt::format("{}: {}", to_string(level), text));
    });
  }
  ~Log() override {
    set_log_sink({});
    set_log_level(LogLevel::warn);
  }
  std::vector<std::string> lines() {
    flush_log();
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(Log, writes_up_to_its_level_which_is_warn_unless_set) {
  EXPECT_EQ(log_level(), LogLevel::warn);
  log::fatal("{}", 1);
  log::error("{}", 2);
  log::warn("{} {}", 3, "x");
  log::info("{}", 4);
  EXPECT_THAT(lines(), ElementsAre("fatal: 1", "error: 2", "warn: 3 x"));
  set_log_level(LogLevel::trace);
  log::debug("{}", 5);
  log::trace("{}", 6);
  EXPECT_THAT(lines(), ElementsAre("fatal: 1", "error: 2", "warn: 3 x", "debug: 5", "trace: 6"));
  set_log_level(LogLevel::off);
  log::fatal("{}", 7);
  EXPECT_EQ(lines().size(), 5U);
}

TEST_F(Log, formats_nothing_below_its_level) {
  struct Costly {};
  EXPECT_FALSE(log::enabled(LogLevel::info));
  EXPECT_TRUE(log::enabled(LogLevel::warn));
}

TEST_F(Log, keeps_the_order_of_one_thread_and_every_line_of_all) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) log::warn("{} {}", t, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto all = lines();
  ASSERT_EQ(all.size(), 2000U);
  int next[4] = {};
  for (const std::string& line : all) {
    const int t = line[6] - '0';
    EXPECT_EQ(line, fmt::format("warn: {} {}", t, next[t]++));
  }
}

TEST_F(Log, survives_a_sink_that_throws_and_one_that_logs) {
  set_log_sink([](LogLevel, std::string_view) -> void { throw std::runtime_error("full"); });
  log::warn("lost");
  int calls = 0;
  set_log_sink([&calls](LogLevel, std::string_view) {
    ++calls;
    log::warn("from within");
    flush_log();
  });
  log::warn("once");
  set_log_sink({});
  EXPECT_EQ(calls, 1);
}

TEST_F(Log, counts_the_lines_it_loses_when_its_sink_hangs_and_holds_nobody_up) {
  std::mutex gate;
  gate.lock();
  set_log_sink([&](LogLevel, std::string_view text) {
    gate.lock();
    gate.unlock();
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(text);
  });
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 10'000; ++i) log::warn("{}", i);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  const auto flush_start = std::chrono::steady_clock::now();
  flush_log();
  EXPECT_LT(std::chrono::steady_clock::now() - flush_start, 3s);
  gate.unlock();
  flush_log();
  const auto all = lines();
  EXPECT_EQ(all.back(), "9999");
  EXPECT_THAT(all, testing::Contains(ContainsRegex("^[0-9]+ log lines were lost: they came faster")));
  EXPECT_LT(all.size(), 8'250U);
}

TEST_F(Log, refuses_an_unknown_level_name_with_the_known_ones) {
  EXPECT_EQ(parse_log_level("debug").value(), LogLevel::debug);
  EXPECT_EQ(parse_log_level("wran").error().message(),
            "log level: 'wran' is not one; did you mean 'warn'? the levels are off, fatal, error, warn, info, debug, "
            "trace");
  EXPECT_FALSE(parse_log_level(""));
}

TEST_F(Log, in_a_forked_child_writes_at_once_and_does_not_hang) {
  log::warn("starts the logger's thread");
  flush_log();
  std::atomic<bool> stop{false};
  std::thread busy([&] {  // so that some forks happen in the middle of a line
    while (!stop) log::warn("noise");
  });
  for (int i = 0; i < 20; ++i) {
    const std::string text = stderr_of([] {
      set_log_sink({});
      log::error("in the child");
      flush_log();
      ::_exit(0);
    });
    EXPECT_THAT(text, HasSubstr("baton error in the child\n"));
  }
  stop = true;
  busy.join();
}

TEST_F(Log, in_a_forked_child_that_exits_ends_cleanly) {
  log::warn("starts the logger's thread");
  flush_log();
  EXPECT_THAT(stderr_of([] {
                set_log_sink({});
                log::warn("last words");
              }),
              HasSubstr("baton warn  last words\n"));
}

TEST_F(Log, in_a_new_program_loses_no_line_before_exit_nor_of_static_destructors) {
  EXPECT_THAT(stderr_of_program("logs_and_exits", ""),
              ContainsRegex("^[0-9-]{10} [0-9:]{8}\\.[0-9]{3}Z baton warn  just before exit\n"
                            "[^\n]* baton warn  from a static destructor\n$"));
}

TEST_F(Log, in_a_new_program_obeys_the_environment_over_file_and_code) {
  EXPECT_EQ(stderr_of_program("sets_levels", "").find("debug"), std::string::npos);
  EXPECT_THAT(stderr_of_program("sets_levels", ""), HasSubstr("baton info  by the file\n"));
  EXPECT_EQ(stderr_of_program("sets_levels", "off"), "");
  EXPECT_THAT(stderr_of_program("sets_levels", "trace"), HasSubstr("baton debug by the environment\n"));
}

TEST_F(Log, in_a_new_program_warns_of_an_unknown_level_in_the_environment_and_goes_on) {
  const std::string text = stderr_of_program("sets_levels", "loud");
  EXPECT_THAT(text, HasSubstr("baton warn  BATON_LOG is ignored: log level: 'loud' is not one; the levels are off, "
                              "fatal, error, warn, info, debug, trace\n"));
  EXPECT_THAT(text, HasSubstr("baton info  by the file\n"));
}

TEST_F(Log, in_a_new_program_outlives_a_closed_stderr) { stderr_of_program("closes_stderr", ""); }

struct LogsWhenDestroyed {
  ~LogsWhenDestroyed() {
    if (is_helper("logs_and_exits")) log::warn("from a static destructor");
  }
} logs_when_destroyed;

TEST(LogProgram, DISABLED_logs_and_exits) {
  log::warn("just before exit");
  std::exit(0);
}

TEST(LogProgram, DISABLED_sets_levels) {
  log::set_file_level(LogLevel::info);
  set_log_level(LogLevel::error);
  log::info("by the file");
  log::debug("by the environment");
}

TEST(LogProgram, DISABLED_closes_stderr) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  ::dup2(ends[1], STDERR_FILENO);  // writing raises SIGPIPE
  log::warn("to nobody");
  flush_log();
}

}  // namespace
}  // namespace baton
