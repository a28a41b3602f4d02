#include "baton/match.hpp"

#include <gtest/gtest.h>

#include "test/conformance.hpp"

namespace baton {
namespace {

PortAnnouncement announce(const std::string& node, Overflow overflow, bool asked) {
  const TypeInfo& type = TypeTraits<conformance::Message>::info();
  PortAnnouncement port;
  port.node = node;
  port.topic = "topic";
  port.transport = "inproc";
  port.type = std::string(type.name);
  port.fingerprint = type.fingerprint;
  port.canonical = std::string(type.canonical);
  port.qos.overflow = overflow;
  port.overflow_asked = asked;
  return port;
}

const PortAnnouncement kDropping = announce("writer", Overflow::drop_oldest, false);
const PortAnnouncement kBlocking = announce("writer", Overflow::block, true);

TEST(Match, connects_ports_that_agree) {
  EXPECT_FALSE(match(kDropping, announce("reader", Overflow::drop_oldest, false)));
  EXPECT_FALSE(match(kBlocking, announce("reader", Overflow::drop_oldest, false)));
}

TEST(Match, names_the_differing_field_to_each_side_from_its_own_view) {
  const TypeInfo& other = TypeTraits<conformance::other::Message>::info();
  PortAnnouncement reader = announce("reader", Overflow::drop_oldest, false);
  reader.fingerprint = other.fingerprint;
  // The same scoped name, as two programs built from different versions of one file would have it.
  reader.canonical = std::string(other.canonical);
  const std::string wrong_name = "conformance::other::Message";
  reader.canonical.replace(reader.canonical.find(wrong_name), wrong_name.size(), "conformance::Message");
  const auto refusal = match(kDropping, reader);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->for_publisher,
            "the types differ: field checksum: uint64 here, float in reader; build both programs "
            "from the same IDL");
  EXPECT_EQ(refusal->for_subscriber,
            "the types differ: field checksum: float here, uint64 in writer; build both "
            "programs from the same IDL");
}

PortAnnouncement announce_plan(const std::string& node, const std::string& members) {
  PortAnnouncement port = announce(node, Overflow::drop_oldest, false);
  port.type = "m::Plan";
  port.canonical = "baton-type 1\ntable m::Plan appendable\n  title string #0\n" + members;
  port.fingerprint.bytes[0] = static_cast<std::uint8_t>(members.size());
  return port;
}

TEST(Match, connects_tables_of_which_one_only_has_more_members) {
  const PortAnnouncement older = announce_plan("older", "");
  const PortAnnouncement newer = announce_plan("newer", "  metres double #1\n");
  EXPECT_FALSE(match(older, newer));
  EXPECT_FALSE(match(newer, older));
}

TEST(Match, refuses_tables_that_have_gone_different_ways_and_says_how_to_go) {
  const auto refusal =
      match(announce_plan("one", "  metres double #1\n"), announce_plan("other", "  feet double #1\n"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(
      refusal->for_publisher,
      "the types differ: field metres: double here, absent in other; build both programs from the same IDL, or only "
      "append to the older one");
}

TEST(Match, refuses_different_transports_and_names_both) {
  PortAnnouncement reader = announce("reader", Overflow::drop_oldest, false);
  reader.transport = "shm";
  const auto refusal = match(kDropping, reader);
  ASSERT_TRUE(refusal);
  EXPECT_NE(refusal->for_publisher.find("inproc here, shm in reader"), std::string::npos) << refusal->for_publisher;
  EXPECT_NE(refusal->for_subscriber.find("shm here, inproc in writer"), std::string::npos) << refusal->for_subscriber;
}

TEST(Match, lets_generic_subscribers_pass_by_what_another_port_of_theirs_receives) {
  PortAnnouncement reader = announce("reader", Overflow::drop_oldest, true);
  EXPECT_FALSE(pass_by(kDropping, reader));
  reader.generic = true;
  EXPECT_FALSE(pass_by(kDropping, reader));
  EXPECT_FALSE(match(kDropping, reader));
  PortAnnouncement other_type = reader;
  other_type.fingerprint = TypeTraits<conformance::other::Message>::info().fingerprint;
  EXPECT_TRUE(pass_by(kDropping, other_type));
  other_type.generic = false;
  EXPECT_FALSE(pass_by(kDropping, other_type));
  PortAnnouncement other_transport = reader;
  other_transport.transport = "shm";
  EXPECT_TRUE(pass_by(kDropping, other_transport));
  PortAnnouncement out_of_reach = reader;
  out_of_reach.reach = Reach::process;
  out_of_reach.process = kDropping.process + 1;
  EXPECT_TRUE(pass_by(kDropping, out_of_reach));
}

TEST(Match, lets_subscribers_to_patterns_pass_by_other_types_and_ways_but_not_other_versions) {
  PortAnnouncement reader = announce("reader", Overflow::drop_oldest, true);
  reader.by_pattern = true;
  EXPECT_FALSE(pass_by(kDropping, reader));
  PortAnnouncement other_type = reader;
  other_type.fingerprint = TypeTraits<conformance::other::Message>::info().fingerprint;
  other_type.canonical = std::string(TypeTraits<conformance::other::Message>::info().canonical);
  EXPECT_TRUE(pass_by(kDropping, other_type));
  PortAnnouncement other_transport = reader;
  other_transport.transport = "shm";
  EXPECT_TRUE(pass_by(kDropping, other_transport));

  const PortAnnouncement older = announce_plan("older", "");
  PortAnnouncement newer = announce_plan("newer", "  metres double #1\n");
  newer.by_pattern = true;
  EXPECT_FALSE(pass_by(older, newer));
  newer.by_pattern = false;
  newer.generic = true;
  EXPECT_TRUE(pass_by(older, newer)) << "it has another port for that";
}

TEST(Match, refuses_a_lossless_wish_that_the_publisher_does_not_grant) {
  for (const Overflow wish : {Overflow::reject, Overflow::block}) {
    EXPECT_TRUE(match(kDropping, announce("reader", wish, true)));
    EXPECT_FALSE(match(kBlocking, announce("reader", wish, true)));
    EXPECT_FALSE(match(kDropping, announce("reader", wish, false))) << "a default is not a wish";
  }
}

TEST(Match, lets_the_subscriber_choose_to_drop_and_the_publisher_everything_else) {
  EXPECT_EQ(connection_overflow(kBlocking, announce("r", Overflow::drop_newest, true)), Overflow::drop_newest);
  EXPECT_EQ(connection_overflow(kBlocking, announce("r", Overflow::drop_oldest, true)), Overflow::drop_oldest);
  EXPECT_EQ(connection_overflow(kBlocking, announce("r", Overflow::drop_oldest, false)), Overflow::block);
  EXPECT_EQ(connection_overflow(kBlocking, announce("r", Overflow::reject, true)), Overflow::block);
  EXPECT_EQ(connection_overflow(kDropping, announce("r", Overflow::drop_newest, false)), Overflow::drop_oldest);
}

}  // namespace
}  // namespace baton
