#pragma once

// Whether a process that stands still has changed memory that it shares with others: how a sweep finds its points.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace crash::sweep {

/// The shared writable memory of another process, of mappings whose path contains a text.
class SharedMemoryWatch {
 public:
  SharedMemoryWatch(pid_t pid, std::string path_part) : pid_(pid), part_(std::move(path_part)) {}

  void look_for_mappings();
  /// Whether anything is other than at the last call.
  bool changed();

 private:
  struct Area {
    std::uint64_t address;
    std::vector<std::byte> before;
    std::vector<std::byte> now;
  };
  const pid_t pid_;
  const std::string part_;
  std::vector<Area> areas_;
};

}  // namespace crash::sweep
