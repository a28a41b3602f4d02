// The names of a domain's files. One grammar for all of them, so that a reaper knows whose a file is:
//
//   <kind>.<owner's slot>.<owner's generation>[.<more>]
//
//   node.3.1700000000000001                         its node file             in the domain's directory
//   sock.3.1700000000000001                         its keeper's socket
//   pub-<hash of the topic>.3.1700000000000001.7    port 7 announces itself   in the topic's bucket: "00" to "ff"
//   sub-<hash of the topic>.3.1700000000000001.7
//   seg.3.1700000000000001.7.0                      its segment number 0
//   readers/seg-of.5.<…>.2.of.3.<…>.7.0             the same file, kept by port 2 of node 5, which reads it
//   inbox.5.1700000000000002.2                      where port 2 of node 5 receives
//   bell.5.1700000000000002.2                       its socket
//
//   latched-<hash of the topic>.3.<…>.7             the announcement of port 7 once more: a latched publisher, whose
//                                                   last messages are for those who come after its end
//   latched-<hash of the topic>.3.<…>.7.ring        which they are
//   latched-<hash of the topic>.3.<…>.7.0           its segment number 0
//
// Those of a latched publisher that has announced itself so are not removed with the others of its node: they stay
// until the topic's next publisher removes them, the announcement first.
//
// Numbers are decimal, hashes 16 hexadecimal digits. What does not follow the grammar is nobody's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "baton/domain/member.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

inline constexpr const char* kRegistryName = "registry";
/// In a bucket, the directory of the names that publishers make for readers: one for each segment and reader, too many
/// for those who list the bucket to find ports.
inline constexpr const char* kReadersName = "readers";

BATON_API std::string node_file_name(const NodeId& node);
BATON_API std::string node_socket_name(const NodeId& node);

/// Two hexadecimal digits.
BATON_API std::string bucket_name(std::uint32_t bucket);
BATON_API std::optional<std::uint32_t> parse_bucket_name(std::string_view name) noexcept;

/// Whose file it is, or nothing if the name is not of the grammar.
BATON_API std::optional<NodeId> owner_of(std::string_view name) noexcept;

/// What the name of a port's file says.
struct PortFileName {
  PortRole role = PortRole::publisher;
  bool latched = false;  ///< the name that stays when the port is gone
  std::uint64_t topic_hash = 0;
  PortRef owner;
};
BATON_API std::optional<PortFileName> parse_port_file_name(std::string_view name) noexcept;

/// What the names of all that latched publishers of a topic leave begin with.
BATON_API std::string latched_prefix(std::string_view topic);

/// Of a name that begins so, the announcement that all of them stand and fall with; else nothing.
BATON_API std::optional<PortFileName> latched_port_in(std::string_view name) noexcept;
BATON_API std::string latched_name(const PortFileName& port);

}  // namespace domain
}  // namespace v1
}  // namespace baton
