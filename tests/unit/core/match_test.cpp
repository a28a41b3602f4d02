#include "baton/match.hpp"

#include <gmock/gmock.h>

#include "test/conformance.hpp"

namespace baton {
namespace {

using namespace std::chrono_literals;

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
  port.asked.overflow = asked;
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
  EXPECT_EQ(match(kDropping, announce("reader", Overflow::block, true))->for_publisher,
            "the overflow policies differ: drop_oldest here, block asked for by reader; set overflow = \"block\" or "
            "\"reject\" for the publisher");
  EXPECT_EQ(match(kDropping, announce("reader", Overflow::block, true))->for_subscriber,
            "the overflow policies differ: block asked for here, drop_oldest in writer; set overflow = \"block\" or "
            "\"reject\" for the publisher, or let this subscriber drop");
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

/// A port with these explicit settings, as a node makes it of them.
PortAnnouncement with(const std::string& node, const QosSettings& settings) {
  PortAnnouncement port = announce(node, Overflow::drop_oldest, false);
  port.qos = resolve(settings, node).value();
  port.asked = asks_of(settings);
  return port;
}

TEST(Match, refuses_a_deadline_that_the_publisher_does_not_promise) {
  const PortAnnouncement reader = with("reader", {.deadline = 100ms});
  const auto unpromised = match(with("writer", {}), reader);
  ASSERT_TRUE(unpromised);
  EXPECT_EQ(unpromised->for_publisher,
            "the deadlines differ: none here, 100 ms asked for by reader; set deadline = \"100 ms\" or shorter for the "
            "publisher");
  EXPECT_EQ(unpromised->for_subscriber,
            "the deadlines differ: 100 ms asked for here, none in writer; set deadline = \"100 ms\" or shorter for the "
            "publisher, or ask for none here");
  const auto longer = match(with("writer", {.deadline = 101ms}), reader);
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->for_subscriber,
            "the deadlines differ: 100 ms asked for here, 101 ms in writer; set deadline = \"100 ms\" or shorter for "
            "the publisher, or ask for one no shorter than that here");
  EXPECT_FALSE(match(with("writer", {.deadline = 100ms}), reader));
  EXPECT_FALSE(match(with("writer", {.deadline = 1ms}), reader));
}

TEST(Match, connects_a_subscriber_that_asks_for_no_deadline_to_every_publisher) {
  for (const QosSettings& promise : {QosSettings{}, QosSettings{.deadline = 1s}}) {
    EXPECT_FALSE(match(with("writer", promise), with("reader", {})));
    EXPECT_FALSE(match(with("writer", promise), with("reader", {.deadline = 0ns})));
  }
}

TEST(Match, refuses_a_subscriber_that_asks_for_latched_messages_of_a_publisher_that_does_not_latch) {
  const auto refusal = match(with("writer", {.history = 1}), with("reader", {.latched = true}));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->for_publisher,
            "the settings of latched differ: false here, true asked for by reader; set latched = true for the "
            "publisher");
  EXPECT_EQ(refusal->for_subscriber,
            "the settings of latched differ: true asked for here, false in writer; set latched = true for the "
            "publisher, or do not ask for it here");
  EXPECT_FALSE(match(with("writer", {.latched = true}), with("reader", {.latched = true})));
  EXPECT_FALSE(match(with("writer", {.latched = true}), with("reader", {.latched = false})));
  EXPECT_FALSE(match(with("writer", {}), with("reader", {.latched = false})));
}

TEST(Match, refuses_a_lifespan_of_messages_without_stamps) {
  const auto refusal = match(with("writer", {.stamp = Stamp::off}), with("reader", {.lifespan = 50ms}));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->for_publisher,
            "lifespan and stamp do not go together: stamp off here, lifespan 50 ms asked for by reader; set stamp = "
            "\"tsc\" or \"monotonic\" for the publisher");
  EXPECT_EQ(refusal->for_subscriber,
            "lifespan and stamp do not go together: lifespan 50 ms asked for here, stamp off in writer; set stamp = "
            "\"tsc\" or \"monotonic\" for the publisher, or ask for no lifespan here");
  EXPECT_FALSE(match(with("writer", {.stamp = Stamp::off}), with("reader", {.lifespan = 0ns})));
  EXPECT_FALSE(match(with("writer", {.stamp = Stamp::monotonic}), with("reader", {.lifespan = 50ms})));
}

TEST(Match, lists_all_differences_in_one_reason_on_one_line) {
  PortAnnouncement reader =
      with("reader", {.overflow = Overflow::reject, .deadline = 1s, .lifespan = 2s, .latched = true});
  reader.transport = "shm";
  reader.fingerprint.bytes[0] ^= 1U;
  const std::size_t at = reader.canonical.find("uint64");
  reader.canonical.replace(at, 6, "uint32");
  const auto refusal = match(with("writer", {.stamp = Stamp::off}), reader);
  ASSERT_TRUE(refusal);
  for (const std::string& reason : {refusal->for_publisher, refusal->for_subscriber}) {
    EXPECT_THAT(reason, testing::StartsWith("6 differences: (1) the types differ: "));
    EXPECT_THAT(reason, testing::HasSubstr("; (2) the transports differ: "));
    EXPECT_THAT(reason, testing::HasSubstr("; (3) the overflow policies differ: "));
    EXPECT_THAT(reason, testing::HasSubstr("; (4) the deadlines differ: "));
    EXPECT_THAT(reason, testing::HasSubstr("; (5) the settings of latched differ: "));
    EXPECT_THAT(reason, testing::HasSubstr("; (6) lifespan and stamp do not go together: "));
    EXPECT_THAT(reason, testing::Not(testing::HasSubstr("\n")));
  }
}

TEST(Match, takes_no_profile_for_an_ask) {
  for (const Profile profile : {Profile::sensor, Profile::command, Profile::state, Profile::log}) {
    EXPECT_FALSE(match(with("writer", {}), with("reader", {.profile = profile}))) << to_string(profile);
    EXPECT_FALSE(match(with("writer", {.profile = profile}), with("reader", {}))) << to_string(profile);
  }
}

TEST(Match, connects_ports_whatever_else_differs) {
  const QosSettings one{.depth = 1,
                        .history = 0,
                        .max_held = 1,
                        .max_loans = 1,
                        .stamp = Stamp::off,
                        .max_memory = 1U << 20U,
                        .lifespan = 0ns};
  const QosSettings other{.depth = 9,
                          .block_timeout = 1s,
                          .history = 9,
                          .max_held = 9,
                          .max_loans = 9,
                          .stamp = Stamp::tsc,
                          .max_memory = 1U << 30U,
                          .deadline = 0ns};
  EXPECT_FALSE(match(with("writer", one), with("reader", other)));
  EXPECT_FALSE(match(with("writer", other), with("reader", one)));
}

TEST(Match, lets_the_shorter_lifespan_hold) {
  const auto lifespan = [](std::chrono::nanoseconds publisher, std::chrono::nanoseconds subscriber) {
    return connection_lifespan(publisher, subscriber);
  };
  EXPECT_EQ(lifespan(0ns, 0ns), 0ns) << "unlimited";
  EXPECT_EQ(lifespan(2s, 0ns), 2s);
  EXPECT_EQ(lifespan(0ns, 3s), 3s);
  EXPECT_EQ(lifespan(2s, 3s), 2s);
  EXPECT_EQ(lifespan(3s, 2s), 2s);
}

}  // namespace
}  // namespace baton
