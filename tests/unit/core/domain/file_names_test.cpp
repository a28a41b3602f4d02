#include "domain/file_names.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace baton::domain {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
const PortRef kPort{{kMaxNodes - 1, kLargest}, std::numeric_limits<std::uint32_t>::max()};
const PortRef kOther{{7, 1'700'000'000'000'001}, 3};

TEST(FileNames, tell_the_owner_of_every_kind_of_file) {
  EXPECT_EQ(owner_of(node_file_name(kPort.node)), kPort.node);
  EXPECT_EQ(owner_of(node_socket_name(kPort.node)), kPort.node);
  EXPECT_EQ(owner_of(port_file_name(PortRole::publisher, "a/b", kPort)), kPort.node);
  EXPECT_EQ(owner_of(port_file_name(PortRole::subscriber, "a/b", kPort)), kPort.node);
  EXPECT_EQ(owner_of(segment_name(kPort, 5)), kPort.node);
  EXPECT_EQ(owner_of(inbox_name(kPort)), kPort.node);
  EXPECT_EQ(owner_of(bell_socket_name(kPort)), kPort.node);
  EXPECT_EQ(owner_of(segment_name_for_reader(kPort, kOther, 5)), kPort.node) << "it is the reader's";
  EXPECT_EQ(owner_of(segment_name_for_reader(kOther, kPort, 5)), kOther.node);
}

TEST(FileNames, of_ports_say_role_topic_and_port) {
  for (const PortRole role : {PortRole::publisher, PortRole::subscriber}) {
    const auto parsed = parse_port_file_name(port_file_name(role, "camera/front", kOther));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->role, role);
    EXPECT_EQ(parsed->topic_hash, topic_hash("camera/front"));
    EXPECT_EQ(parsed->owner, kOther);
  }
}

TEST(FileNames, of_what_latched_publishers_leave_belong_together) {
  const std::string announcement = latched_name("camera/front", kOther);
  const auto parsed = parse_port_file_name(announcement);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->latched);
  EXPECT_EQ(parsed->role, PortRole::publisher);
  EXPECT_EQ(parsed->topic_hash, topic_hash("camera/front"));
  EXPECT_EQ(parsed->owner, kOther);
  for (const std::string& name :
       {announcement, latched_ring_name("camera/front", kOther), latched_segment_name("camera/front", kOther, 5)}) {
    EXPECT_EQ(owner_of(name), kOther.node);
    EXPECT_TRUE(name.starts_with(latched_prefix("camera/front")));
    const auto port = latched_port_in(name);
    ASSERT_TRUE(port) << name;
    EXPECT_EQ(latched_name(*port), announcement);
    EXPECT_EQ(parse_port_file_name(name).has_value(), name == announcement);
  }
  EXPECT_FALSE(parse_port_file_name(port_file_name(PortRole::publisher, "camera/front", kOther))->latched);
  EXPECT_FALSE(latched_port_in(port_file_name(PortRole::publisher, "camera/front", kOther)));
  EXPECT_FALSE(latched_port_in(segment_name(kOther, 5)));
}

TEST(FileNames, differ_for_everything_that_may_exist_at_once) {
  EXPECT_NE(segment_name(kPort, 1), segment_name(kPort, 2));
  EXPECT_NE(segment_name_for_reader(kPort, kOther, 1), segment_name_for_reader(kOther, kPort, 1));
  EXPECT_NE(port_file_name(PortRole::publisher, "a", kPort), port_file_name(PortRole::publisher, "b", kPort));
}

TEST(FileNames, that_are_not_ours_belong_to_nobody) {
  for (const char* name :
       {"", ".", "..", "registry", "node", "node.", "node.1", "node.1.", "node.1024.1", "node.01.1", "node.1.01",
        "node.-1.1", "node.+1.1", "node. 1.1", "node.1.18446744073709551616", "node.a.1", "node.1.1x", ".1.1", "0a"}) {
    EXPECT_FALSE(owner_of(name)) << name;
  }
  for (const char* name :
       {"pub-0123456789abcdef.1.1", "pub-0123456789abcde.1.1.1", "pub-0123456789ABCDEF.1.1.1",
        "pub-0123456789abcdef.1.1.1.1", "pub-0123456789abcdef.1.1.1.", "latched-0123456789abcdef.1.1",
        "pub-0123456789abcdef.1.1.4294967296", "pub.1.1.1", "bell.1.1.1"}) {
    EXPECT_FALSE(parse_port_file_name(name)) << name;
  }
}

TEST(FileNames, of_sockets_fit_into_an_address) {
  // "/proc/self/fd/1048575/" and a name, in 107 bytes.
  EXPECT_LE(bell_socket_name(kPort).size(), 80U);
  EXPECT_LE(node_socket_name(kPort.node).size(), 80U);
}

TEST(FileNames, of_buckets_are_two_digits) {
  EXPECT_EQ(bucket_name(0), "00");
  EXPECT_EQ(bucket_name(255), "ff");
  EXPECT_EQ(parse_bucket_name("a5"), 0xa5U);
  for (const char* name : {"", "a", "A5", "g0", "100"}) EXPECT_FALSE(parse_bucket_name(name)) << name;
}

TEST(FileNames, hash_topics_as_fnv_1a_does) {
  EXPECT_EQ(topic_hash(""), 0xcbf29ce484222325U);
  EXPECT_EQ(topic_hash("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(bucket_of("a"), 0x8cU);
}

}  // namespace
}  // namespace baton::domain
