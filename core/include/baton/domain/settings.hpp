#pragma once

#include <chrono>
#include <string>

#include "baton/memory.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// What the nodes of a domain have to agree on, or should: from a configuration file's [shared_memory], [liveness] and
/// [memory].
struct Settings {
  std::string directory = "/dev/shm";  ///< where domains lie: "<directory>/baton-<uid>/<domain>"; on tmpfs
  std::chrono::nanoseconds heartbeat = std::chrono::seconds(1);   ///< how often a node shows that it runs
  std::chrono::nanoseconds hung_after = std::chrono::seconds(5);  ///< silent for so long, a node is called hung
  MemorySettings memory = {};
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
