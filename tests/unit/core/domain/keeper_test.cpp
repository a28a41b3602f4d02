// What a member does by itself: calling what it keeps, and noticing who died, hangs, or took the files away.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include <gmock/gmock.h>

#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::HasSubstr;

class Counted final : public Kept {
 public:
  void keep(std::vector<Event>& to_announce) noexcept override {
    EXPECT_EQ(running_.fetch_add(1), 0) << "calls overlap";
    ++calls;
    if (action) action(to_announce);
    running_.fetch_sub(1);
  }

  std::atomic<int> calls{0};
  std::function<void(std::vector<Event>&)> action;

 private:
  std::atomic<int> running_{0};
};

std::vector<EventKind> kinds(EventQueue& events) {
  std::vector<EventKind> found;
  while (const auto event = events.take()) found.push_back(event->kind);
  return found;
}

/// The next event that is not about who has joined.
std::optional<Event> take_after_joins(EventQueue& events) {
  auto event = events.take();
  while (event && event->kind == EventKind::joined) event = events.take();
  return event;
}

TEST(Keeper, calls_what_is_added_soon_and_again_when_its_bucket_changes) {
  const Place place;
  const auto member = place.join("node");
  const auto other = place.join("other");
  Counted mine;
  Counted elsewhere;
  member->add(3, mine);
  member->add(4, elsewhere);
  EXPECT_TRUE(eventually([&] { return mine.calls == 1 && elsewhere.calls == 1; }));
  other->bump(3);
  EXPECT_TRUE(eventually([&] { return mine.calls == 2; }));
  member->bump(3);
  EXPECT_TRUE(eventually([&] { return mine.calls == 3; }));
  other->nudge(member->id(), 3);
  EXPECT_TRUE(eventually([&] { return mine.calls == 4; }));
  member->nudge(member->id(), 3);
  EXPECT_TRUE(eventually([&] { return mine.calls == 5; }));
  EXPECT_EQ(elsewhere.calls, 1);
  member->remove(mine);
  member->remove(elsewhere);
  other->bump(3);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(mine.calls, 5);
}

TEST(Keeper, finds_every_change_although_more_come_than_its_socket_holds) {
  const Place place;
  const auto member = place.join("node", false);
  const auto other = place.join("other", false);
  Counted kept;
  Counted nudged;
  member->add(3, kept);
  member->add(4, nudged);
  member->keep(0ns);
  ASSERT_EQ(kept.calls, 1);
  for (int i = 0; i < 5'000; ++i) other->nudge(member->id(), 5);
  other->bump(3);
  other->nudge(member->id(), 4);
  member->keep(0ns);
  EXPECT_EQ(kept.calls, 2);
  EXPECT_EQ(nudged.calls, 2);
  member->remove(kept);
  member->remove(nudged);
}

TEST(Keeper, calls_again_at_the_next_tick_who_could_not_look_for_its_peers) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, announcement("node"));
  const Port subscriber(member, PortRole::subscriber, announcement("node"));
  std::size_t matched = 0;
  Counted kept;
  kept.action = [&](auto&) { matched += publisher.refresh().matched.size(); };
  member->add(bucket_of("topic"), kept);
  {
    const NoDescriptors none;
    member->keep(0ns);
  }
  ASSERT_EQ(kept.calls, 1);
  ASSERT_EQ(matched, 0U);
  std::this_thread::sleep_for(2 * place.request("").settings.heartbeat);
  member->keep(0ns);
  EXPECT_EQ(kept.calls, 2);
  EXPECT_EQ(matched, 1U);
  member->remove(kept);
}

TEST(Keeper, is_waited_for_by_who_removes_an_object_that_it_is_calling) {
  const Place place;
  const auto member = place.join("node");
  std::atomic<bool> inside{false};
  std::atomic<bool> left{false};
  Counted kept;
  kept.action = [&](auto&) {
    inside = true;
    std::this_thread::sleep_for(50ms);
    left = true;
  };
  member->add(3, kept);
  ASSERT_TRUE(eventually([&] { return inside.load(); }));
  member->remove(kept);
  EXPECT_TRUE(left);
}

TEST(Keeper, lets_an_object_remove_itself_and_others_from_inside_a_call) {
  const Place place;
  const auto member = place.join("node");
  Counted other;
  Counted kept;
  std::atomic<bool> done{false};
  kept.action = [&](auto&) {
    member->remove(kept);
    member->remove(other);
    done = true;
  };
  member->add(3, kept);
  member->add(3, other);
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  const int calls = other.calls;
  member->bump(3);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(kept.calls, 1);
  EXPECT_EQ(other.calls, calls);
}

