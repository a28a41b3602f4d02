#include "posix/memory_cgroup.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

#include "posix/mounts.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

/// What the files of one version of the interface are called.
struct Version {
  std::string_view type;  // of the file system
  std::string_view limit;
  std::string_view used;
  std::string_view cached;  // in memory.stat
  std::string_view shared;  // of that, what has no disk
};
constexpr Version kFirst{"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache", "total_shmem"};
constexpr Version kSecond{"cgroup2", "memory.max", "memory.current", "file", "shmem"};

/// What the kernel needs beside the pages that are asked for, and what it counts late.
constexpr std::uint64_t kMargin = std::uint64_t{16} << 20U;

/// Nothing if the file cannot be read, or says "max".
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::uint64_t number_after(const std::string& path, std::string_view wanted) {
  std::ifstream file(path);
  std::string key;
  for (std::uint64_t number = 0; file >> key >> number;) {
    if (key == wanted) return number;
  }
  return 0;
}

/// The directory in which the process's cgroup lies, and up to which there may be limits.
struct Place {
  Version version;
  std::string mount;
  std::string path;  // below that: empty, or begins with a slash
};

/// Of a line of mountinfo, where memory is accounted for below the cgroup path of either version.
std::optional<Place> place_of(const std::string& line, const std::optional<std::string>& first,
                              const std::optional<std::string>& second) {
  Mount mount(line);
  const bool is_first = mount.type == kFirst.type && mount.has_option("memory");
  if (!is_first && mount.type != kSecond.type) return std::nullopt;
  const std::optional<std::string>& below = is_first ? first : second;
  if (!below) return std::nullopt;
  std::string path = *below;
  if (mount.root != "/" && path.starts_with(mount.root)) path.erase(0, mount.root.size());  // a container's
  if (path == "/") path.clear();
  return Place{is_first ? kFirst : kSecond, std::move(mount.point), std::move(path)};
}

std::optional<MemoryCgroup> look_at(const std::string& directory, const Version& version, std::uint64_t swap) {
  const auto file = [&](std::string_view name) { return directory + "/" + std::string(name); };
  const auto limit = number_in(file(version.limit));
  const auto used = number_in(file(version.used));
  if (!limit || !used) return std::nullopt;
  const std::uint64_t cached = number_after(file("memory.stat"), version.cached);
  const std::uint64_t shared = number_after(file("memory.stat"), version.shared);
  const std::uint64_t free = *limit - std::min(*used, *limit) + (cached - std::min(shared, cached)) + swap;
  return MemoryCgroup{directory, *limit, free - std::min({free, *limit / 16, kMargin})};
}

}  // namespace

std::optional<MemoryCgroup> tightest_memory_cgroup(const std::string& proc) {
  std::optional<std::string> first;
  std::optional<std::string> second;
  std::ifstream cgroups(proc + "/cgroup");
  for (std::string line; std::getline(cgroups, line);) {  // number:controllers:path
    const std::size_t colon = line.find(':');
    const std::size_t end = line.find(':', colon + 1);
    if (end == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(colon + 1, end - colon - 1);
    if (line.starts_with("0::")) second = line.substr(end + 1);
    if (has_word(controllers, "memory")) first = line.substr(end + 1);
  }
  struct sysinfo info {};
  const std::uint64_t swap = ::sysinfo(&info) == 0 ? std::uint64_t{info.freeswap} * info.mem_unit : 0;
  std::optional<MemoryCgroup> tightest;
  std::ifstream mounts(proc + "/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    auto place = place_of(line, first, second);
    if (!place) continue;
    while (true) {
      auto group = look_at(place->mount + place->path, place->version, swap);
      if (group && (!tightest || group->left < tightest->left)) tightest = std::move(group);
      if (place->path.empty()) break;
      place->path.resize(place->path.rfind('/'));
    }
  }
  return tightest;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
