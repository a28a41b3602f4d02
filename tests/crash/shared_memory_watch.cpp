#include "shared_memory_watch.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace crash::sweep {

void SharedMemoryWatch::look_for_mappings() {
  std::vector<Area> areas;
  std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::array<char, 5> access{};
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, access.data()) != 3) continue;
    if (access[1] != 'w' || access[3] != 's' || line.find(part_) == std::string::npos) continue;
    Area area{begin, {}, {}};
    const auto known = std::find_if(areas_.begin(), areas_.end(), [&](const Area& other) {
      return other.address == begin && other.before.size() == end - begin;
    });
    // A new mapping counts as zeros: who finds it with something else in it has changed it by the next look.
    area.before = known == areas_.end() ? std::vector<std::byte>(end - begin) : std::move(known->before);
    area.now.resize(end - begin);
    areas.push_back(std::move(area));
  }
  areas_ = std::move(areas);
}

bool SharedMemoryWatch::changed() {
  bool any = false;
  for (Area& area : areas_) {
    const iovec here{area.now.data(), area.now.size()};
    const iovec there{reinterpret_cast<void*>(area.address), area.now.size()};
    if (::process_vm_readv(pid_, &here, 1, &there, 1, 0) != static_cast<ssize_t>(area.now.size())) continue;
    if (std::memcmp(area.now.data(), area.before.data(), area.now.size()) == 0) continue;
    area.before.swap(area.now);
    any = true;
  }
  return any;
}

}  // namespace crash::sweep