TEST(Keeper, announces_events_when_the_call_that_gave_them_is_over) {
  const Place place;
  auto request = place.request("node");
  const auto events = request.events;
  const auto member = Member::join(request).value();
  auto kept = std::make_unique<Counted>();
  kept->action = [](std::vector<Event>& to_announce) {
    to_announce.push_back({EventKind::matched, "topic", "peer", ""});
  };
  std::atomic<bool> called{false};
  std::thread::id keeper;
  events->set_callback([&](const Event& event) {
    EXPECT_EQ(event.peer, "peer");
    keeper = std::this_thread::get_id();
    // Another thread removes the object meanwhile, and this one waits for that: it must not be waited for itself.
    std::thread([&] { member->remove(*kept); }).join();
    kept.reset();
    called = true;
  });
  member->add(3, *kept);
  EXPECT_TRUE(eventually([&] { return called.load(); }));
  EXPECT_NE(keeper, std::this_thread::get_id());
}

TEST(Keeper, may_be_the_thread_on_which_the_last_member_goes) {
  const Place place;
  auto request = place.request("node");
  const auto events = request.events;
  auto member = Member::join(request).value();
  Counted kept;
  std::atomic<bool> added{false};
  std::atomic<bool> gone{false};
  kept.action = [&](std::vector<Event>& to_announce) {
    if (kept.calls == 1) to_announce.push_back({EventKind::matched, "topic", "peer", ""});
  };
  events->set_callback([&](const Event&) {
    EXPECT_TRUE(eventually([&] { return added.load(); }));  // nobody else uses the member any more
    member->remove(kept);
    member.reset();
    gone = true;
  });
  member->add(3, kept);
  added = true;
  ASSERT_TRUE(eventually([&] { return gone.load(); }));
  EXPECT_TRUE(place.files().empty());
  std::this_thread::sleep_for(20ms);  // the thread ends by itself
}

TEST(Keeper, reaps_a_killed_node_at_once_and_tells_those_who_were_connected_to_it) {
  Place place;
  place.settings().heartbeat = 1min;  // no tick finds it
  place.settings().hung_after = 2min;
  const auto member = place.join("observer");
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  Counted kept;
  member->add(3, kept);  // another bucket: a death concerns them all
  member->watch(node);
  ASSERT_TRUE(eventually([&] { return kept.calls >= 1; }));
  std::this_thread::sleep_for(20ms);
  const int calls = kept.calls;
  const auto killed = std::chrono::steady_clock::now();
  program.kill();
  ASSERT_TRUE(eventually([&] { return member->health(node) == Health::gone; }));
  const auto noticed = std::chrono::steady_clock::now() - killed;
  EXPECT_TRUE(eventually([&] { return kept.calls > calls; }));
  EXPECT_EQ(place.files_of(node.slot), 0U);
  EXPECT_LT(noticed, 2s) << "a millisecond, on a machine without other work";
  member->unwatch(node);
  member->remove(kept);
}

TEST(Keeper, reaps_whom_nobody_watched) {
  const Place place;
  const auto member = place.join("observer");
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  program.kill();
  EXPECT_TRUE(eventually([&] { return member->health(node) == Health::gone; }));
  EXPECT_TRUE(eventually([&] { return place.files_of(node.slot) == 0; }));
}

TEST(Keeper, reports_a_stopped_process_as_hung_and_takes_nothing_away_from_it) {
  const Place place;
  auto request = place.request("observer");
  const auto events = request.events;
  const auto member = Member::join(request).value();
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  const std::size_t files = place.files_of(node.slot);
  Counted kept;
  member->add(3, kept);
  member->watch(node);
  member->watch(node);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(member->health(node), Health::alive);
  program.signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return member->health(node) == Health::hung; }));
  const int calls = kept.calls;
  EXPECT_EQ(member->check(node), Health::hung);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(place.files_of(node.slot), files);
  program.signal(SIGCONT);
  ASSERT_TRUE(eventually([&] { return member->health(node) == Health::alive; }));
  EXPECT_TRUE(eventually([&] { return kept.calls > calls; }));
  const auto hung = take_after_joins(*events);
  ASSERT_TRUE(hung);
  EXPECT_EQ(hung->kind, EventKind::hung);
  EXPECT_EQ(hung->peer, "other");
  EXPECT_THAT(hung->reason, HasSubstr(fmt::format("its process {} has shown no sign of life for", program.pid())));
  EXPECT_EQ(kinds(*events), std::vector<EventKind>{EventKind::back});
  member->unwatch(node);
  EXPECT_EQ(member->health(node), Health::alive);
  member->unwatch(node);
  member->remove(kept);
}

