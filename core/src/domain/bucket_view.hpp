// The ports that announce themselves in one bucket, as last listed: so that a thousand ports of a node list a directory
// once, and read each file once. Used by Peers, Ports and Member::audit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "domain/port_file.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// Any thread.
class BucketView {
 public:
  struct Port {
    std::string file;
    PortFileName name;
    Result<PortFileContent> content;
  };
  using Ports = std::vector<std::shared_ptr<const Port>>;  ///< oldest first

  /// Which files: those of the ports that are there, or the names that stay.
  struct Kind {
    PortRole role = PortRole::publisher;
    bool latched = false;
    friend constexpr auto operator<=>(const Kind&, const Kind&) = default;
  };

  /// The ports of one topic and kind. `seen` is what the last call made of it, 0 before the first. If nothing has
  /// changed since then: null. An error is one that another call may not meet, and leaves `seen` as it was: a file that
  /// is of no use is no error but the content of its port.
  Result<std::shared_ptr<const Ports>> look(Member& member, std::uint32_t bucket, Kind kind, std::uint64_t hash,
                                            std::uint64_t& seen);

  /// All ports of one kind, whatever their topic.
  Result<Ports> all(Member& member, std::uint32_t bucket, Kind kind);

 private:
  /// The ports of one topic and kind.
  struct Group {
    std::map<std::string, std::shared_ptr<const Port>> ports;  // null: not read yet
    std::shared_ptr<const Ports> in_order;                     // null: to be made anew
    std::uint64_t version = 0;                                 // changes with the ports
  };
  using Key = std::pair<Kind, std::uint64_t>;

  Result<void> catch_up(Member& member, std::uint32_t bucket);
  Result<void> list(Member& member, std::uint32_t bucket);
  static Result<void> bring_in_order(Member& member, std::uint32_t bucket, Group& group);
  static Result<std::shared_ptr<const Ports>> read(const posix::FileDescriptor& directory, Group& group);

  std::mutex mutex_;
  std::map<Key, Group> groups_;
  std::uint64_t last_version_ = 0;
  std::uint32_t epoch_ = 0;
  bool current_ = false;  // `groups_` is of `epoch_`
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
