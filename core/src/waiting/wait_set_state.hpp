// A wait set's bell and what is in the set. See README.md in this folder for its two ways to sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "baton/domain/bell.hpp"
#include "baton/domain/member.hpp"
#include "baton/domain/ringer.hpp"
#include "baton/posix/event_fd.hpp"
#include "baton/posix/poll.hpp"
#include "baton/wait_set.hpp"
#include "waiting/things.hpp"

namespace baton {
inline namespace v1 {

class WaitSet::State final : public Waker, public std::enable_shared_from_this<WaitSet::State> {
 public:
  /// `member` is null where the node does without its domain.
  State(std::string node, std::shared_ptr<domain::Member> member);
  ~State();

  Result<Id> add_waitable(Waitable& waitable, const std::string& topic, std::function<bool()> handler);
  Result<Id> add_clock(Clock::time_point first, std::optional<std::chrono::nanoseconds> period,
                       std::function<void(std::uint64_t)> handler);
  Result<Id> add_events(std::shared_ptr<EventQueue> queue, std::function<void(const Event&)> handler);
  Result<Id> add_descriptor(int descriptor, short events, std::function<void(short)> handler);
  void remove(Id id) noexcept;
  std::size_t size() const noexcept;

  WaitStatus wait(std::chrono::nanoseconds timeout) noexcept;
  void stop() noexcept;

  /// The set is destroyed: ends its wait, and takes everything out.
  void end() noexcept;
  bool has_ended() const noexcept { return ended_.load(std::memory_order_relaxed); }

  // Waker. Any thread.
  bool wake() noexcept override;
  std::uint32_t bell_name(const domain::Member& member) const noexcept override;
  void closes(const Waitable& waitable) noexcept override;

 private:
  using Things = std::vector<std::shared_ptr<waiting::Thing>>;

  /// Wakes a thread that polls.
  struct Signal {
    const std::optional<posix::EventFd>& event_fd;
    void ring() const noexcept { event_fd->signal(); }
  };

  Id keep(std::shared_ptr<waiting::Thing> thing);
  waiting::Member* member_at(std::size_t i) const noexcept;
  void look_after(const std::shared_ptr<domain::Member>& member);
  Result<void> begin_to_poll();
  void take_out(waiting::Thing& thing) noexcept;
  void purge() noexcept;

  bool is_over() noexcept { return ended_.load(std::memory_order_seq_cst) || stopped_.load(std::memory_order_seq_cst); }
  WaitStatus wait_here(std::chrono::nanoseconds timeout) noexcept;
  bool handle_ready() noexcept;
  bool is_anything_ready() noexcept;
  void sleep(Clock::time_point deadline) noexcept;
  void keep_nodes() noexcept;
  void look_at_descriptors(Clock::time_point until) noexcept;

  const std::string node_;
  const std::shared_ptr<domain::Member> member_;
  const std::uint64_t process_ = domain::process_token();  // that made it

  // The bell: of the node's file, or a private one.
  std::optional<std::uint32_t> bell_index_;
  domain::Member::NodeView view_;
  domain::Bell private_bell_{};
  domain::Bell* bell_ = &private_bell_;
  domain::Sleeper sleeper_;
  domain::Ringer ringer_;
  std::optional<posix::EventFd> event_fd_;  // once it polls; made before anything may ring it
  bool polls_ = false;

  // Of the thread that uses the set.
  Things things_;
  Id last_id_ = 0;
  std::size_t turn_ = 0;  // the thing to be looked at first
  bool handling_ = false;
  std::vector<std::weak_ptr<domain::Member>> unkept_;  // nodes without a keeper
  Clock::time_point next_keep_{};
  posix::Poll poll_;

  std::atomic<bool> stopped_{false};
  std::atomic<bool> ended_{false};
  std::atomic<std::uint32_t> waiting_{0};  // 1 while somebody waits; a futex for who destroys the set
  std::atomic<std::thread::id> waiter_{};
};

}  // namespace v1
}  // namespace baton
