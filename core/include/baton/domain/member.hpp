#pragma once

/// A node's membership in its domain on this machine: what transports between processes are built on. See
/// core/src/domain/README.md for the files, the locks and what survives whom.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baton/domain/layout.hpp"
#include "baton/domain/settings.hpp"
#include "baton/error.hpp"
#include "baton/event.hpp"
#include "baton/export.hpp"
#include "baton/match.hpp"
#include "baton/posix/file_descriptor.hpp"
#include "baton/posix/mapping.hpp"
#include "baton/posix/shared_memory.hpp"
#include "baton/posix/socket.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// One life of one node.
struct NodeId {
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;

  friend constexpr bool operator==(const NodeId&, const NodeId&) = default;
  friend constexpr auto operator<=>(const NodeId&, const NodeId&) = default;
};

/// One port of one node. Numbers are not used twice in a node's life.
struct PortRef {
  NodeId node;
  std::uint32_t port = 0;

  friend constexpr bool operator==(const PortRef&, const PortRef&) = default;
  friend constexpr auto operator<=>(const PortRef&, const PortRef&) = default;
};

using v1::PortRole;

/// What a bell is for.
enum class BellUse : std::uint8_t { callbacks, wait_set };

/// A random number that tells this process from all others of the machine, a forked child from its parent too.
BATON_API std::uint64_t process_token() noexcept;

/// A 64-bit FNV-1a hash of a topic's name. Its low byte is the topic's bucket.
BATON_API std::uint64_t topic_hash(std::string_view topic) noexcept;
inline std::uint32_t bucket_of(std::string_view topic) noexcept {
  return static_cast<std::uint32_t>(topic_hash(topic)) % kBuckets;
}

/// The names of files. Each carries its owner's slot and generation: whoever reaps a node knows by the name what was
/// its. `for_reader`: a second name (a hard link) of a publisher's segment that belongs to one of its readers, so that
/// what was published can still be mapped when the publisher is gone; the reader removes it when it has mapped it. It
/// lies in a directory below that of the bucket.
BATON_API std::string port_file_name(PortRole role, std::string_view topic, const PortRef& owner);
BATON_API std::string segment_name(const PortRef& owner, std::uint32_t number);
BATON_API std::string segment_name_for_reader(const PortRef& reader, const PortRef& publisher, std::uint32_t number);
/// The publisher's node in such a name of a reader's, or nothing if it is none.
BATON_API std::optional<NodeId> publisher_in(std::string_view segment_name_for_reader) noexcept;
/// Those of a latched publisher, which stay when it is gone: its announcement, the ring of its last messages, and its
/// segments. See Presence::latch.
BATON_API std::string latched_name(std::string_view topic, const PortRef& owner);
BATON_API std::string latched_ring_name(std::string_view topic, const PortRef& owner);
BATON_API std::string latched_segment_name(std::string_view topic, const PortRef& owner, std::uint32_t number);
BATON_API std::string inbox_name(const PortRef& owner);
BATON_API std::string bell_socket_name(const PortRef& owner);

/// Changes with every constant of layout.hpp that two processes must agree on.
BATON_API std::uint64_t layout_fingerprint() noexcept;

/// The same with facts of a caller's own files: sizes, offsets, limits. Begin with `layout_fingerprint()`.
BATON_API std::uint64_t fold_layout(std::uint64_t fingerprint, std::span<const std::uint64_t> facts) noexcept;

/// Fills in everything of a head but what its caller knows better. `layout` is that of the file and all it relies on.
BATON_API FileHead make_head(FileKind kind, const PortRef& owner, std::uint32_t number, std::uint64_t file_bytes,
                             std::uint64_t layout = layout_fingerprint());

/// Whether a file's head is what it should be; the error (`Errc::incompatible` for another version or layout,
/// `Errc::corrupt` for anything else) names the file and what is wrong with it.
BATON_API Result<void> check_head(const FileHead& head, FileKind kind, const PortRef& owner, std::uint32_t number,
                                  std::uint64_t file_bytes, std::string_view file,
                                  std::uint64_t layout = layout_fingerprint());

