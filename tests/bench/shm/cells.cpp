// The list of cells.

#include <fmt/format.h>

#include "cell.hpp"

namespace bench {

std::vector<Cell> all_cells() {
  constexpr std::size_t kKiB = 1024;
  constexpr std::size_t kMiB = 1024 * kKiB;
  struct Size {
    const char* name;
    std::size_t bytes;
  };
  constexpr Size kSizes[] = {{"64", 64},         {"256", 256}, {"4K", 4 * kKiB},
                             {"64K", 64 * kKiB}, {"1M", kMiB}, {"8M", 8 * kMiB}};
  std::vector<Cell> cells;
  for (const bool blocking : {false, true}) {
    for (const Size& size : kSizes) {
      cells.push_back({.name = fmt::format("{}.{}", blocking ? "blocking" : "busy", size.name),
                       .bytes = size.bytes,
                       .blocking = blocking});
    }
  }
  cells.push_back({.name = "busy_touch.4K", .bytes = 4 * kKiB, .touch = true});
  cells.push_back({.name = "busy_touch.1M", .bytes = kMiB, .touch = true});
  cells.push_back({.name = "stream.64", .kind = Kind::stream, .bytes = 64, .depth = 256});
  cells.push_back({.name = "stream_touch.1M", .kind = Kind::stream, .bytes = kMiB, .touch = true, .depth = 32});
  cells.push_back(
      {.name = "fan_4.256", .kind = Kind::stream, .bytes = 256, .blocking = true, .depth = 256, .readers = 4});
  cells.push_back({.name = "paced.256", .kind = Kind::paced, .bytes = 256, .blocking = true});
  return cells;
}

}  // namespace bench
