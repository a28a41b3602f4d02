#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "run.hpp"

namespace sysmon {

/// Where the parts of the monitor print: lines, and on a terminal below them one picture that is redrawn in place.
/// Any thread may use it.
///
/// Every write leaves the terminal as it found it, in its normal screen and modes, with the cursor below the picture:
/// there is nothing to restore, however the process ends.
class Console {
 public:
  /// Prints to the descriptor. The first write that fails requests `end`; `error()` says why.
  Console(int fd, Stop& end);

  /// Whether pictures can be redrawn here: on a terminal that is not "dumb".
  bool live() const noexcept { return live_; }

  /// Whether colours are welcome: as `live`, without $NO_COLOR.
  bool color() const noexcept { return color_; }

  /// Prints a line above the picture.
  void print(std::string_view line);

  /// Prints text that ends in a newline below the picture, which stays where it is for good.
  void finish(std::string_view text);

  /// Draws these lines in the place of the last picture. Only where it is live.
  void show(std::vector<std::string> picture);

  /// The errno of the first write that failed, or 0.
  int error() const;

 private:
  void redraw(std::string_view above);
  void write(std::string_view text);

  const int fd_;
  Stop& end_;
  bool live_ = false;
  bool color_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> picture_;
  std::size_t rows_drawn_ = 0;
  int error_ = 0;
};

}  // namespace sysmon
