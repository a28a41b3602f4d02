// The level, the sink, and what happens to a line. Normally it goes to the logger's thread; in a forked child, which
// has no such thread, and once exit has begun, it is written where it is logged.
//
// What is here is never destroyed, so that static destructors may log.
#include "baton/log.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "baton/names.hpp"
#include "log_queue.hpp"
#include "quoted.hpp"

namespace baton {
inline namespace v1 {
namespace {

using Clock = LogQueue::Clock;

constexpr std::array<std::string_view, 7> kNames{"off", "fatal", "error", "warn", "info", "debug", "trace"};
constexpr auto kLongestFlush = std::chrono::seconds(1);

struct State {
  std::mutex mutex;  // guards all below; never held while a sink runs or while anything is waited for
  bool environment_read = false;
  std::optional<LogLevel> environment;
  std::optional<LogLevel> file;
  std::optional<LogLevel> code;
  std::shared_ptr<const LogSink> sink;  // null: stderr
  std::shared_ptr<LogQueue> queue;      // started by the first line
  std::shared_ptr<LogQueue> abandoned;  // a queue whose thread is gone or hangs: destroying it would wait for ever
  bool hooks_installed = false;
  bool synchronous = false;
};

State& state() {
  static State* const the_state = new State;
  return *the_state;
}

thread_local bool in_sink = false;

// "2026-01-31 12:00:00.000 baton warn  text", in UTC: local time would need a lock of the C library, which a fork may
// leave taken.
std::string stderr_line(LogLevel level, Clock::time_point time, std::string_view text) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(ms - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}Z baton {:<5} {}\n", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count(), to_string(level),
                     text);
}

// One write for a line where the kernel lets us, so that lines of several processes do not mix.
void write_stderr(std::string_view line) noexcept {
  while (!line.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nobody to tell
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

void emit(LogLevel level, Clock::time_point time, std::string_view text) noexcept try {
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(state().mutex);
    sink = state().sink;
  }
  if (!sink) return write_stderr(stderr_line(level, time, text));
  struct InSink {
    InSink() { in_sink = true; }
    ~InSink() { in_sink = false; }
  } guard;
  (*sink)(level, text);
} catch (...) {  // a sink's exception, or no memory: the line is dropped, as documented
}

void apply_level(State& s) noexcept {
  const LogLevel level = s.environment.value_or(s.file.value_or(s.code.value_or(LogLevel::warn)));
  log::detail::level_in_force.store(static_cast<std::uint8_t>(level), std::memory_order_relaxed);
}

// Returns the line to log if BATON_LOG is not a level. The caller holds the mutex, and logs it without.
std::string read_environment(State& s) {
  if (s.environment_read) return {};
  s.environment_read = true;
  const char* name = std::getenv("BATON_LOG");
  if (name == nullptr || *name == '\0') return {};
  auto level = parse_log_level(name);
  if (level) s.environment = *level;
  return level ? std::string() : fmt::format("BATON_LOG is ignored: {}", level.error());
}

template <class Change>
void change_level(Change change) noexcept {
  std::string complaint;
  try {
    const std::lock_guard lock(state().mutex);
    complaint = read_environment(state());
    change(state());
    apply_level(state());
  } catch (...) {  // no memory for the complaint
  }
  if (!complaint.empty()) log::warn("{}", complaint);
}

// What is queued when exit begins is written; then the thread ends, or is left alone if it hangs in a sink.
void at_exit() noexcept {
  std::shared_ptr<LogQueue> queue;
  {
    const std::lock_guard lock(state().mutex);
    state().synchronous = true;
    queue.swap(state().queue);
  }
  if (!queue) return;
  const bool written = queue->wait(queue->mark(), std::chrono::steady_clock::now() + kLongestFlush);
  if (!written) {
    const std::lock_guard lock(state().mutex);
    state().abandoned = std::move(queue);
  }
}

void before_fork() noexcept { state().mutex.lock(); }
void in_parent() noexcept { state().mutex.unlock(); }
void in_child() noexcept {
  // The queue's thread is gone, and its locks are as they were: it is forgotten, not destroyed. The parent writes what
  // was queued.
  state().synchronous = true;
  if (state().queue) state().abandoned = std::move(state().queue);
  state().mutex.unlock();
}

// The queue, started if it is not yet; null if lines are to be written where they are logged. The caller holds the
// mutex.
LogQueue* queue(State& s) noexcept try {
  if (s.synchronous || s.queue) return s.queue.get();
  if (!s.hooks_installed) {
    s.hooks_installed = true;
    std::atexit(at_exit);
    pthread_atfork(before_fork, in_parent, in_child);
  }
  s.queue = std::make_shared<LogQueue>(emit);
  return s.queue.get();
} catch (...) {  // no thread to be had
  s.synchronous = true;
  return nullptr;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  const auto index = static_cast<std::size_t>(level);
  return index < kNames.size() ? kNames[index] : std::string_view("unknown");
}

Result<LogLevel> parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  }
  const std::string_view near = nearest(name, kNames);
  return fail(Errc::invalid_argument, "log level", fmt::format("{} is not one", quoted(name)),
              (near.empty() ? "" : fmt::format("did you mean '{}'? ", near)) +
                  fmt::format("the levels are {}", fmt::join(kNames, ", ")));
}

void set_log_level(LogLevel level) noexcept {
  change_level([level](State& s) { s.code = level; });
}

LogLevel log_level() noexcept {
  const std::uint8_t level = log::detail::level_in_force.load(std::memory_order_relaxed);
  if (level != log::detail::kUnknown) return static_cast<LogLevel>(level);
  change_level([](State&) {});
  return static_cast<LogLevel>(log::detail::level_in_force.load(std::memory_order_relaxed));
}

void set_log_sink(LogSink sink) {
  auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  std::shared_ptr<const LogSink> old;  // destroyed without the lock: it is the user's code
  flush_log();
  {
    const std::lock_guard lock(state().mutex);
    old = std::exchange(state().sink, std::move(next));
  }
  flush_log();  // a call of the old sink that began in between has now returned
}

void flush_log() noexcept try {
  if (in_sink) return;
  std::shared_ptr<LogQueue> queue;
  {
    const std::lock_guard lock(state().mutex);
    queue = state().queue;
  }
  if (queue) queue->wait(queue->mark(), std::chrono::steady_clock::now() + kLongestFlush);
} catch (...) {  // no memory: nothing to be done about it
}

namespace log {

void set_file_level(LogLevel level) noexcept {
  change_level([level](State& s) { s.file = level; });
}

std::string what_was_thrown() noexcept try {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
} catch (...) {  // no memory for that
  return "an exception";
}

namespace detail {

constinit std::atomic<std::uint8_t> level_in_force{kUnknown};

void write(LogLevel level, fmt::string_view format, fmt::format_args arguments) noexcept try {
  if (level == LogLevel::off || in_sink) return;
  const std::string text = fmt::vformat(format, arguments);
  {
    // Posting under the lock (it waits for nothing) keeps a line from reaching a queue that exit has already drained.
    const std::lock_guard lock(state().mutex);
    if (LogQueue* const the_queue = queue(state())) return the_queue->post(level, text);
  }
  emit(level, Clock::now(), text);
} catch (...) {  // an argument's formatter threw, or no memory
}

}  // namespace detail
}  // namespace log
}  // namespace v1
}  // namespace baton
