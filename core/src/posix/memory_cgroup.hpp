// What the memory cgroups of this process leave it. A cgroup that is at its limit refuses nothing: the kernel kills one
// of its processes. So who is about to take much asks before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

struct MemoryCgroup {
  std::string path;         ///< of its directory
  std::uint64_t limit = 0;  ///< bytes
  /// Bytes, with what the kernel can take back: pages of files that are on a disk, and swap. Less a sixteenth of the
  /// limit, but 16 MiB at most, for what it needs beside them.
  std::uint64_t left = 0;
};

/// Of the cgroups with a limit that this process is in the one that leaves the least; nothing if there is none, or none
/// that can be read. Of either version of the kernel's interface. `proc`: the process's directory in /proc. Any thread.
/// Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of Linux.
BATON_API std::optional<MemoryCgroup> tightest_memory_cgroup(const std::string& proc = "/proc/self");

}  // namespace posix
}  // namespace v1
}  // namespace baton
