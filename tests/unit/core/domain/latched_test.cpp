// What stays of a domain's files when a latched publisher goes.
#include <fstream>
#include <set>

#include <gmock/gmock.h>

#include "domain/file_names.hpp"
#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kTopic = "topic";

class Latched : public testing::Test {
 protected:
  /// A publisher with all that one of a transport has: it is latched, if `whole`.
  PortRef leave(const std::string& node, bool whole = true, PortAnnouncement announced = announcement("writer")) {
    const auto member = place_.join(node, false);
    const Port port(member, PortRole::publisher, announced);
    make(latched_ring_name(announced.topic, port.ref));
    make(latched_segment_name(announced.topic, port.ref, 0));
    if (whole) {
      EXPECT_TRUE(port.presence->latch());
    }
    return port.ref;
  }

  void make(const std::string& name) const { std::ofstream(bucket() + "/" + name) << "something"; }
  std::string bucket(const std::string& topic = kTopic) const {
    return place_.domain_path() + "/" + bucket_name(bucket_of(topic));
  }

  std::size_t left() const {
    std::size_t count = 0;
    for (const std::string& file : place_.files()) count += file.find("latched-") != std::string::npos ? 1 : 0;
    return count;
  }

  void TearDown() override {
    { place_.join("last")->remove_latched(kTopic); }
    EXPECT_EQ(place_.files(), std::vector<std::string>{});
  }

  Place place_;
};

TEST_F(Latched, files_stay_when_their_node_and_everybody_has_gone) {
  leave("writer");
  EXPECT_EQ(left(), 3U);
  EXPECT_FALSE(std::filesystem::exists(place_.registry_path()));
  { const auto other = place_.join("other"); }
  EXPECT_EQ(left(), 3U);
}

TEST_F(Latched, files_without_their_announcement_go_with_the_node) {
  leave("writer", false);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(place_.files(), std::vector<std::string>{});
}

TEST_F(Latched, publishers_that_are_gone_are_found_once) {
  const PortRef gone = leave("writer");
  const auto member = place_.join("node", false);
  Port present(member, PortRole::publisher, announcement("node"));
  ASSERT_TRUE(present.presence->latch());
  Port subscriber(member, PortRole::subscriber, announcement("node"));
  const auto seen = subscriber.refresh();
  ASSERT_EQ(seen.left.size(), 1U);
  EXPECT_EQ(seen.left[0].port, gone);
  EXPECT_EQ(seen.left[0].port_id, gone.port);
  EXPECT_EQ(seen.left[0].announcement.node, "writer");
  ASSERT_EQ(seen.matched.size(), 1U) << "one that is there is no other than any";
  EXPECT_EQ(seen.matched[0].port, present.ref);
  EXPECT_TRUE(subscriber.refresh().left.empty());
  present.presence.reset();
  const auto later = subscriber.refresh();
  ASSERT_EQ(later.left.size(), 1U);
  EXPECT_EQ(later.left[0].port, present.ref);
  EXPECT_EQ(later.gone.size(), 1U);
  EXPECT_TRUE(present.refresh().left.empty()) << "nothing is left for publishers";
}

TEST_F(Latched, publishers_that_do_not_match_are_told_of_once) {
  PortAnnouncement announced = announcement("writer");
  announced.canonical = "struct test::Other { float value; }";
  announced.fingerprint.bytes[0] ^= 1U;
  leave("writer", true, announced);
  const auto member = place_.join("node", false);
  Port subscriber(member, PortRole::subscriber, announcement("node"));
  EXPECT_TRUE(subscriber.refresh().left.empty());
  ASSERT_EQ(subscriber.events.size(), 1U);
  EXPECT_THAT(subscriber.events[0].reason, HasSubstr("the types differ"));
  member->bump(bucket_of(kTopic));
  EXPECT_TRUE(subscriber.refresh().left.empty());
  EXPECT_EQ(subscriber.events.size(), 1U);
}

TEST_F(Latched, publishers_that_were_refused_when_they_were_there_are_told_of_no_more_when_they_are_gone) {
  const auto member = place_.join("node", false);
  PortAnnouncement announced = announcement("writer");
  announced.canonical = "struct test::Other { float value; }";
  announced.fingerprint.bytes[0] ^= 1U;
  Port present(member, PortRole::publisher, announced);
  ASSERT_TRUE(present.presence->latch());
  Port subscriber(member, PortRole::subscriber, announcement("node"));
  subscriber.refresh();
  ASSERT_EQ(subscriber.events.size(), 1U);
  present.presence.reset();
  for (int i = 0; i < 3; ++i) {
    const auto seen = subscriber.refresh();
    EXPECT_TRUE(seen.left.empty());
    EXPECT_TRUE(seen.gone.empty());
    member->bump(bucket_of(kTopic));
  }
  EXPECT_EQ(subscriber.events.size(), 1U);
}