/// A mapping that all of this process share: whoever maps the same bytes of the same file gets the same memory, so that
/// a thousand ports do not map a registry a thousand times, and a race between two nodes of one process is visible to
/// ThreadSanitizer. A read-only request may therefore be given memory that is mapped writable. Any thread.
BATON_API Result<std::shared_ptr<const posix::Mapping>> map_shared(const posix::SharedMemory& memory,
                                                                   std::uint64_t offset, std::uint64_t bytes,
                                                                   posix::Access access,
                                                                   posix::MapOptions options = {});

/// `Mapping::forget_memory`, for who has it alone in this process; false, if others have it too.
BATON_API bool forget_unshared(const std::shared_ptr<const posix::Mapping>& mapping) noexcept;

enum class Health : std::uint8_t {
  alive,
  hung,  ///< silent for longer than `hung_after`: nobody should wait for it, and nothing is taken away from it
  gone,  ///< it has left, or has died and been reaped
};

/// Something of a port that is to be done without its user: matching, history, cleaning up after a peer. Called on the
/// keeper's thread, or in `Member::keep`, whenever a port of its bucket may have come or gone, a peer may have changed
/// its health, or somebody sent `nudge`. Calls for one object never overlap with each other.
class Kept {
 public:
  /// Does what there is to do. Events that it gave their place (`EventQueue::append`) it adds to `to_announce`: they
  /// are announced afterwards, when `remove` does not wait for this call any more, because a user's callback may do
  /// anything.
  virtual void keep(std::vector<Event>& to_announce) noexcept = 0;

  /// Called in a forked child, from the fork itself: may only set atomic words. The object is the parent's.
  virtual void forked() noexcept {}

 protected:
  ~Kept() = default;
};

class Membership;  // core/src/domain
class Member;

/// A part of what a node takes of shared memory: counted as long as it lives, for the topic that it is for. Any thread.
class BATON_API MemoryShare {
 public:
  MemoryShare(std::shared_ptr<Member> member, std::string topic, std::uint64_t bytes) noexcept;
  ~MemoryShare();
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

 private:
  friend class Member;
  const std::shared_ptr<Member> member_;
  const std::string topic_;
  std::uint64_t bytes_;  // changed before anybody else has it
};

/// Who has how much of a domain's shared memory, in bytes.
struct MemoryUse {
  struct Part {
    std::string name;
    std::uint64_t bytes = 0;
  };
  std::uint64_t node = 0;    ///< all files of the node that was asked
  std::uint64_t domain = 0;  ///< the registry, and all files of all nodes
  std::vector<Part> topics;  ///< of the node, the largest first
  std::vector<Part> nodes;   ///< of the domain, the largest first
};

/// Joined at construction, left at destruction: by the last of the node and its ports, which hold shared pointers to
/// it. All functions may be called on any thread.
class BATON_API Member : public std::enable_shared_from_this<Member> {
 public:
  struct Request {
    std::string node;
    std::string domain;
    Settings settings;
    bool keeper = true;                  ///< false: no thread; somebody calls `keep`
    std::shared_ptr<EventQueue> events;  ///< not null
  };

  /// Finds or makes the domain's directory and registry, takes a slot, reaps what is dead, and starts the keeper.
  /// Errors: `Errc::invalid_name`; `permission`, where a directory or file is not this user's alone; `incompatible` or
  /// `corrupt`, where a registry that is in use is of no use here; `no_space`, of memory, descriptors, threads or
  /// slots; `system` for anything else. Takes two seconds at most, while others leave.
  static Result<std::shared_ptr<Member>> join(Request request);

  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  NodeId id() const noexcept;
  const std::string& node() const noexcept;
  const std::string& domain() const noexcept;
  bool has_keeper() const noexcept;

  /// True in a child that was forked from the process that joined: the membership stayed with the parent, and nothing
  /// of it may be touched here. Cheap.
  bool forked() const noexcept;

  /// The files of the topics of one bucket lie in a directory of their own, made here if need be. The descriptor lives
  /// as long as the membership.
  Result<const posix::FileDescriptor*> directory(std::uint32_t bucket);