TEST(Keeper, notices_a_hang_of_whom_it_could_not_look_at_when_first_asked) {
  const Place place;
  const auto member = place.join("observer");
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  {
    const NoDescriptors none;
    member->watch(node);
  }
  member->watch(node);
  program.signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return member->health(node) == Health::hung; }));
  program.signal(SIGCONT);
  member->unwatch(node);
  member->unwatch(node);
}

TEST(Keeper, knows_that_a_node_hangs_although_its_predecessor_in_the_slot_is_forgotten) {
  const Place place;
  const auto member = place.join("observer");
  NodeId first;
  {
    Program program(place, "stays");
    first = node_of(program.line());
    member->watch(first);
    program.kill();
  }
  EXPECT_EQ(member->check(first), Health::gone);
  Program program(place, "stays");
  const NodeId second = node_of(program.line());
  ASSERT_EQ(second.slot, first.slot);
  member->watch(second);
  program.signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return member->health(second) == Health::hung; }));
  member->unwatch(first);
  EXPECT_EQ(member->health(second), Health::hung);
  program.signal(SIGCONT);
  member->unwatch(second);
}

TEST(Keeper, does_not_watch_its_own_node) {
  const Place place;
  const auto member = place.join("node");
  const auto descriptors = [] {
    const std::filesystem::directory_iterator begin("/proc/self/fd");
    return std::distance(begin, std::filesystem::directory_iterator());
  };
  const auto before = descriptors();
  member->watch(member->id());
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(member->health(member->id()), Health::alive);
  member->unwatch(member->id());
}

TEST(Keeper, does_not_judge_a_node_that_promises_no_heartbeat) {
  const Place place;
  auto request = place.request("observer");
  const auto events = request.events;
  const auto member = Member::join(request).value();
  Program program(place, "stays_without_keeper");
  const NodeId node = node_of(program.line());
  member->watch(node);
  std::this_thread::sleep_for(600ms);
  EXPECT_EQ(member->health(node), Health::alive);
  EXPECT_FALSE(take_after_joins(*events));
  member->unwatch(node);
}

TEST(Keeper, notices_a_hung_node_that_is_killed) {
  const Place place;
  const auto member = place.join("observer");
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  member->watch(node);
  program.signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return member->health(node) == Health::hung; }));
  program.kill();
  EXPECT_TRUE(eventually([&] { return member->health(node) == Health::gone; }));
  member->unwatch(node);
}

TEST(Keeper, notices_a_node_that_leaves) {
  const Place place;
  const auto member = place.join("observer");
  auto other = place.join("other");
  const NodeId node = other->id();
  Counted kept;
  member->add(3, kept);
  member->watch(node);
  ASSERT_TRUE(eventually([&] { return kept.calls >= 1; }));
  const int calls = kept.calls;
  other.reset();
  EXPECT_EQ(member->health(node), Health::gone);
  EXPECT_TRUE(eventually([&] { return kept.calls > calls; }));
  member->unwatch(node);
  member->remove(kept);
}

TEST(Keeper, reports_once_that_somebody_removed_the_domain) {
  const Place place;
  auto request = place.request("node");
  const auto events = request.events;
  const auto member = Member::join(request).value();
  std::filesystem::remove_all(place.user_path());
  std::optional<Event> event;
  ASSERT_TRUE(eventually([&] { return (event = events->take()).has_value(); }));
  EXPECT_EQ(event->kind, EventKind::domain_lost);
  EXPECT_THAT(event->reason, HasSubstr("the files of domain 'test' in " + place.domain_path() + " were removed"));
  std::this_thread::sleep_for(200ms);
  EXPECT_FALSE(events->take());
  const auto next = place.join("next");  // begins anew, and the old ones leave it alone
  EXPECT_NE(next, nullptr);
}

TEST(Keeper, leaves_a_domain_alone_that_began_anew_after_its_own_was_removed) {
  const Place place;
  auto member = place.join("old", false);
  std::filesystem::remove(place.registry_path());
  const auto next = place.join("new", false);
  ASSERT_EQ(next->id().slot, member->id().slot);
  ASSERT_EQ(place.files_of(0), 4U);
  member.reset();
  EXPECT_TRUE(std::filesystem::exists(place.registry_path()));
  EXPECT_EQ(place.files_of(0), 2U) << "those of the new one";
  EXPECT_TRUE(next->view(next->id()));
}

TEST(Keeper, notices_a_death_after_everything_was_removed) {
  const Place place;
  const auto member = place.join("observer");
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  member->watch(node);
  std::filesystem::remove_all(place.user_path());
  program.kill();
  EXPECT_TRUE(eventually([&] { return member->health(node) == Health::gone; }));
  member->unwatch(node);
}

