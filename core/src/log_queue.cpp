// The only source that sees spdlog. Two of its loggers feed one queue: `lines`, and `marks`, whose messages are numbers
// that say how far the queue was worked off (spdlog's own flush cannot be waited for). spdlog's registry is not used:
// the program may have loggers of its own in it.
#include "log_queue.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

#include "baton/posix/blocked_signals.hpp"

namespace baton {
inline namespace v1 {
namespace {

constexpr std::size_t kQueueLines = 8'192;
constexpr auto kOverflow = spdlog::async_overflow_policy::overrun_oldest;

class FunctionSink final : public spdlog::sinks::sink {
 public:
  using Function = std::function<void(const spdlog::details::log_msg&)>;

  explicit FunctionSink(Function function) : function_(std::move(function)) {}

  void log(const spdlog::details::log_msg& message) override { function_(message); }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  Function function_;
};

// spdlog's levels run the other way; only the order of the two lists matters here.
spdlog::level::level_enum to_spdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(LogLevel::trace) - static_cast<int>(level));
}
LogLevel from_spdlog(spdlog::level::level_enum level) {
  return static_cast<LogLevel>(static_cast<int>(LogLevel::trace) - static_cast<int>(level));
}
static_assert(static_cast<int>(LogLevel::trace) == static_cast<int>(spdlog::level::off));

// No signal handler of the program runs on the logger's thread, and a SIGPIPE of a closed stderr ends nothing.
std::shared_ptr<spdlog::details::thread_pool> start_thread() {
  const posix::BlockedSignals blocked;
  return std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1U);
}

}  // namespace

struct LogQueue::Impl {
  Emit emit;
  std::mutex mutex;  // guards the two numbers below
  std::condition_variable advanced;
  std::uint64_t last_mark = 0;
  std::uint64_t reached_mark = 0;
  std::size_t lost_reported = 0;  // the logger's thread only
  spdlog::details::thread_pool* pool_view = nullptr;
  std::shared_ptr<spdlog::async_logger> lines;
  std::shared_ptr<spdlog::async_logger> marks;
  std::shared_ptr<spdlog::details::thread_pool> pool;  // destroyed first: its thread uses everything above

  void write(const spdlog::details::log_msg& message) {
    const std::size_t lost = pool_view->overrun_counter();
    if (lost > lost_reported) {
      emit(LogLevel::warn, message.time,
           fmt::format("{} log lines were lost: they came faster than they could be written", lost - lost_reported));
      lost_reported = lost;
    }
    emit(from_spdlog(message.level), message.time, std::string_view(message.payload.data(), message.payload.size()));
  }

  void reach(const spdlog::details::log_msg& message) {
    std::uint64_t number = 0;
    std::from_chars(message.payload.begin(), message.payload.end(), number);
    const std::lock_guard lock(mutex);
    reached_mark = std::max(reached_mark, number);
    advanced.notify_all();
  }

  std::shared_ptr<spdlog::async_logger> logger(const char* name, FunctionSink::Function function) const {
    auto made = std::make_shared<spdlog::async_logger>(name, std::make_shared<FunctionSink>(std::move(function)), pool,
                                                       kOverflow);
    made->set_level(spdlog::level::trace);
    made->set_error_handler([](const std::string&) {});  // the default one prints, and knows spdlog's registry
    return made;
  }
};

LogQueue::LogQueue(Emit emit) : impl_(std::make_unique<Impl>()) {
  impl_->emit = std::move(emit);
  impl_->pool = start_thread();
  impl_->pool_view = impl_->pool.get();
  impl_->lines = impl_->logger("baton", [impl = impl_.get()](const auto& message) { impl->write(message); });
  impl_->marks = impl_->logger("marks", [impl = impl_.get()](const auto& message) { impl->reach(message); });
}

LogQueue::~LogQueue() = default;

void LogQueue::post(LogLevel level, std::string_view text) { impl_->lines->log(to_spdlog(level), text); }

std::uint64_t LogQueue::mark() {
  const std::lock_guard lock(impl_->mutex);
  const std::uint64_t number = ++impl_->last_mark;
  impl_->marks->log(spdlog::level::critical, std::string_view(std::to_string(number)));
  return number;
}

bool LogQueue::wait(std::uint64_t mark, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(impl_->mutex);
  while (impl_->reached_mark < mark) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    // A mark can be lost as any line can; it is then posted again, at the end, which is later than asked for and safe.
    const auto step = std::min(deadline, now + std::chrono::milliseconds(100));
    if (impl_->advanced.wait_until(lock, step) == std::cv_status::timeout) {
      impl_->marks->log(spdlog::level::critical, std::string_view(std::to_string(mark)));
    }
  }
  return true;
}

}  // namespace v1
}  // namespace baton
