#include "console.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace sysmon {
namespace {

constexpr std::string_view kNoWrap = "\x1b[?7l";  // a line longer than the terminal is cut off
constexpr std::string_view kWrap = "\x1b[?7h";
constexpr std::string_view kClearToEndOfLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::size_t terminal_rows(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

}  // namespace

Console::Console(int fd, Stop& end) : fd_(fd), end_(end) {
  const std::string_view term = environment("TERM");
  live_ = ::isatty(fd) == 1 && !term.empty() && term != "dumb";
  color_ = live_ && environment("NO_COLOR").empty();
}

void Console::print(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::string text(line);
  if (live_) text += kClearToEndOfLine;
  text += '\n';
  redraw(text);
}

void Console::finish(std::string_view text) {
  const std::lock_guard lock(mutex_);
  picture_.clear();
  rows_drawn_ = 0;
  write(text);
}

void Console::show(std::vector<std::string> picture) {
  const std::lock_guard lock(mutex_);
  picture_ = std::move(picture);
  redraw({});
}

int Console::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Console::redraw(std::string_view above) {
  // One write for all of it, so that nobody sees a half-drawn picture.
  std::string text;
  if (rows_drawn_ > 0) text += "\x1b[" + std::to_string(rows_drawn_) + "A";
  if (live_) text += '\r';
  text += above;
  rows_drawn_ = live_ ? std::min(picture_.size(), terminal_rows(fd_) - 1) : 0;
  if (rows_drawn_ > 0) text += kNoWrap;
  for (std::size_t row = 0; row < rows_drawn_; ++row) {
    text += picture_[row];
    text += kClearToEndOfLine;
    text += '\n';
  }
  if (rows_drawn_ > 0) text += kWrap;
  if (live_) text += kClearBelow;
  write(text);
}

void Console::write(std::string_view text) {
  while (!text.empty() && error_ == 0) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable{fd_, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      error_ = errno;
      end_.request();
    }
  }
}

}  // namespace sysmon