TEST(Keeper, reaps_by_a_registry_that_was_removed_and_leaves_the_files_of_the_new_one_alone) {
  const Place place;
  const auto member = place.join("old", false);
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  std::filesystem::remove(place.registry_path());
  const auto first = place.join("first", false);
  const auto second = place.join("second", false);
  ASSERT_EQ(second->id().slot, node.slot);
  program.kill();
  ASSERT_EQ(place.files_of(node.slot), 5U);
  EXPECT_EQ(member->check(node), Health::gone);
  EXPECT_EQ(place.files_of(node.slot), 2U) << "those of the new one";
  EXPECT_TRUE(second->view(second->id()));
}

TEST(Keeper, can_be_left_out_and_done_by_hand) {
  const Place place;
  const auto member = place.join("node", false);
  EXPECT_FALSE(member->has_keeper());
  Counted kept;
  member->add(3, kept);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(kept.calls, 0);
  member->keep(0ns);
  EXPECT_EQ(kept.calls, 1);
  member->keep(0ns);
  EXPECT_EQ(kept.calls, 1);

  const auto started = std::chrono::steady_clock::now();
  member->keep(100ms);
  EXPECT_GE(std::chrono::steady_clock::now() - started, 100ms);
  std::thread other([&] {
    std::this_thread::sleep_for(20ms);
    member->bump(3);
  });
  member->keep(10s);
  EXPECT_EQ(kept.calls, 2);
  other.join();

  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  member->watch(node);
  program.kill();
  EXPECT_TRUE(eventually([&] {
    member->keep(1ms);
    return member->health(node) == Health::gone;
  }));
  member->unwatch(node);
  member->remove(kept);
}

TEST(Keeper, by_hand_may_be_called_from_inside_itself) {
  const Place place;
  const auto member = place.join("node", false);
  Counted kept;
  kept.action = [&](auto&) { member->keep(10s); };
  member->add(3, kept);
  member->keep(0ns);
  EXPECT_EQ(kept.calls, 1);
  member->remove(kept);
}

TEST(Keeper, by_hand_may_be_where_the_last_member_goes_although_there_is_a_thread) {
  Place place;
  place.settings().heartbeat = 1min;
  place.settings().hung_after = 2min;
  auto member = place.join("node");
  const auto user = std::this_thread::get_id();
  std::atomic<bool> gone{false};
  Counted kept;
  kept.action = [&](auto&) {
    if (std::this_thread::get_id() != user) return;
    member->bump(3);  // the thread wakes, and waits for the round that this is
    std::this_thread::sleep_for(50ms);
    member->remove(kept);
    member.reset();
    gone = true;
  };
  member->add(3, kept);
  while (!gone) {
    member->bump(3);
    member->keep(0ns);
  }
  EXPECT_TRUE(place.files().empty());
}

TEST(Keeper, needs_no_processor_while_nothing_happens) {
  Place place;
  place.settings().heartbeat = 1s;
  place.settings().hung_after = 5s;
  const auto member = place.join("node");
  Counted kept;
  member->add(3, kept);
  ASSERT_TRUE(eventually([&] { return kept.calls == 1; }));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.05);
  EXPECT_EQ(kept.calls, 1);
  member->remove(kept);
}

TEST(Keeper, survives_many_threads_that_add_remove_and_bump) {
  const Place place;
  const auto member = place.join("node");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        auto kept = std::make_unique<Counted>();
        const auto bucket = static_cast<std::uint32_t>((t + i) % 3);
        member->add(bucket, *kept);
        member->bump(bucket);
        if (i % 4 == 0) std::this_thread::yield();
        member->remove(*kept);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Bells, are_given_out_once_each_until_they_come_back) {
  const Place place;
  const auto member = place.join("node", false);
  std::vector<std::uint32_t> taken;
  while (const auto bell = member->take_bell(BellUse::wait_set)) taken.push_back(*bell);
  EXPECT_EQ(taken.size(), kNodeBells - 1);
  member->give_back_bell(17);
  EXPECT_EQ(member->take_bell(BellUse::wait_set), 17U);
  EXPECT_EQ(member->take_bell(BellUse::callbacks), kNodeBells - 1) << "one is left for callbacks";
  EXPECT_EQ(member->take_bell(BellUse::callbacks), std::nullopt);
}

TEST(Bells, of_a_node_are_the_same_memory_for_its_peers) {
  const Place place;
  const auto member = place.join("node", false);
  const auto other = place.join("other", false);
  const auto mine = member->view(member->id()).value();
  const auto theirs = other->view(member->id()).value();
  EXPECT_EQ(mine.bell(5), theirs.bell(5));
  EXPECT_EQ(mine.bell(kNodeBells), nullptr);
  ASSERT_NE(mine.bell(0), nullptr);
  EXPECT_FALSE(other->view({member->id().slot, member->id().generation + 1}));
}

}  // namespace
}  // namespace baton::domain
