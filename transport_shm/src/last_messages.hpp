#pragma once

// The last messages of a latched publisher: the ring in which it notes them, and what is found there when it is gone.
// See the README, "What a latched publisher leaves".

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "baton/domain/member.hpp"
#include "layout.hpp"
#include "reference.hpp"

namespace baton::shm {

/// The ring as its publisher has it: the file is there until `remove_name`. Guarded by the publisher's guard.
class LastMessages {
 public:
  /// For the last `entries` messages.
  static Result<LastMessages> create(domain::Member& member, std::uint32_t bucket, std::string_view topic,
                                     const domain::PortRef& publisher, std::uint32_t entries);

  /// The next message lies in this chunk, complete. In place of the oldest, whose chunk is to be released after that.
  void note(Reference reference) noexcept {
    entries_[next_].store(kRingEntry | reference.bits, std::memory_order_release);  // L2: the message came before
    if (++next_ == count_) next_ = 0;
  }

  void remove_name(domain::Member& member) const noexcept { member.unlink(bucket_, name_); }

 private:
  LastMessages() = default;

  std::shared_ptr<const posix::Mapping> mapping_;
  std::shared_ptr<const domain::MemoryShare> share_;
  std::atomic<std::uint64_t>* entries_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t next_ = 0;  // messages are numbered from 0, and all are noted
  std::uint32_t bucket_ = 0;
  std::string name_;
};

/// What a publisher that is gone has left, oldest first. `payload_bytes` as in SegmentView::open. Errors:
/// `Errc::system` with ENOENT, if somebody has removed it meanwhile; `corrupt` or `incompatible`, if it is not what it
/// should be.
Result<std::vector<Reference>> read_last_messages(domain::Member& member, std::uint32_t bucket,
                                                  const domain::Peers::Peer& publisher, std::uint64_t payload_bytes);

}  // namespace baton::shm
