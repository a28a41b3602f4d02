#pragma once

/// The shared files by which the nodes of a domain find each other, byte by byte: the registry, a node's file, and the
/// head that every shared file begins with. Written in prose in docs/memory-layout.md, from the same numbers.
///
/// Every word names its writer. Words that several processes may write while others read are atomic and lock-free.
/// Integers are little-endian, as the only machines that baton runs on have them.

#include <semaphore.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace baton {
inline namespace v1 {
namespace domain {

/// The version of all shared files together. Processes of different versions do not share a domain.
inline constexpr std::uint32_t kFormatVersion = 1;

inline constexpr std::uint32_t kMaxNodes = 1'024;
inline constexpr std::uint32_t kBuckets = 256;  // of topics, by the hash of their names
inline constexpr std::size_t kPageBytes = 4'096;
inline constexpr std::uint32_t kNodeBells = 63;

/// What a file is.
enum class FileKind : std::uint32_t { registry = 1, node, publisher, subscriber, segment, inbox, ring, records };

/// The first 128 bytes of every shared file. Written by the file's maker, before the file has a name; checked by
/// everyone before anything else of the file is believed.
struct FileHead {
  std::array<char, 8> magic;            ///< "baton\0\r\n"
  std::uint32_t version;                ///< kFormatVersion
  FileKind kind;                        ///< what the file is, and so what follows this head
  std::uint64_t layout;                 ///< a fingerprint of the layout's constants: see layout_fingerprint()
  std::uint64_t file_bytes;             ///< the file's size when it was made
  std::array<std::uint8_t, 16> boot;    ///< the machine's boot id: /proc/sys/kernel/random/boot_id
  std::uint64_t node_generation;        ///< of the owner; 0 for the registry
  std::uint32_t node_slot;              ///< of the owner
  std::uint32_t port;                   ///< of the owner's ports; 0 if the file belongs to the node as a whole
  std::uint32_t number;                 ///< of a segment; else 0
  std::uint32_t owner_pid;              ///< a label for people, nothing is decided by it
  std::array<std::uint8_t, 56> unused;  ///< zero
};
static_assert(sizeof(FileHead) == 128);
static_assert(offsetof(FileHead, boot) == 32);
static_assert(offsetof(FileHead, node_generation) == 48);
static_assert(offsetof(FileHead, number) == 64);

/// A slot's life: free -> joining -> ready -> leaving -> free. Only who holds the slot's lock changes it. Leaving
/// begins before the node's files are listed for removal, so who gives the node a file, looks afterwards, and still
/// finds it ready knows that the file will be removed with the others.
enum class NodeState : std::uint32_t { free = 0, joining, ready, leaving };

/// One node in the registry. W: who holds the lock of the slot's byte: the node while it lives, then its reaper.
struct alignas(64) NodeSlot {
  std::atomic<NodeState> state;
  std::atomic<std::uint32_t> pid;              ///< a label, and what a pidfd is opened for
  std::atomic<std::uint64_t> generation;       ///< counts up with every node that has the slot
  std::atomic<std::uint64_t> pid_start_ticks;  ///< field 22 of /proc/PID/stat: tells a pid from its reuse
  std::atomic<std::uint64_t> pid_namespace;    ///< inode of /proc/self/ns/pid: pids mean something only within one
  /// The generation of the last node that died here, when it was ready. W: its reaper, before `leaving`: so who finds a
  /// node gone can tell whether it had left. Successors do not touch it.
  std::atomic<std::uint64_t> died;
  std::atomic<std::uint64_t> shared_bytes;  ///< of all its files. W: the node, by fetch_add and fetch_sub; its reaper
  std::array<std::uint8_t, 16> unused;
};
static_assert(sizeof(NodeSlot) == 64);
static_assert(offsetof(NodeSlot, died) == 32);
static_assert(offsetof(NodeSlot, shared_bytes) == 40);

/// The file "registry".
struct Registry {
  FileHead head;
  std::uint64_t first_generation;  ///< W: maker, once; later than that of any earlier registry of the directory
  std::array<std::uint8_t, 56> unused;
  std::atomic<std::uint32_t> node_epoch;  ///< changes whenever a node comes or goes. W: any node, by fetch_add
  std::array<std::uint8_t, 828> unused_after;
  /// One for each bucket: changes whenever a port of the bucket comes, goes or changes. W: any node, by fetch_add.
  std::array<std::atomic<std::uint32_t>, kBuckets> epochs;
  std::array<std::uint8_t, 2'048> unused_too;
  std::array<NodeSlot, kMaxNodes> nodes;
  /// For each bucket one bit for each slot: whether that node wants to be woken when the bucket's epoch changes.
  /// W: the node sets and clears its own bit, its reaper clears it, by fetch_or and fetch_and.
  std::array<std::array<std::atomic<std::uint64_t>, kMaxNodes / 64>, kBuckets> interested;
};
static_assert(offsetof(Registry, node_epoch) == 192);
static_assert(offsetof(Registry, epochs) == 1'024);
static_assert(offsetof(Registry, nodes) == kPageBytes);
static_assert(offsetof(Registry, interested) == kPageBytes + kMaxNodes * sizeof(NodeSlot));
static_assert(sizeof(Registry) == offsetof(Registry, interested) + kBuckets * kMaxNodes / 8);

/// Locks are on bytes of the registry that lie beyond its end. Their places hold for every version of the format.
inline constexpr std::uint64_t kPresenceByte = std::uint64_t{1} << 40;  ///< shared by every node, for life
inline constexpr std::uint64_t kFirstSlotByte = kPresenceByte + 1;      ///< + slot: exclusive, for life

/// Where a reader sleeps, or a publisher that waits for room: see bell.hpp for the protocol.
struct alignas(64) Bell {
  /// A number of its own for each arming, in bits 3 and up; what to ring in bits 0 to 2; 0 while nobody sleeps.
  /// W: who sleeps here. Read by ringers after every message, so nothing else lies on its line.
  std::atomic<std::uint64_t> armed;
  std::array<std::uint8_t, 56> unused;
  std::atomic<std::uint32_t> sequence;  ///< the futex. W: ringers, by fetch_add
  std::array<std::uint8_t, 28> unused_too;
  ::sem_t semaphore;  ///< for who does not sleep on the futex. Made by who sleeps here, before anybody can ring
};
static_assert(sizeof(::sem_t) == 32);
static_assert(sizeof(Bell) == 128);
static_assert(offsetof(Bell, sequence) == 64);
static_assert(offsetof(Bell, semaphore) == 96);

/// The file "node.<slot>.<generation>": one page that only its node writes, then its bells, which others ring.
struct NodeFile {
  FileHead head;
  std::array<char, 65> name;  ///< W: maker, once
  std::array<std::uint8_t, 63> unused;
  std::uint64_t heartbeat_interval_ns;   ///< W: maker, once; 0: this node does not promise any
  std::atomic<std::uint64_t> heartbeat;  ///< W: the node, counts up. Who reads it times its changes by its own clock
  std::array<std::uint8_t, 3'824> unused_too;
  std::array<Bell, kNodeBells> bells;
  std::array<std::uint8_t, 128> unused_last;
};
static_assert(offsetof(NodeFile, heartbeat_interval_ns) == 256);
static_assert(offsetof(NodeFile, bells) == kPageBytes);
static_assert(sizeof(NodeFile) == kPageBytes + 2 * kPageBytes);

/// A histogram of latencies: see figures.hpp for the buckets' bounds.
inline constexpr std::size_t kLatencyBuckets = 160;

/// What a publisher counts of itself. W: its user's thread; plain stores. On a line that nobody else writes.
struct alignas(64) PublisherFigures {
  std::atomic<std::uint64_t> published;  ///< messages handed over; the next one's sequence number
  std::atomic<std::uint64_t> bytes;      ///< of their payloads, where messages have sizes of their own; else 0
  std::atomic<std::uint64_t>
      last_stamp;  ///< when the last one was, where there is a deadline or each has its size; else 0
  std::atomic<std::uint64_t> rejected;      ///< publishes refused
  std::atomic<std::uint64_t> timed_out;     ///< publishes that waited in vain
  std::atomic<std::uint64_t> failed_loans;  ///< loans refused
  std::atomic<std::uint64_t> wakeups;       ///< sleepers rung
  std::uint64_t unused;
};
static_assert(sizeof(PublisherFigures) == 64);

/// What a subscriber counts of itself.
struct alignas(64) SubscriberFigures {
  std::atomic<std::uint64_t> failed_callbacks;  ///< callbacks that threw. W: who runs them
  std::atomic<std::uint64_t> damaged;           ///< tables that did not verify. W: any thread, by fetch_add
  std::atomic<std::uint64_t> latency_max_ns;    ///< of the messages that are in the histogram. W: the consumer
  std::array<std::uint64_t, 5> unused;
  std::array<std::atomic<std::uint64_t>, kLatencyBuckets> latency;  ///< a sample of messages. W: the consumer
};
static_assert(offsetof(SubscriberFigures, latency) == 64);

/// The beginning of a port's file. W: maker, once.
struct PortHead {
  FileHead head;
  std::uint64_t port_id;             ///< SampleInfo::publisher_id
  std::uint64_t announcement_bytes;  ///< of the JSON text that follows PortFile
  std::uint64_t payload_bytes;       ///< of every message; 0: they have sizes of their own
  std::array<std::uint8_t, 104> unused;
};
static_assert(sizeof(PortHead) == 256);

/// The files "pub-…" and "sub-…": what a port announces, and what it counts.
struct PortFile {
  PortHead about;
  PublisherFigures publisher;
  SubscriberFigures subscriber;
  std::array<std::uint8_t, 2'432> rest;
  // char announcement[announcement_bytes]
};
static_assert(offsetof(PortFile, publisher) == 256);
static_assert(offsetof(PortFile, subscriber) == 320);
static_assert(sizeof(PortFile) == kPageBytes);

static_assert(std::atomic<NodeState>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace domain
}  // namespace v1
}  // namespace baton