TEST_F(Latched, files_are_removed_by_the_next_publisher_and_nobody_elses) {
  leave("writer");
  const auto member = place_.join("node", false);
  const Port present(member, PortRole::publisher, announcement("node"));
  ASSERT_TRUE(present.presence->latch());
  member->remove_latched("other/topic");
  EXPECT_EQ(left(), 4U);
  const std::uint32_t epoch = member->epoch(bucket_of(kTopic)).load();
  member->remove_latched(kTopic);
  EXPECT_EQ(left(), 1U);
  EXPECT_NE(member->epoch(bucket_of(kTopic)).load(), epoch);
  present.presence->unlatch();
}

TEST_F(Latched, files_that_cannot_be_read_are_removed_as_well) {
  const PortRef owner = leave("writer");
  const auto member = place_.join("node", false);
  std::ofstream(bucket() + "/" + latched_name(kTopic, owner), std::ios::binary) << "garbage";
  member->remove_latched(kTopic);
  EXPECT_EQ(left(), 0U);
}

TEST_F(Latched, files_whose_announcement_was_removed_before_a_crash_are_removed_by_the_next_one) {
  const PortRef owner = leave("writer");
  std::filesystem::remove(bucket() + "/" + latched_name(kTopic, owner));
  {
    const auto member = place_.join("node", false);
    EXPECT_EQ(left(), 2U);
    member->remove_latched(kTopic);
    EXPECT_EQ(left(), 0U);
  }
}

TEST_F(Latched, files_of_a_publisher_whose_reaper_was_killed_are_removed) {
  const auto member = place_.join("node", false);
  Program program(place_, "latches");
  const NodeId dead = node_of(program.line());
  program.kill();
  {
    // What a reaper does first.
    const auto offset = offsetof(Registry, nodes) + dead.slot * sizeof(NodeSlot) + offsetof(NodeSlot, state);
    const NodeState leaving = NodeState::leaving;
    std::fstream registry(place_.registry_path(), std::ios::in | std::ios::out | std::ios::binary);
    registry.seekp(static_cast<std::streamoff>(offset));
    registry.write(reinterpret_cast<const char*>(&leaving), sizeof(leaving));
  }
  ASSERT_EQ(member->health(dead), Health::gone);
  EXPECT_EQ(left(), 1U);
  member->remove_latched(kTopic);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(place_.files_of(dead.slot), 0U);
}

TEST_F(Latched, files_of_a_publisher_in_the_making_are_not_removed) {
  const auto member = place_.join("node", false);
  const PortRef owner{member->id(), member->next_port()};
  ASSERT_TRUE(member->directory(bucket_of(kTopic)));
  make(latched_ring_name(kTopic, owner));
  member->remove_latched(kTopic);
  EXPECT_EQ(left(), 1U);
}

TEST_F(Latched, generations_come_after_those_in_names_that_stay) {
  leave("writer");
  const PortRef later{{0, 9'000'000'000'000'000}, 1};
  make(latched_segment_name(kTopic, later, 0));
  const auto member = place_.join("node", false);
  EXPECT_GT(member->id().generation, later.node.generation);
}

TEST_F(Latched, generations_in_names_that_no_node_has_ever_had_count_for_nothing) {
  leave("writer");
  make(latched_name(kTopic, {{0, UINT64_MAX - 1}, 1}));
  const auto stays = place_.join("stays", false);
  std::set<NodeId> seen;
  for (int i = 0; i < 3; ++i) {
    const auto member = place_.join("node", false);
    EXPECT_TRUE(seen.insert(member->id()).second) << member->id().generation << " for the second time";
    EXPECT_LT(member->id().generation, UINT64_MAX / 4);
  }
}

TEST_F(Latched, files_are_in_order_as_long_as_their_announcement_is_there) {
  const PortRef owner = leave("writer");
  const auto member = place_.join("node", false);
  EXPECT_THAT(member->audit(), IsEmpty());
  std::filesystem::remove(bucket() + "/" + latched_segment_name(kTopic, owner, 0));
  std::filesystem::remove(bucket() + "/" + latched_name(kTopic, owner));
  EXPECT_THAT(member->audit(), ElementsAre(AllOf(HasSubstr(latched_ring_name(kTopic, owner)), HasSubstr("is left of"),
                                                 HasSubstr("which is gone"))));
}

TEST_F(Latched, announcements_that_cannot_be_read_are_not_in_order) {
  const PortRef owner = leave("writer");
  const auto member = place_.join("node", false);
  std::ofstream(bucket() + "/" + latched_name(kTopic, owner), std::ios::binary) << "garbage";
  EXPECT_THAT(member->audit(), ElementsAre(HasSubstr(latched_name(kTopic, owner))));
}

TEST_F(Latched, publishers_are_among_those_for_who_does_not_know_its_topics) {
  leave("writer");
  const auto member = place_.join("node", false);
  Ports ports(member, Ports::Which::publishers, [] {});
  std::vector<Ports::Port> found;
  EXPECT_TRUE(ports.look(found));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].announcement->topic, kTopic);
  Ports present(member, Ports::Which::all, [] {});
  EXPECT_TRUE(present.look(found));
  EXPECT_TRUE(found.empty()) << "it is not there any more";
}

}  // namespace
}  // namespace baton::domain
