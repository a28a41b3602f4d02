// A fork without exec: the child must not hold up its parent's locks, nor use what is the parent's.
#include <sys/wait.h>

#include <atomic>
#include <utility>

#include <gmock/gmock.h>

#include "domain/process.hpp"
#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;

// The exit status of a child that does this.
template <class Action>
int in_child(Action action) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(action());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Flagged final : public Kept {
 public:
  void keep(std::vector<Event>&) noexcept override {}
  void forked() noexcept override { told = true; }
  std::atomic<bool> told{false};
};

TEST(Fork, leaves_the_membership_with_the_parent) {
  const Place place;
  auto member = place.join("node");
  auto port = std::make_unique<Port>(member, PortRole::publisher, announcement("node"));
  const auto before = place.files();
  Flagged kept;
  member->add(3, kept);
  const int status = in_child([&] {
    if (!member->forked() || !kept.told) return 1;
    const auto directory = member->directory(7);
    if (directory || directory.error().code() != Errc::forked) return 2;
    if (member->view(member->id()).has_value()) return 3;
    if (member->health(member->id()) != Health::gone) return 4;
    member->bump(3);
    member->nudge(member->id(), 3);
    member->keep(10s);
    member->watch(member->id());
    member->unwatch(member->id());
    if (member->take_bell(BellUse::callbacks)) return 5;
    if (!port->refresh().matched.empty()) return 6;
    if (Presence::announce(member, PortRole::publisher, {member->id(), 5}, announcement("node"), 1, 64)) return 7;
    member->remove(kept);
    port.reset();
    member.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(place.files(), before) << "the child has removed nothing";
  EXPECT_FALSE(member->forked());
  EXPECT_FALSE(kept.told);
  EXPECT_EQ(member->health(member->id()), Health::alive);
  member->remove(kept);
}

TEST(Fork, lets_the_child_join_anew) {
  const Place place;
  auto member = place.join("parent");
  const int status = in_child([&] {
    const auto own = place.try_join("child", false);
    if (!own) return 1;
    if ((*own)->forked() || (*own)->id() == member->id()) return 2;
    if ((*own)->health(member->id()) != Health::alive) return 3;
    member.reset();
    if (!(*own)->directory(3)) return 4;
    return (*own)->check(NodeId{}) == Health::gone ? 0 : 5;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(member->health(member->id()), Health::alive);
}

TEST(Fork, does_not_hide_the_death_of_the_parent_while_the_child_lives) {
  const Place place;
  const auto member = place.join("observer");
  Program program(place, "forks");
  const NodeId node = node_of(program.line());
  EXPECT_EQ(member->check(node), Health::alive);
  program.kill();
  EXPECT_EQ(member->check(node), Health::gone);
  EXPECT_EQ(place.files_of(node.slot), 0U);
}

TEST(Fork, inside_a_call_does_not_make_the_child_a_keeper) {
  const Place place;
  const auto member = place.join("node");
  class Forking final : public Kept {
   public:
    void keep(std::vector<Event>&) noexcept override {
      if (child != 0) return;
      const pid_t pid = ::fork();
      if (pid != 0) {
        child = pid;
        return;
      }
      sigset_t all;  // blocked on the keeper's thread
      sigfillset(&all);
      ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
      ::alarm(2);
    }
    std::atomic<pid_t> child{0};
  } kept;
  member->add(3, kept);
  ASSERT_TRUE(eventually([&] { return kept.child != 0; }));
  int status = 0;
  ASSERT_EQ(::waitpid(kept.child, &status, 0), kept.child);
  EXPECT_TRUE(WIFEXITED(status)) << "it ends with its only thread, which has nothing to do any more";
  EXPECT_EQ(member->health(member->id()), Health::alive);
  member->remove(kept);
}

/// Keeps a node, whose first event's callback forks. Returns how many events the parent was told of, and the exit
/// status is how many more the child was.
std::pair<int, int> told_in_fork(EventQueue& events, Member& member) {
  int told = 0;
  pid_t child = -1;
  events.set_callback([&](const Event&) {
    if (++told != 1) return;
    child = ::fork();
    if (child == 0) ::alarm(60);
  });
  while (told == 0) member.keep(1s);
  if (child == 0) ::_exit(told - 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  events.set_callback(nullptr);
  return {told, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

TEST(Fork, inside_the_callback_of_an_event_ends_what_a_port_has_to_tell_in_the_child) {
  const Place place;
  auto request = place.request("node", false);
  const auto events = request.events;
  const auto member = Member::join(request).value();
  class Telling final : public Kept {
   public:
    void keep(std::vector<Event>& to_announce) noexcept override {
      if (std::exchange(told_, true)) return;
      for (const char* const peer : {"first", "second"}) to_announce.push_back({EventKind::matched, "topic", peer, ""});
    }

   private:
    bool told_ = false;
  } kept;
  member->add(3, kept);
  EXPECT_EQ(told_in_fork(*events, *member), std::pair(2, 0));
  member->remove(kept);
}

TEST(Fork, inside_the_callback_of_an_event_ends_what_is_to_tell_of_other_nodes_in_the_child) {
  const Place place;
  const auto first = place.join("first", false);
  const auto second = place.join("second", false);
  auto request = place.request("node", false);
  const auto events = request.events;
  const auto member = Member::join(request).value();
  EXPECT_EQ(told_in_fork(*events, *member), std::pair(2, 0));
}

TEST(Fork, gives_the_child_another_token) {
  const std::uint64_t token = process_token();
  EXPECT_EQ(process_token(), token);
  EXPECT_NE(token, 0U);
  EXPECT_EQ(in_child([&] { return process_token() != token && process_token() != 0 ? 0 : 1; }), 0);
}

TEST(Fork, may_happen_at_any_time) {
  const Place place;
  std::atomic<bool> ending{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!ending) {
        const auto member = place.join("node");
        Flagged kept;
        member->add(1, kept);
        const Port port(member, PortRole::publisher, announcement("node"));
        member->remove(kept);
      }
    });
  }
  for (int i = 0; i < 30; ++i) EXPECT_EQ(in_child([] { return 0; }), 0);
  ending = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(Process, knows_when_it_started) {
  const ProcessLabels labels = own_labels();
  EXPECT_EQ(labels.pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_NE(labels.start_ticks, 0U);
  EXPECT_NE(labels.pid_namespace, 0U);
  EXPECT_EQ(start_ticks_of(labels.pid), labels.start_ticks);
  EXPECT_EQ(start_ticks_of(0x7fffffff), 0U);
}

}  // namespace
}  // namespace baton::domain
