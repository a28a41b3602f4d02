#pragma once

// Those who live on when a victim of a sweep is killed: two nodes of this process, which talk to each other and to the
// victim, and check after each kill that nothing has happened to them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "place.hpp"
#include "process.hpp"

namespace crash {

/// Whether the survivors find the dead by themselves, or leave them for the next one who joins.
enum class Reaping { by_survivors, by_joiners };

class Survivors {
 public:
  explicit Survivors(Reaping reaping);
  ~Survivors();
  Survivors(const Survivors&) = delete;
  Survivors& operator=(const Survivors&) = delete;

  const std::string& domain() const noexcept { return domain_; }

  /// What is there without a victim: to be compared with what is left of one. After a victim that ended well, so that
  /// everything has grown to the size that it needs.
  void remember();

  /// Messages go to and fro between the survivors, whoever else is stopped or dead; none is lost.
  void exchange();

  /// After a kill: everything of the victim comes back, and newcomers find a healthy domain.
  void outlive();

  /// While the victim is stopped: nobody waits for it, and nothing of it is taken away.
  void stand_by();

  /// After a stopped victim has ended well.
  void check_after_end();

  // What the survivors do in a victim's turn.
  void open_subscriber();
  void open_lossless_subscriber();
  void open_publishers(int count);
  void open_readers(int count);
  /// Readers that sleep, each in a way of its own, and are woken by nobody but their publishers and their keeper.
  void open_sleepers();
  void close_extras();
  void take_and_release();
  /// A process that only subscribes; one that publishes a little. Both die, the second one by itself.
  void fill_more_memory();
  void want_memory_back();
  void start_reader_process();
  void kill_reader_process();
  void have_a_publisher_die();

  /// Ends everything. Nothing of the domain is left then.
  void end();

 private:
  /// What comes up, checked; the oldest of it is held for a while.
  void drain_up();
  void check_held() const;
  bool is_as_before(std::string* why) const;
  void let_a_newcomer_talk();
  void note(Order& order, const Message& message);
  void expect_sleepers_awake();

  const Reaping reaping_;
  const std::string domain_ = unique_domain();
  baton::Node a_;
  baton::Node b_;
  Publisher down_;
  Publisher b_up_;
  Subscriber up_;
  Subscriber b_down_;
  std::uint64_t next_down_ = 0;
  std::uint64_t next_up_ = 0;
  Order heard_up_;
  Order heard_down_;
  Order heard_extra_;
  Sample held_down_;
  Sample held_up_;
  Sample of_victim_;  // held beyond its publisher's death
  std::uint32_t extra_writer_ = 1'000'000;
  std::uint64_t extra_next_ = 0;
  std::vector<Publisher> extra_publishers_;
  std::vector<Subscriber> extra_subscribers_;
  class Sleeper;
  std::vector<std::unique_ptr<Sleeper>> sleepers_;
  std::optional<Child> extra_process_;

  std::map<std::string, std::uint64_t> files_;
  std::uint64_t segment_bytes_ = 0;
};

}  // namespace crash
