#include <fstream>

#include <gmock/gmock.h>

#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::HasSubstr;

PortAnnouncement within_process(const std::string& node, std::uint64_t process) {
  PortAnnouncement port = announcement(node);
  port.transport = port.qos.transport = "inproc";
  port.reach = Reach::process;
  port.process = process;
  return port;
}

TEST(Peers, are_those_of_the_topic_in_the_other_role) {
  const Place place;
  const auto member = place.join("node");
  Port publisher(member, PortRole::publisher, announcement("node"));
  const Port another(member, PortRole::publisher, announcement("node"));
  const Port subscriber(member, PortRole::subscriber, announcement("node"));
  const Port elsewhere(member, PortRole::subscriber, announcement("node", "other/topic"));
  const auto seen = publisher.refresh();
  ASSERT_EQ(seen.matched.size(), 1U);
  EXPECT_EQ(seen.matched[0].port, subscriber.ref);
  EXPECT_EQ(seen.matched[0].port_id, subscriber.ref.port);
  EXPECT_TRUE(publisher.events.empty());
}

TEST(Peers, come_oldest_first) {
  const Place place;
  const auto member = place.join("node", false);
  std::vector<std::unique_ptr<Port>> publishers;
  std::vector<PortRef> expected;
  for (int i = 0; i < 12; ++i) {
    publishers.push_back(std::make_unique<Port>(member, PortRole::publisher, announcement("node")));
    expected.push_back(publishers.back()->ref);
  }
  Port subscriber(member, PortRole::subscriber, announcement("node"));
  std::vector<PortRef> found;
  for (const auto& peer : subscriber.refresh().matched) found.push_back(peer.port);
  EXPECT_EQ(found, expected);
}

TEST(Peers, that_do_not_match_are_told_why_on_both_sides_and_once) {
  const Place place;
  const auto writer = place.join("writer", false);
  const auto reader = place.join("reader", false);
  PortAnnouncement wish = announcement("reader");
  wish.qos.overflow = Overflow::block;
  wish.asked.overflow = true;
  Port publisher(writer, PortRole::publisher, announcement("writer"));
  Port subscriber(reader, PortRole::subscriber, wish);
  EXPECT_TRUE(publisher.refresh().matched.empty());
  EXPECT_TRUE(subscriber.refresh().matched.empty());
  {
    // Others come to the topic, so that everybody looks at all of it again.
    PortAnnouncement blocking = announcement("another");
    blocking.qos.overflow = Overflow::block;
    const Port another(writer, PortRole::publisher, blocking);
    const Port one_more(reader, PortRole::subscriber, announcement("one_more"));
    EXPECT_EQ(publisher.refresh().matched.size(), 1U);
    EXPECT_EQ(subscriber.refresh().matched.size(), 1U);
  }
  ASSERT_EQ(publisher.events.size(), 1U);
  EXPECT_EQ(publisher.events[0].kind, EventKind::refused);
  EXPECT_EQ(publisher.events[0].peer, "reader");
  EXPECT_THAT(publisher.events[0].reason, HasSubstr("drop_oldest here, block asked for by reader"));
  ASSERT_EQ(subscriber.events.size(), 1U);
  EXPECT_EQ(subscriber.events[0].peer, "writer");
  EXPECT_THAT(subscriber.events[0].reason, HasSubstr("block asked for here, drop_oldest in writer"));
  EXPECT_EQ(writer->events()->take()->kind, EventKind::joined) << "of the reader's node";
  EXPECT_EQ(writer->events()->take()->reason, publisher.events[0].reason) << "it has its place in the queue";
}

TEST(Peers, of_two_processes_cannot_be_connected_within_one) {
  const Place place;
  const auto writer = place.join("writer", false);
  const auto reader = place.join("reader", false);
  Port publisher(writer, PortRole::publisher, within_process("writer", 1));
  Port subscriber(reader, PortRole::subscriber, within_process("reader", 2));
  EXPECT_TRUE(publisher.refresh().matched.empty());
  EXPECT_TRUE(subscriber.refresh().matched.empty());
  ASSERT_EQ(publisher.events.size(), 1U);
  EXPECT_EQ(publisher.events[0].reason,
            "inproc reaches the nodes of one process only, and reader is in another one; use shm for the topic in both "
            "configurations");
  ASSERT_EQ(subscriber.events.size(), 1U);
  EXPECT_THAT(subscriber.events[0].reason, HasSubstr("and writer is in another one"));
}

TEST(Peers, of_one_process_and_transport_are_left_to_the_transport) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, within_process("node", 1));
  const Port subscriber(member, PortRole::subscriber, within_process("node", 1));
  EXPECT_TRUE(publisher.refresh().matched.empty());
  EXPECT_TRUE(publisher.events.empty());
}

TEST(Peers, with_other_transports_are_refused_in_one_process_too) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, within_process("writer", 1));
  PortAnnouncement other = announcement("reader");
  other.process = 1;
  const Port subscriber(member, PortRole::subscriber, other);
  EXPECT_TRUE(publisher.refresh().matched.empty());
  ASSERT_EQ(publisher.events.size(), 1U);
  EXPECT_THAT(publisher.events[0].reason, HasSubstr("inproc here, shm in reader"));
}