  /// What this node may do with shared memory.
  const MemorySettings& memory_settings() const noexcept;

  /// How this node maps files, of which the settings say whether they are entered into the page tables at once.
  posix::MapOptions map_options(posix::Pages pages = posix::Pages::small) const noexcept;

  /// Counts so many bytes more, in whole pages, for a topic of this node, if `max_node` and `max_domain` allow it. The
  /// error (`Errc::no_space`) says how much was asked for, what there is, and who has the rest.
  Result<std::shared_ptr<const MemoryShare>> reserve(std::string_view topic, std::uint64_t bytes);

  /// A file that is about to get its name, and what it counts for.
  struct NewFile {
    posix::SharedMemory memory;
    std::shared_ptr<const MemoryShare> share;  ///< not null; whoever owns the file keeps it
  };
  /// Makes a file without a name in a bucket's directory, with every page reserved, within the limits as `reserve`.
  /// Where the file system is full, the error says so and who has what of it. `pages`: how its memory is made, if the
  /// settings ask for huge pages.
  Result<NewFile> create(std::uint32_t bucket, std::string_view topic, std::uint64_t bytes,
                         posix::Pages pages = posix::Pages::small);

  /// The same, of which at first only the beginning is reserved and counts: no more than `reserved` bytes of it may be
  /// touched before `reserve_more` has had the rest.
  Result<NewFile> create_sparse(std::uint32_t bucket, std::string_view topic, std::uint64_t bytes,
                                std::uint64_t reserved);

  /// Reserves `bytes` of such a file from `offset` on. Returns what they count for.
  Result<std::shared_ptr<const MemoryShare>> reserve_more(const posix::SharedMemory& memory, std::string_view topic,
                                                          std::uint64_t offset, std::uint64_t bytes);

  /// Makes such a file larger, to `bytes` in all. Returns what the difference counts for.
  Result<std::shared_ptr<const MemoryShare>> grow(posix::SharedMemory& memory, std::string_view topic,
                                                  std::uint64_t bytes);

  /// Who has how much. Reads the names of all nodes.
  MemoryUse memory_use();

  /// Opens a file of a bucket's directory that this user owns. A missing one is `Errc::system` with ENOENT.
  Result<posix::SharedMemory> open(std::uint32_t bucket, const std::string& name, posix::Access access,
                                   std::uint64_t min_bytes);

  /// The first page of another port's file, for reading what it counts; it stays mapped as long as somebody has it.
  Result<std::shared_ptr<const PortFile>> port_file(std::uint32_t bucket, PortRole role, std::string_view topic,
                                                    const PortRef& port);

  /// Whether a file has that name now.
  bool has(std::uint32_t bucket, const std::string& name) noexcept;

  /// Gives a file a second name, for which a directory below the bucket's is made if need be. One that is there already
  /// is fine; if `from` is not, the error is `Errc::system` with ENOENT.
  Result<void> link(std::uint32_t bucket, const std::string& from, const std::string& to);

  /// Removes a name; one that is not there is fine. True if it was there.
  bool unlink(std::uint32_t bucket, const std::string& name) noexcept;

  /// Whether the bucket has a directory. Nothing is made.
  bool has_directory(std::uint32_t bucket);

  /// Names of a bucket's directory that begin with `prefix`; of one below it, if the prefix says so.
  Result<std::vector<std::string>> list(std::uint32_t bucket, std::string_view prefix);

  /// Removes what latched publishers of a topic have left that are gone. Of one that died just now, too. What cannot be
  /// removed is logged.
  void remove_latched(std::string_view topic) noexcept;

  /// A number for a new port.
  std::uint32_t next_port() noexcept;

  /// The word that changes when ports of the bucket come, go or change. One load tells whether to look again.
  const std::atomic<std::uint32_t>& epoch(std::uint32_t bucket) const noexcept;

  /// Changes the epoch, and wakes the keepers of all nodes that have ports in the bucket, this one's too.
  void bump(std::uint32_t bucket) noexcept;

  /// Wakes the keeper of one node for the ports of one bucket.
  void nudge(const NodeId& node, std::uint32_t bucket) noexcept;

