// The logger's thread and its queue: spdlog's asynchronous logger, with a flush that can be waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "baton/log.hpp"

namespace baton {
inline namespace v1 {

/// Hands lines to one background thread. `post` never waits for that thread: when 8192 lines wait, the oldest is lost.
/// Any thread may call; destruction waits for the thread, which first writes what is queued.
class LogQueue {
 public:
  using Clock = std::chrono::system_clock;
  using Emit = std::function<void(LogLevel, Clock::time_point, std::string_view)>;

  /// `emit` is called on the background thread, which has all signals blocked. Throws if there can be no thread.
  explicit LogQueue(Emit emit);
  ~LogQueue();
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  void post(LogLevel level, std::string_view text);

  /// Queues a mark behind the lines posted so far; `wait` waits for it.
  std::uint64_t mark();

  /// Whether everything before the mark was written (or lost) before the deadline.
  bool wait(std::uint64_t mark, std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace baton
