// The files by which ports announce themselves.
#pragma once

#include <cstdint>
#include <string>

#include "baton/domain/member.hpp"
#include "domain/file_names.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

struct WrittenPortFile {
  std::shared_ptr<PortFile> page;  ///< its first one
  std::shared_ptr<const MemoryShare> share;
};

/// Makes the file, in the directory of its topic's bucket, and gives it its name.
Result<WrittenPortFile> write_port_file(Member& member, const std::string& name, PortRole role, const PortRef& port,
                                        const PortAnnouncement& announcement, std::uint64_t port_id,
                                        std::uint64_t payload_bytes);

struct PortFileContent {
  Peers::Peer peer;
  std::int64_t made_ns = 0;  ///< by the file system's clock: orders ports by age
};

/// Reads and checks a file. One that is not there (any more) is `Errc::system` with ENOENT.
Result<PortFileContent> read_port_file(const posix::FileDescriptor& directory, const std::string& name,
                                       const PortFileName& parsed);

}  // namespace domain
}  // namespace v1
}  // namespace baton
