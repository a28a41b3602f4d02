// A node's place in its domain: the directory, the registry, and the locks. Joins, leaves and reaps; see README.md for
// the steps and what happens when they are cut short. Used by Membership, which adds everything that makes use of it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/posix/file_lock.hpp"
#include "domain/directory.hpp"
#include "domain/process.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

class Registration final : private ForkAware {
 public:
  /// Joins: afterwards the slot is `joining`, and nobody else's. Reaps who is found dead.
  static Result<std::unique_ptr<Registration>> enter(const std::string& parent, const std::string& domain);

  ~Registration();

  /// Leaving, in two steps, so that others can be told in between. Not in a forked child. After the first one the slot
  /// is free; after the second, if this was the last node of the domain, nothing of the domain is left.
  void leave_slot() noexcept;
  void leave_domain() noexcept;

  const NodeId& id() const noexcept { return id_; }
  const Directory& directory() const noexcept { return directory_; }
  Registry& registry() const noexcept { return *reinterpret_cast<Registry*>(map_->writable_bytes().data()); }
  NodeSlot& slot(std::uint32_t slot) const noexcept { return registry().nodes[slot]; }

  /// The node's own files are there: from now on others may look at them.
  void ready() noexcept;

  /// If the slot's node is dead: removes what is left of it and frees the slot. True if that was so, and is done. What
  /// cannot be removed is logged, once for each node.
  bool reap(std::uint32_t slot) noexcept;

  /// Whether a node was reaped while this one joined: its peers have not been told.
  bool reaped_while_joining() const noexcept { return reaped_while_joining_; }

  /// The slot's node, if it has one that has not been reaped.
  std::optional<NodeId> node_at(std::uint32_t slot) const noexcept;

  /// Whether the slot is not free: somebody has it, or it is still to be cleared.
  bool is_taken(std::uint32_t slot) const noexcept;

  bool is_there(const NodeId& node) const noexcept { return node_at(node.slot) == node; }

  /// The word that changes whenever a node comes or goes: first the slot, then the word.
  /// Whether the node is among those that `others` finds.
  bool is_ready(const NodeId& node) const noexcept;
  const std::atomic<std::uint32_t>& node_epoch() const noexcept { return registry().node_epoch; }

  /// The nodes that are ready, this one left out, by their slots.
  std::vector<NodeId> others() const;

  /// Whether a node that is not there any more died, as far as can be told: of those who had the slot since, the last
  /// one to die is known.
  bool has_died(const NodeId& node) const noexcept;

  /// What the registry and the files of all nodes take. A walk over the slots.
  std::uint64_t domain_bytes() const noexcept;

  Result<const posix::FileDescriptor*> bucket(std::uint32_t bucket);
  /// Whether the bucket has a directory. Nothing is made.
  bool has_bucket(std::uint32_t bucket);

  /// Whether somebody has removed the registry's file.
  bool is_lost() const noexcept;

  /// True in a forked child: nothing here is to be used any more.
  bool forked() const noexcept { return forked_.load(std::memory_order_relaxed); }  // set before `fork` returns

 private:
  /// Why a join did not come about at once, and how long it is worth waiting.
  struct Obstacle {
    Error error;
    std::chrono::milliseconds patience;
  };

  Registration() { enlist(); }
  Result<std::optional<Obstacle>> try_enter(const std::string& parent, const std::string& domain);
  Result<bool> open_registry();
  Result<void> check_registry() const;
  bool has_its_name() const noexcept;
  Result<bool> start_anew();
  Result<void> map_registry();
  Result<void> take_slot();
  void note_death(std::uint32_t slot) noexcept;
  Result<void> clear_slot(std::uint32_t slot, std::optional<std::uint64_t> generation = std::nullopt);
  void report_leftovers(const NodeId& node, const Error& error);
  void in_child() noexcept override;

  Directory directory_;
  posix::FileLocks locks_;  // changed with `fork_mutex` held, so that no child inherits it unseen
  std::optional<posix::SharedMemory> file_;
  std::shared_ptr<const posix::Mapping> map_;
  NodeId id_;
  std::mutex buckets_mutex_;
  std::array<posix::FileDescriptor, kBuckets> buckets_;
  std::mutex reap_mutex_;      // the locks of one description do not exclude each other
  std::set<NodeId> reported_;  // whose leftovers cannot be removed; guarded by `reap_mutex_`
  bool reaped_while_joining_ = false;
  std::atomic<bool> forked_{false};
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
