// What a node is told of the others of its domain: who has joined, left and died.
#include "domain/roster.hpp"

#include <atomic>
#include <mutex>
#include <set>

#include <gmock/gmock.h>

#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;

/// A member without a keeper, and what it is told: "<kind> <peer>".
class Observer {
 public:
  explicit Observer(const Place& place, const std::string& name = "observer") : request_(place.request(name, false)) {
    member_ = Member::join(request_).value();
  }

  Member& member() { return *member_; }
  EventQueue& events() { return *request_.events; }

  std::vector<std::string> taken() {
    std::vector<std::string> found;
    while (const auto event = events().take()) {
      EXPECT_TRUE(event->topic.empty() && event->reason.empty());
      found.push_back(fmt::format("{} {}", to_string(event->kind), event->peer));
    }
    return found;
  }
  std::vector<std::string> kept() {
    member_->keep(0ns);
    return taken();
  }

 private:
  const Member::Request request_;
  std::shared_ptr<Member> member_;
};

TEST(Roster, tells_a_node_of_those_who_are_there_already_and_of_each_who_comes_and_goes_once) {
  const Place place;
  const auto first = place.join("first", false);
  Observer observer(place);
  EXPECT_THAT(observer.kept(), ElementsAre("joined first"));
  EXPECT_THAT(observer.kept(), IsEmpty());
  auto second = place.join("second", false);
  EXPECT_THAT(observer.kept(), ElementsAre("joined second"));
  second.reset();
  EXPECT_THAT(observer.kept(), ElementsAre("left second"));
  EXPECT_THAT(observer.kept(), IsEmpty());
}

TEST(Roster, is_about_all_nodes_of_the_domain_also_of_one_name) {
  const Place place;
  Observer observer(place, "same");
  const auto second = place.join("same", false);
  auto third = place.join("same", false);
  EXPECT_THAT(observer.kept(), ElementsAre("joined same", "joined same"));
  third.reset();
  EXPECT_THAT(observer.kept(), ElementsAre("left same"));
}

TEST(Roster, wakes_the_others_when_somebody_joins_and_leaves) {
  Place place;
  place.settings().heartbeat = 1min;  // no tick finds it
  place.settings().hung_after = 2min;
  const auto request = place.request("observer");
  const auto observer = Member::join(request).value();
  std::this_thread::sleep_for(20ms);
  auto other = place.join("other", false);
  EXPECT_TRUE(eventually([&] {
    const auto event = request.events->take();
    return event && event->kind == EventKind::joined && event->peer == "other";
  }));
  other.reset();
  EXPECT_TRUE(eventually([&] {
    const auto event = request.events->take();
    return event && event->kind == EventKind::left && event->peer == "other";
  }));
}

TEST(Roster, does_not_have_everything_called_because_somebody_joins) {
  const Place place;
  Observer observer(place);
  class Counted final : public Kept {
   public:
    void keep(std::vector<Event>&) noexcept override { ++calls; }
    int calls = 0;
  } kept;
  observer.member().add(3, kept);
  observer.member().keep(0ns);
  ASSERT_EQ(kept.calls, 1);
  auto other = place.join("other", false);
  EXPECT_THAT(observer.kept(), ElementsAre("joined other"));
  EXPECT_EQ(kept.calls, 1);
  other.reset();
  EXPECT_THAT(observer.kept(), ElementsAre("left other"));
  EXPECT_EQ(kept.calls, 2) << "it may have been connected";
  observer.member().remove(kept);
}

TEST(Roster, ends_the_wait_of_who_keeps_a_node_by_hand) {
  const Place place;
  Observer observer(place);
  std::shared_ptr<Member> other;
  std::thread joining([&] {
    std::this_thread::sleep_for(20ms);
    other = place.join("other", false);
  });
  observer.member().keep(10s);
  EXPECT_THAT(observer.taken(), ElementsAre("joined other"));
  joining.join();
}

TEST(Roster, tells_who_died_from_who_left_however_his_end_is_found) {
  for (const std::string finder : {"observer", "joiner", "check"}) {
    SCOPED_TRACE(finder);
    const Place place;
    Observer observer(place);
    Program program(place, "stays_without_keeper");
    const NodeId node = node_of(program.line());
    ASSERT_THAT(observer.kept(), ElementsAre("joined other"));
    program.kill();
    if (finder == "joiner") {
      const auto next = place.join("next", false);  // takes its slot
      ASSERT_EQ(next->id().slot, node.slot);
      EXPECT_THAT(observer.kept(), ElementsAre("died other", "joined next"));
      continue;
    }
    if (finder == "check") {
      EXPECT_EQ(observer.member().check(node), Health::gone);
    }
    std::vector<std::string> told;
    EXPECT_TRUE(eventually([&] { return !(told = observer.kept()).empty(); }));
    EXPECT_THAT(told, ElementsAre("died other"));
  }
}

