#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "baton/error.hpp"
#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// How much is logged: everything up to and including a level.
enum class LogLevel : std::uint8_t {
  off,    ///< nothing
  fatal,  ///< the program cannot go on
  error,  ///< something that was asked for does not happen
  warn,   ///< something is probably not as intended (the default)
  info,   ///< what happens, rarely: a node joins, ports match
  debug,  ///< why it happens
  trace,  ///< every step
};

BATON_API std::string_view to_string(LogLevel level) noexcept;

/// Reads a level's name: "warn". The error lists the names.
[[nodiscard]] BATON_API Result<LogLevel> parse_log_level(std::string_view name);

/// Sets the level of this process from code. A configuration file's level wins over it, and the environment variable
/// BATON_LOG over both. Any thread, any time.
BATON_API void set_log_level(LogLevel level) noexcept;

/// The level in force.
BATON_API LogLevel log_level() noexcept;

/// Receives the log's lines instead of stderr: the level, and the text without time, level or newline.
///
/// It is called on the logger's own thread, one line after the other; in a forked child, and once `exit` has begun, on
/// the thread that logs, possibly on several at once. Lines that are logged from within a sink are dropped, and so are
/// exceptions that leave it. A sink that is slow loses lines rather than hold the program up: beyond 8192 waiting
/// lines the oldest go, and one line says how many.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Replaces the sink; an empty one restores stderr. Lines logged before go to the old sink, which is not called any
/// more once this returns (unless it does not return from a call within a second).
BATON_API void set_log_sink(LogSink sink);

/// Waits until the lines logged so far have been written, at most one second. Not needed before an exit.
BATON_API void flush_log() noexcept;

/// Logging for baton's own code and for transports: `log::warn("[{}] no room for '{}'", node, topic)`. A line about a
/// node starts with the node's name in brackets. Not for the hot path: an enabled line may allocate and takes a lock.
/// Below the level it costs one relaxed load. Nothing is thrown; a line that cannot be made is dropped.
namespace log {

namespace detail {
/// The level in force as a number, or `kUnknown` until the environment has been read.
inline constexpr std::uint8_t kUnknown = 0xFF;
BATON_API extern std::atomic<std::uint8_t> level_in_force;

BATON_API void write(LogLevel level, fmt::string_view format, fmt::format_args arguments) noexcept;
}  // namespace detail

/// Whether a line of this level would be written.
inline bool enabled(LogLevel level) noexcept {
  // Relaxed: the level orders nothing; a line more or less around a change does no harm.
  const std::uint8_t limit = detail::level_in_force.load(std::memory_order_relaxed);
  return static_cast<std::uint8_t>(level) <=
         (limit == detail::kUnknown ? static_cast<std::uint8_t>(log_level()) : limit);
}

/// The level a configuration file asks for; wins over `set_log_level`.
BATON_API void set_file_level(LogLevel level) noexcept;

template <class... Args>
void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) noexcept {
  if (enabled(level)) detail::write(level, format, fmt::make_format_args(args...));
}

/// Also waits for the line to be written (at most one second), as the program is about to end.
template <class... Args>
void fatal(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::fatal, format, std::forward<Args>(args)...);
  flush_log();
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::error, format, std::forward<Args>(args)...);
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::warn, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::info, format, std::forward<Args>(args)...);
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::debug, format, std::forward<Args>(args)...);
}

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) noexcept {
  write(LogLevel::trace, format, std::forward<Args>(args)...);
}

/// In a handler of exceptions: what the present one says of itself.
BATON_API std::string what_was_thrown() noexcept;

}  // namespace log
}  // namespace v1
}  // namespace baton