  /// Has those of this node that are kept in the bucket called at the next tick, for something that could not be done
  /// and of which nothing else will tell when it can.
  void look_again(std::uint32_t bucket) noexcept;

  /// Has `kept`, which is kept in the bucket, called at a time or soon after it. Only the earliest of the times asked
  /// for is remembered, and forgotten with the call. Any thread, a user's verb too: it may make a system call, and
  /// takes a lock that is held for moments.
  void call_at(std::uint32_t bucket, const Kept& kept, std::chrono::steady_clock::time_point when) noexcept;

  Health health(const NodeId& node) const noexcept;

  /// Whether a slot word's owner, of which it only has the low 24 bits of the generation, lives; and who it is.
  std::optional<NodeId> find_node(std::uint32_t slot, std::uint32_t generation_low_bits) const noexcept;

  /// Looks at a node's lock now, and reaps the node if it is dead. For who cannot wait for the keeper. Returns its
  /// health afterwards.
  Health check(const NodeId& node) noexcept;

  /// Has the keeper watch for the node's death, until `unwatch`. Counted. The own node is not watched.
  void watch(const NodeId& node) noexcept;
  void unwatch(const NodeId& node) noexcept;

  /// A node's file as its peers see it: bells for ringing, everything else for looking.
  struct NodeView {
    std::shared_ptr<const posix::Mapping> page;   ///< the NodeFile's first page
    std::shared_ptr<const posix::Mapping> bells;  ///< kNodeBells bells, writable
    Bell* bell(std::uint32_t index) const noexcept;
  };
  /// Of any node that is in, this one too. Errors: `Errc::system` with ENOENT, if it is not in any more; `forked`;
  /// `permission`, `incompatible` or `corrupt` for a file that is not what it should be; `no_space`.
  Result<NodeView> view(const NodeId& node);

  /// A bell of this node's own file, or nothing when all are taken: the last one is kept for callbacks. Who took it
  /// gives it back, when nobody rings it any more for its sake; all go with the membership.
  std::optional<std::uint32_t> take_bell(BellUse use) noexcept;
  void give_back_bell(std::uint32_t index) noexcept;

  /// Changes whenever a node comes, goes, or is found dead.
  std::uint32_t node_epoch() const noexcept;

  /// How often the node shows that it runs.
  std::chrono::nanoseconds heartbeat() const noexcept;

  /// For ringing sockets.
  const posix::Socket& socket() const noexcept;

  /// Reports who has joined the domain, and has not been reported yet: appended to the events, and added to
  /// `to_announce` for the caller to announce when it holds no lock. For a port, before it reports a connection, so
  /// that nobody hears of a node's port before he hears of the node. Cheap when nobody came.
  void report_newcomers(std::vector<Event>& to_announce) noexcept;

  /// From now on `kept.keep()` is called, once soon. `remove` waits for a call under way on another thread; from inside
  /// a `keep`, whosever it is, it does not wait.
  void add(std::uint32_t bucket, Kept& kept);
  void remove(Kept& kept) noexcept;

  /// What the keeper does, once, for a node without one. Waits for something to do until the timeout at most.
  void keep(std::chrono::nanoseconds timeout);

  /// Whether the calling thread is doing that, or is the keeper: it comes from a callback.
  bool is_kept_here() const noexcept;

  const std::shared_ptr<EventQueue>& events() const noexcept;

  /// Whether the files of the domain's topics are in order: a line for each that is nobody's, that was left by a node
  /// that is gone, or that cannot be read. Waits a moment for files that are just being removed.
  std::vector<std::string> audit();

 private:
  friend class Peers;
  friend class Ports;
  friend class MemoryShare;
  explicit Member(std::shared_ptr<Membership> state) noexcept;
  tl::unexpected<Error> explain_full(Error error) const;

  const std::shared_ptr<Membership> state_;  // the keeper's thread has a share: the last port may go on that thread
};

