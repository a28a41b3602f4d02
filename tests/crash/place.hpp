#pragma once

// A domain of a test's own, as seen from outside: its nodes' options, and its files. And the messages that go about in
// it.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "baton/baton.hpp"
#include "baton/transport_shm.hpp"
#include "test/conformance.hpp"

namespace crash {

using conformance::Message;
using Publisher = baton::Publisher<Message>;
using Subscriber = baton::Subscriber<Message>;
using Sample = baton::Sample<Message>;

inline constexpr auto kUp = "up";      // what victims publish
inline constexpr auto kDown = "down";  // what victims take

/// Whether the tests, and the processes that they start, use the large-data ring: BATON_CRASH_TRANSPORT=ring.
bool over_ring();

/// Opens a node that only has shared memory. Throws what goes wrong.
baton::Node open_node(const std::string& domain, const std::string& name, bool keeper = true,
                      const std::string& config = "");

/// The directory of a domain under /dev/shm, or another parent.
std::string domain_path(const std::string& domain, const std::string& parent = "/dev/shm");

/// A name that no other test of this machine has now.
std::string unique_domain();

/// The files of a domain, by their paths in it, and what of them a victim's end must bring back to what it was: of an
/// inbox the number of slots that are taken (it grows when its reader is slow to free some), of others the size.
std::map<std::string, std::uint64_t> files_of(const std::string& domain);

/// The paths of a domain's files whose name begins so.
std::vector<std::string> find_files(const std::string& domain, const std::string& prefix);

/// Whether nothing of the domain is left.
bool is_gone(const std::string& domain);

/// Messages that prove their own order and integrity.
std::uint64_t checksum_of(const Message& message) noexcept;
void fill(Message& message, std::uint32_t writer, std::uint64_t number) noexcept;
bool publish(Publisher& publisher, std::uint32_t writer, std::uint64_t number) noexcept;

/// What one reader has got: whether it is intact and in order, by writer.
class Order {
 public:
  /// Why a message should not have come; empty if all is well.
  std::string note(const Message& message);

  std::uint64_t count(std::uint32_t writer) const;
  std::uint64_t next(std::uint32_t writer) const;     ///< 0 for an unknown one
  std::uint64_t missing(std::uint32_t writer) const;  ///< between the first and the last that came

 private:
  struct Writer {
    std::uint64_t next = 0;
    std::uint64_t count = 0;
    std::uint64_t missing = 0;
  };
  std::map<std::uint32_t, Writer> writers_;
};

/// offered = taken + queued + dropped + undelivered.
bool is_balanced(const baton::ConnectionCounters& figures) noexcept;

}  // namespace crash