TEST(Roster, knows_that_a_node_died_although_others_have_come_and_gone_in_its_slot_since) {
  const Place place;
  Observer observer(place);
  NodeId node;
  {
    Program program(place, "stays_without_keeper");
    node = node_of(program.line());
    ASSERT_THAT(observer.kept(), ElementsAre("joined other"));
    program.kill();
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(place.join("brief", false)->id().slot, node.slot);
  const auto last = place.join("last", false);
  ASSERT_EQ(last->id().slot, node.slot);
  EXPECT_THAT(observer.kept(), ElementsAre("died other", "joined last"));
}

TEST(Roster, lets_a_node_leave_before_another_takes_its_slot_or_its_name) {
  const Place place;
  Observer observer(place);
  auto other = place.join("other", false);
  ASSERT_THAT(observer.kept(), ElementsAre("joined other"));
  other.reset();
  other = place.join("other", false);
  EXPECT_THAT(observer.kept(), ElementsAre("left other", "joined other"));
}

TEST(Roster, has_a_node_that_ended_in_the_middle_of_its_leaving_for_one_that_left) {
  const Place place;
  Observer observer(place);
  Program program(place, "stays_without_keeper");
  const NodeId node = node_of(program.line());
  ASSERT_THAT(observer.kept(), ElementsAre("joined other"));
  const auto file = posix::SharedMemory::open(posix::FileDescriptor::open(place.domain_path(), O_RDONLY).value(),
                                              "registry", posix::Access::read_write, ::geteuid(), sizeof(Registry))
                        .value();
  const auto map = posix::Mapping::map(file, 0, sizeof(Registry), posix::Access::read_write).value();
  auto& registry = *reinterpret_cast<Registry*>(map.writable_bytes().data());
  registry.nodes[node.slot].state.store(NodeState::leaving);
  program.kill();
  EXPECT_EQ(observer.member().check(node), Health::gone);
  std::vector<std::string> told;
  EXPECT_TRUE(eventually([&] { return !(told = observer.kept()).empty(); }));
  EXPECT_THAT(told, ElementsAre("left other"));
}

TEST(Roster, calls_a_node_by_its_place_whose_file_is_of_no_use) {
  const Place place;
  Observer observer(place);
  const auto other = place.join("other", false);
  std::filesystem::resize_file(
      fmt::format("{}/node.{}.{}", place.domain_path(), other->id().slot, other->id().generation), 100);
  EXPECT_THAT(observer.kept(), ElementsAre(fmt::format("joined node {}.{}", other->id().slot, other->id().generation)));
}

TEST(Roster, tells_later_of_whom_it_could_not_look_at) {
  const Place place;
  Observer observer(place);
  const auto other = place.join("other", false);
  {
    const NoDescriptors none;
    EXPECT_THAT(observer.kept(), IsEmpty());
  }
  EXPECT_THAT(observer.kept(), ElementsAre("joined other"));
}

TEST(Roster, tells_of_a_node_before_its_ports_and_of_its_end_after_their_end) {
  const Place place;
  Observer observer(place);
  Port subscriber(observer.member().shared_from_this(), PortRole::subscriber, announcement("observer"));
  std::vector<std::string> told;
  class Listening final : public Kept {
   public:
    void keep(std::vector<Event>& to_announce) noexcept override {
      const auto changes = subscriber->peers.refresh(subscriber->events);
      for (const Event& event : subscriber->events) told->push_back(std::string(to_string(event.kind)));
      subscriber->events.clear();
      for (std::size_t i = 0; i < changes.matched.size(); ++i) told->push_back("matched");
      for (std::size_t i = 0; i < changes.gone.size(); ++i) told->push_back("unmatched");
      to_announce.clear();
    }
    Port* subscriber = nullptr;
    std::vector<std::string>* told = nullptr;
  } kept;
  kept.subscriber = &subscriber;
  kept.told = &told;
  observer.events().set_callback([&](const Event& event) { told.emplace_back(to_string(event.kind)); });
  observer.member().add(bucket_of("topic"), kept);
  {
    const auto other = place.join("other", false);
    const Port publisher(other, PortRole::publisher, announcement("other"));
    observer.member().keep(0ns);
  }
  observer.member().keep(0ns);
  EXPECT_THAT(told, ElementsAre("joined", "matched", "unmatched", "left"));
  observer.member().remove(kept);
}

TEST(Roster, lets_a_callback_end_the_membership_while_there_is_more_to_tell) {
  const Place place;
  const auto first = place.join("first", false);
  const auto second = place.join("second", false);
  const auto request = place.request("observer");
  std::mutex mutex;
  std::shared_ptr<Member> member;
  std::atomic<int> calls{0};
  request.events->set_callback([&](const Event&) {
    const std::lock_guard lock(mutex);  // until it is there
    member.reset();
    ++calls;
  });
  {
    const std::lock_guard lock(mutex);
    member = Member::join(request).value();
  }
  EXPECT_TRUE(eventually([&] { return calls == 2; }));
  EXPECT_EQ(place.files_of(2), 0U);
}

TEST(Roster, agrees_with_itself_however_many_come_and_go_at_once) {
  const Place place;
  const auto request = place.request("observer");
  std::mutex mutex;
  std::multiset<std::string> there;
  std::size_t joined = 0;
  request.events->set_callback([&](const Event& event) {
    const std::lock_guard lock(mutex);
    if (event.kind == EventKind::joined) {
      ++joined;
      there.insert(event.peer);
      return;
    }
    EXPECT_EQ(event.kind, EventKind::left);
    const auto found = there.find(event.peer);
    ASSERT_NE(found, there.end()) << event.peer << " has left without having joined";
    there.erase(found);
  });
  const auto observer = Member::join(request).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) ASSERT_TRUE(place.try_join(fmt::format("node_{}", t), i % 2 == 0));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto last = place.join("last", false);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return there == std::multiset<std::string>{"last"};
  }));
  EXPECT_GT(joined, 1U);
}

}  // namespace
}  // namespace baton::domain