TEST(Peers, whose_files_are_damaged_are_reported_once_and_passed_over) {
  const Place place;
  const auto member = place.join("node", false);
  const auto bucket = bucket_of("topic");
  const std::string directory = fmt::format("{}/{:02x}/", place.domain_path(), bucket);
  Port publisher(member, PortRole::publisher, announcement("node"));
  const Port good(member, PortRole::subscriber, announcement("node"));
  std::vector<std::string> names;
  for (const char* content : {"", "too short", "{}"}) {
    names.push_back(port_file_name(PortRole::subscriber, "topic", {member->id(), member->next_port()}));
    std::ofstream(directory + names.back()) << content << std::string(*content == '{' ? 300 : 0, '\0');
  }
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(publisher.refresh().matched.size(), round == 0 ? 1U : 0U);
    member->bump(bucket);
  }
  ASSERT_EQ(publisher.events.size(), names.size());
  for (const Event& event : publisher.events) {
    EXPECT_EQ(event.kind, EventKind::refused);
    EXPECT_THAT(names, testing::Contains(event.peer));
    EXPECT_THAT(event.reason, HasSubstr("its announcement cannot be used"));
    EXPECT_THAT(event.reason, HasSubstr(event.peer)) << "the file is named";
  }
  for (const std::string& name : names) std::filesystem::remove(directory + name);
}

TEST(Peers, of_a_damaged_domain_are_not_found_and_that_is_said_once) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, announcement("node"));
  EXPECT_TRUE(publisher.refresh().matched.empty());
  std::filesystem::remove_all(place.user_path());
  member->bump(bucket_of("topic"));
  EXPECT_TRUE(publisher.refresh().matched.empty());
  const auto none = Presence::announce(member, PortRole::subscriber, {member->id(), 9}, announcement("node"), 1, 64);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("topic 'topic': cannot be announced in domain 'test'"));
  EXPECT_THAT(none.error().message(), HasSubstr(place.domain_path())) << "where";
  EXPECT_EQ(none.error().os_errno(), ENOENT);
}

TEST(Peers, whose_files_could_not_be_read_for_a_while_are_found_afterwards) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, announcement("node"));
  Port subscriber(member, PortRole::subscriber, announcement("node"));
  EXPECT_EQ(publisher.refresh().matched.size(), 1U);  // which lists the directory for both
  {
    const NoDescriptors none;
    EXPECT_TRUE(subscriber.refresh().matched.empty());
    EXPECT_TRUE(subscriber.refresh().matched.empty());
  }
  EXPECT_EQ(subscriber.refresh().matched.size(), 1U);
  ASSERT_EQ(subscriber.events.size(), 1U) << "said once";
  EXPECT_THAT(subscriber.events[0].reason, HasSubstr("raise the limit of open files"));
}

TEST(Peers, whose_files_may_not_be_opened_do_not_hide_the_others) {
  const Place place;
  const auto member = place.join("node", false);
  Port publisher(member, PortRole::publisher, announcement("node"));
  const Port good(member, PortRole::subscriber, announcement("node"));
  const std::string socket = port_file_name(PortRole::subscriber, "topic", {member->id(), member->next_port()});
  const auto bound = posix::Socket::bind(*member->directory(bucket_of("topic")).value(), socket).value();
  EXPECT_EQ(publisher.refresh().matched.size(), 1U);
  ASSERT_EQ(publisher.events.size(), 1U);
  EXPECT_EQ(publisher.events[0].peer, socket);
  EXPECT_THAT(publisher.events[0].reason, HasSubstr("is not a regular file; remove it"));
  member->unlink(bucket_of("topic"), socket);
}

TEST(Peers, that_die_are_gone_when_they_have_been_reaped) {
  const Place place;
  const auto member = place.join("reader", false);
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  Port subscriber(member, PortRole::subscriber, announcement("reader"));
  const auto seen = subscriber.refresh();
  ASSERT_EQ(seen.matched.size(), 1U);
  EXPECT_EQ(seen.matched[0].port.node, node);
  program.kill();
  EXPECT_TRUE(subscriber.refresh().gone.empty());
  EXPECT_EQ(member->check(node), Health::gone);
  const auto later = subscriber.refresh();
  EXPECT_EQ(later.gone, std::vector<PortRef>{seen.matched[0].port});
}

TEST(Peers, of_a_thousand_ports_are_found_in_reasonable_time) {
  const Place place;
  const auto member = place.join("node", false);
  std::vector<std::unique_ptr<Port>> subscribers;
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) {
    subscribers.push_back(std::make_unique<Port>(member, PortRole::subscriber, announcement("node")));
  }
  const auto announced = std::chrono::steady_clock::now() - started;
  Port publisher(member, PortRole::publisher, announcement("node"));
  EXPECT_EQ(publisher.refresh().matched.size(), 1'000U);
  using us = std::chrono::microseconds;
  RecordProperty("us_to_announce", static_cast<int>(std::chrono::duration_cast<us>(announced).count() / 1'000));
  EXPECT_LT(announced, 5s) << "0.1 s on a machine without other work";
}

}  // namespace
}  // namespace baton::domain
