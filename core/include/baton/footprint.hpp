#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "baton/config.hpp"
#include "baton/error.hpp"
#include "baton/export.hpp"
#include "baton/match.hpp"
#include "baton/node.hpp"
#include "baton/qos.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

/// What a topic takes of shared memory, in bytes, each file in whole pages. Each publisher and each subscriber is
/// counted as long as it is there; the nodes that they belong to take 12 KiB each beside that, and the domain 100 KiB.
///
/// Over `shm`, with *share* = depth + max_held + 1 of a subscriber:
///
///     chunks        = max_loans + history + subscribers * share   (+ 1 where messages have sizes of their own)
///     segments      = 4096 + chunks * (64 + room, rounded up to 64)
///     last_messages = 256 + 8 * history, if the publisher is latched
///     inbox         = 16384 + slots * (512 + 16 * entries)   (a slot takes whole pages)
///     entries       = share, rounded up to a power of two
///     slots         = 8, doubled as long as that leaves fewer than two free, beside the publishers
///     files         = 4096 + what the port announces, the type's description above all
///
/// *room* is the message's size; where messages have sizes of their own, that of the size class (256 bytes, 384, 512,
/// 768 ...) of `message_bytes`, or with `preallocate` the largest message's. So much it is when all subscribers were
/// there first. Where they come one after the other, a publisher's chunks grow by half of what there is, so that they
/// may be up to half as many more, and each growth takes a page.
///
/// Over `ring`, instead of these segments, and of last messages:
///
///     segments      = 8192 + 40 * index + capacity, at most max_memory
///     index         = twice the largest of the publisher's depth and history, and of depth + max_held of a subscriber,
///                     rounded up to a power of two, but not below 16384, and not more than the capacity has room for,
///                     twice, of messages of 64 bytes
///
/// That is what it comes to when all of the capacity is used; at first 256 KiB of it are, unless `[memory]` wants
/// memory to be there before it is needed. A default capacity may be less where the file system is small.
///
/// Over `inproc` messages lie in the memory of the process, of which nothing is said here.
struct Footprint {
  std::uint64_t chunks = 0;           ///< of one publisher
  std::uint64_t chunk_bytes = 0;      ///< one of them, with its head
  std::uint64_t segments = 0;         ///< one publisher's
  std::uint64_t last_messages = 0;    ///< one publisher's
  std::uint64_t publisher_file = 0;   ///< one publisher's
  std::uint64_t inbox = 0;            ///< one subscriber's
  std::uint64_t subscriber_file = 0;  ///< one subscriber's
  std::uint32_t publishers = 0;
  std::uint32_t subscribers = 0;

  constexpr std::uint64_t of_publisher() const noexcept { return segments + last_messages + publisher_file; }
  constexpr std::uint64_t of_subscriber() const noexcept { return inbox + subscriber_file; }
  constexpr std::uint64_t total() const noexcept { return publishers * of_publisher() + subscribers * of_subscriber(); }
};

/// As a person would say it: "131072 bytes of shared memory: 1 publisher of 16384 bytes (8192 in 21 chunks of ...".
BATON_API std::string to_string(const Footprint& footprint);

/// What a transport is asked: see Transport::footprint.
struct FootprintRequest {
  PortAnnouncement publisher;   ///< as each of them would announce itself
  PortAnnouncement subscriber;  ///< the same
  std::uint32_t publishers = 1;
  std::uint32_t subscribers = 1;
  std::uint64_t payload_bytes = 0;  ///< of every message, or of the smallest
  bool variable = false;            ///< messages have sizes of their own
  std::uint64_t max_bytes = 0;      ///< of such a message, if it has a limit
  std::uint64_t message_bytes = 0;  ///< of such a message; 0: none has been published
  bool preallocate = false;
};

/// What is to be known before a topic's footprint can be.
struct FootprintQuery {
  std::string topic = {};       ///< empty: the type's
  std::string node = {};        ///< the name of the nodes, which is announced; empty: "node"
  QosSettings publisher = {};   ///< as in the call that opens it
  QosSettings subscriber = {};  ///< the same
  std::uint32_t publishers = 1;
  std::uint32_t subscribers = 1;  ///< for each publisher
  /// Of the largest messages, where they have sizes of their own, with what lies before their elements; of the rest
  /// there may be some more, see above. 0: the largest that the type allows, if it says so.
  std::uint64_t message_bytes = 0;
};

/// Predicts a topic's footprint from its type, its settings by the configuration and `query`, and the numbers of its
/// ports; nothing is opened. Errors: as for opening the ports; and `Errc::invalid_argument`, where messages have sizes
/// of their own and neither the query nor the type says how large they may be. Any thread.
BATON_API Result<Footprint> footprint(const TypeInfo& type, const FootprintQuery& query = {}, const Config& config = {},
                                      const std::vector<std::shared_ptr<Transport>>& transports = builtin_transports());

/// The same for a generated type: `baton::footprint<sensors::Image>({.subscribers = 3, .message_bytes = 6'220'816})`.
template <Message T>
Result<Footprint> footprint(const FootprintQuery& query = {}, const Config& config = {},
                            const std::vector<std::shared_ptr<Transport>>& transports = builtin_transports()) {
  return footprint(TypeTraits<T>::info(), query, config, transports);
}

}  // namespace v1
}  // namespace baton
