// What a `Member` is made of: its place in the registry, its node file and socket, what it keeps and what it watches,
// and the keeper, which brings these together.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "baton/domain/member.hpp"
#include "baton/posix/event_fd.hpp"
#include "domain/account.hpp"
#include "domain/bucket_view.hpp"
#include "domain/kept_list.hpp"
#include "domain/registration.hpp"
#include "domain/roster.hpp"
#include "domain/watches.hpp"

namespace baton {
inline namespace v1 {
namespace domain {

/// The keeper's thread shares in it, and so does who calls `keep`: the `Member` may be destroyed from inside a call.
class Membership final : public std::enable_shared_from_this<Membership> {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::shared_ptr<Membership>> join(Member::Request request);

  /// Ends the keeper, waiting for it unless this is its thread, and leaves the domain. In a forked child it does
  /// nothing, and the object must be left alone for ever: its locks may be held by threads that the child does not
  /// have.
  void leave() noexcept;

  const Member::Request& request() const noexcept { return request_; }
  Registration& registration() const noexcept { return *registration_; }
  Account& account() noexcept { return *account_; }
  Watches& watches() noexcept { return *watches_; }
  const posix::Socket& socket() const noexcept { return *socket_; }
  NodeFile& own_file() const noexcept { return *reinterpret_cast<NodeFile*>(own_view_->page->writable_bytes().data()); }
  BucketView& bucket_view(std::uint32_t bucket);

  std::uint32_t next_port() noexcept { return next_port_.fetch_add(1, std::memory_order_relaxed); }  // a count

  void bump(std::uint32_t bucket) noexcept;
  void nudge(const NodeId& node, std::uint32_t bucket) noexcept;

  /// Whoever is kept in the bucket is called at the next tick: something could not be done, and nothing else will tell
  /// when it can.
  void look_again(std::uint32_t bucket) noexcept;
  void call_at(std::uint32_t bucket, const Kept& kept, Clock::time_point when) noexcept {
    // The keeper's own thread finds the time before it sleeps again.
    if (kept_.make_due_at(bucket, kept, when) && !is_keeper_here()) wake_->signal();
  }

  bool reap(std::uint32_t slot) noexcept;

  /// Before a port reports a connection, which may be one to a node that has just joined.
  void report_newcomers(std::vector<Event>& to_announce) noexcept;

  void watch(const NodeId& node, std::shared_ptr<const posix::Mapping> page);

  void add(std::uint32_t bucket, Kept& kept);
  void remove(Kept& kept) noexcept;

  Result<Member::NodeView> view(const NodeId& node) const;
  std::optional<std::uint32_t> take_bell(BellUse use) noexcept;
  void give_back_bell(std::uint32_t index) noexcept;

  void keep(std::chrono::nanoseconds timeout);

  /// Whether the calling thread is in the middle of a round: it comes from a callback.
  bool is_kept_here() const noexcept {
    return round_owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();  // relaxed: own id
  }

 private:
  /// A datagram to a keeper: the bucket to look after, or `kEverything`; or `kNodes`: just look at who is there.
  using Message = std::uint32_t;
  static constexpr Message kEverything = kBuckets;
  static constexpr Message kNodes = kBuckets + 1;

  explicit Membership(Member::Request request) noexcept : request_(std::move(request)) {}

  // membership.cpp: joining, and what members do to each other
  void warn_of_small_pages() const;
  Result<void> make_node_file();
  Result<void> start_keeper();
  bool send(const NodeId& node, Message message) const noexcept;
  void wake_self(std::uint32_t bucket) noexcept;
  void tell_everybody(Message message) noexcept;
  void wake_everybody() noexcept;
  void be_interested(std::uint32_t bucket) noexcept;

  // keeper.cpp: rounds
  bool is_keeper_here() const noexcept {
    return keeper_.load(std::memory_order_relaxed) == std::this_thread::get_id();  // relaxed: own id
  }
  void run() noexcept;
  void pause(Clock::duration round) const noexcept;
  bool wait_and_work(std::optional<Clock::time_point> deadline);
  bool work(const Watches::Waiting& waiting, const posix::Poll& poll);
  void receive(KeptList::Buckets& due);
  void compare_epochs(KeptList::Buckets& due) noexcept;
  void tick(Clock::time_point now, KeptList::Buckets& due);
  void report_changes_of_health();
  bool report_nodes();
  void find_dead() noexcept;
  void look_for_files();

  const Member::Request request_;
  std::unique_ptr<Registration> registration_;
  std::optional<posix::SharedMemory> node_memory_;
  std::optional<Member::NodeView> own_view_;
  std::optional<posix::Socket> socket_;
  std::optional<posix::EventFd> wake_;  // for this process's threads
  std::unique_ptr<Account> account_;
  std::unique_ptr<Watches> watches_;
  std::unique_ptr<Roster> roster_;
  KeptList kept_;
  std::atomic<std::uint32_t> next_port_{1};
  std::atomic<std::uint64_t> taken_bells_{0};
  std::mutex views_mutex_;
  std::array<std::unique_ptr<BucketView>, kBuckets> views_;

  std::thread thread_;
  std::atomic<std::thread::id> keeper_{};  // that thread's; compared with the reader's own id only
  std::atomic<bool> ending_{false};

  // Of whoever does a round.
  std::mutex round_mutex_;
  std::atomic<std::thread::id> round_owner_{};  // compared with the reader's own id only
  std::array<std::uint32_t, kBuckets> seen_epochs_{};
  std::atomic<Clock::time_point> next_tick_{};  // read by those who wait, too; relaxed: a time
  Clock::time_point last_tick_{};
  std::atomic<Clock::duration> last_round_{};  // how long it took
  std::uint32_t next_to_look_at_ = 0;
  std::vector<Event> changes_of_health_;  // not reported yet
  bool lost_reported_ = false;

  // Nudges of this process's own, which need no datagram, and those that wait for a tick. Guarded by the mutex.
  std::mutex own_nudges_mutex_;
  KeptList::Buckets own_nudges_;
  KeptList::Buckets nudges_at_tick_;
};

}  // namespace domain
}  // namespace v1
}  // namespace baton