/// A port's file. It is there from `announce` until this is destroyed; both change the bucket's epoch.
class BATON_API Presence {
 public:
  /// Errors: `Errc::too_large`, if the type's description is; `no_space`; `forked`; `permission`, where the bucket's
  /// directory is not this user's alone; `system` with ENOENT, if the domain's files were removed.
  /// `payload_bytes` is the size of every message, 0 if they have sizes of their own.
  static Result<std::shared_ptr<Presence>> announce(std::shared_ptr<Member> member, PortRole role, const PortRef& port,
                                                    const PortAnnouncement& announcement, std::uint64_t port_id,
                                                    std::uint64_t payload_bytes);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  /// Gives a publisher's file a second name, which stays when the port is gone: for Peers of subscribers that come
  /// later, until `remove_latched`. From then on all names that a latched publisher's begin with stay as well, where
  /// they would be removed with the node's others.
  Result<void> latch();
  /// Removes that name again, and nothing else. Fine if there is none.
  void unlatch() noexcept;

  /// The file's first page, where the port counts. Stays mapped as long as somebody has it.
  const std::shared_ptr<PortFile>& file() const noexcept { return file_; }

 private:
  Presence(std::shared_ptr<Member> member, std::uint32_t bucket, std::string name, std::string latched_name,
           std::shared_ptr<PortFile> file, std::shared_ptr<const MemoryShare> share) noexcept;

  const std::shared_ptr<Member> member_;
  const std::uint32_t bucket_;
  const std::string name_;
  const std::string latched_name_;
  const std::shared_ptr<PortFile> file_;
  const std::shared_ptr<const MemoryShare> share_;
};

/// What the file of a port that announces this takes.
BATON_API std::uint64_t port_file_bytes(const PortAnnouncement& announcement);

/// What a port knows of the ports it might be connected to: those of its topic in the other role, in this domain on
/// this machine. For one thread at a time.
class BATON_API Peers {
 public:
  struct Peer {
    PortRef port;
    std::uint64_t port_id = 0;
    PortAnnouncement announcement;
  };
  struct Changes {
    std::vector<Peer> matched;  ///< new ones that match, oldest first
    std::vector<PortRef> gone;  ///< matched before, and not there any more: closed, or reaped
    std::vector<Peer> left;     ///< for a subscriber: latched publishers that match and are gone, each once
  };

  Peers(std::shared_ptr<Member> member, PortRole own_role, PortAnnouncement own);

  /// Looks at the bucket's directory. New peers are judged by `match`: those refused are reported as events (to this
  /// port's node; their own node reports to them), once each: appended here, and added to `to_announce` for the caller
  /// to announce when it holds no lock. Peers of one process that are both "inproc" are left out: that transport
  /// connects them itself; of two processes, they are refused with that reason. A file that cannot be read, or is
  /// damaged, is reported once, and passed over. Nodes that have joined are reported first, as events too. Where this
  /// process lacks descriptors or memory for the look, that is reported once until there is a look that succeeds; the
  /// result is empty, and the keeper calls who is kept in the bucket again at its next tick.
  Changes refresh(std::vector<Event>& to_announce);

  /// Forgets a peer that `refresh` returned as matched, so that the next one returns it again.
  void forget(const PortRef& peer) noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The ports of all topics of the domain on this machine. For one thread at a time.
class BATON_API Ports {
 public:
  enum class Which : std::uint8_t {
    publishers,  ///< and latched ones that are gone and have left something
    all,
  };
  struct Port {
    PortRole role = PortRole::publisher;
    std::shared_ptr<const PortAnnouncement> announcement;  ///< the same object as long as the port is there
  };

  /// `changed` is called whenever there may be others: on the keeper's thread, or in `Member::keep`, one call at a
  /// time. It may only wake somebody, or `look` if nobody else does, and destroy this.
  Ports(std::shared_ptr<Member> member, Which which, std::function<void()> changed);
  /// Waits for a running call of `changed`, but from inside it.
  ~Ports();
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  /// Puts all of them into `found`; false, and nothing is done, if no port of the domain has come or gone since the
  /// last call. Announcements that cannot be read are left out; a bucket that cannot be listed now is as it was, and
  /// `changed` is called again.
  bool look(std::vector<Port>& found);

 private:
  struct State;
  std::shared_ptr<State> state_;  // a call of `changed` that destroys this has a share
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
