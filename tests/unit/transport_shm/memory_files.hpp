// What the tests of memory look at: the files of a domain, as the file system has them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../core/domain/place.hpp"
#include "baton/baton.hpp"
#include "baton/transport_shm.hpp"

namespace baton::shm::testing_support {

using baton::domain::testing_support::Place;

using Transports = std::vector<std::shared_ptr<Transport>>;
inline const Transports kShm{shm_transport()};
inline const Transports kBoth{shm_transport(), ring_transport()};

/// A node whose domain lies in the place, with more lines of configuration.
inline Result<Node> try_open(const Place& place, const std::string& name, const std::string& config = "",
                             const Transports& transports = kShm) {
  Options options;
  options.domain = "test";
  options.transports = transports;
  auto parsed = Config::parse("[shared_memory]\ndirectory = \"" + place.path() + "\"\n" + config, "f");
  if (!parsed) return fail(std::move(parsed).error());
  options.config = *std::move(parsed);
  return Node::open(name, std::move(options));
}
inline Node open(const Place& place, const std::string& name, const std::string& config = "",
                 const Transports& transports = kShm) {
  return try_open(place, name, config, transports).value();
}

/// What the files of topics take of the file system, each once, however many names it has.
inline std::uint64_t bytes_of_topics(const Place& place) {
  std::map<ino_t, std::uint64_t> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place.domain_path())) {
    struct stat status {};
    if (entry.path().parent_path() == place.domain_path()) continue;
    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files[status.st_ino] = static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  std::uint64_t bytes = 0;
  for (const auto& [inode, size] : files) bytes += size;
  return bytes;
}

}  // namespace baton::shm::testing_support
