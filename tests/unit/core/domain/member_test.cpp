#include "baton/domain/member.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "place.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;

TEST(Member, joins_and_leaves_without_a_trace) {
  const Place place;
  {
    const auto member = place.join("alone");
    EXPECT_EQ(member->node(), "alone");
    EXPECT_EQ(member->domain(), "test");
    EXPECT_TRUE(member->has_keeper());
    EXPECT_FALSE(member->forked());
    EXPECT_EQ(member->health(member->id()), Health::alive);
    EXPECT_EQ(place.files().size(), 5U) << fmt::format("{}", fmt::join(place.files(), " "));
  }
  EXPECT_TRUE(place.files().empty());
}

TEST(Member, finds_ports_of_another_node_and_notices_when_they_go) {
  const Place place;
  const auto writer = place.join("writer");
  const auto reader = place.join("reader");
  Port publisher(writer, PortRole::publisher, announcement("writer"));
  {
    Port subscriber(reader, PortRole::subscriber, announcement("reader"));
    const auto seen = subscriber.refresh();
    ASSERT_EQ(seen.matched.size(), 1U);
    EXPECT_EQ(seen.matched[0].port, publisher.ref);
    EXPECT_EQ(seen.matched[0].announcement.node, "writer");
    EXPECT_TRUE(subscriber.refresh().matched.empty());
    ASSERT_EQ(publisher.refresh().matched.size(), 1U);
    publisher.peers.forget(subscriber.ref);
    EXPECT_EQ(publisher.refresh().matched.size(), 1U);
  }
  const auto seen = publisher.refresh();
  EXPECT_TRUE(seen.matched.empty());
  EXPECT_EQ(seen.gone.size(), 1U);
}

TEST(Member, makes_a_name_for_a_reader_though_others_make_their_first_one_meanwhile) {
  for (int round = 0; round < 200; ++round) {
    const Place place;
    const auto member = place.join("node");
    ASSERT_TRUE(
        posix::SharedMemory::create(**member->directory(7), 4'096).value().link(**member->directory(7), "file"));
    std::atomic<int> linked{0};
    std::vector<std::thread> threads;
    for (std::uint32_t number = 0; number < 4; ++number) {
      threads.emplace_back([&, number] {
        if (member->link(7, "file", segment_name_for_reader({}, {}, number))) ++linked;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(linked, 4);
    EXPECT_EQ(member->list(7, segment_name_for_reader({}, {}, 0).substr(0, 10)).value().size(), 4U);
    for (std::uint32_t number = 0; number < 4; ++number) member->unlink(7, segment_name_for_reader({}, {}, number));
    member->unlink(7, "file");
  }
}

}  // namespace
}  // namespace baton::domain
