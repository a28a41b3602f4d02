#include "domain/announcement_json.hpp"

#include <random>

#include <gmock/gmock.h>

#include "place.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::HasSubstr;

// No member has its default.
PortAnnouncement unusual() {
  PortAnnouncement port = announcement("node_1", "camera/front");
  port.transport = port.qos.transport = "inproc";
  for (std::uint8_t i = 0; i < 16; ++i) port.fingerprint.bytes[i] = static_cast<std::uint8_t>(i * 17);
  port.canonical = "a text\nwith \"quotes\", a tab\t and an umlaut: \u00fc";
  port.qos.depth = 17;
  port.qos.overflow = Overflow::block;
  port.qos.block_timeout = std::chrono::nanoseconds(123'456'789);
  port.qos.history = 3;
  port.qos.max_held = 5;
  port.qos.max_loans = 6;
  port.qos.max_memory = std::uint64_t{5} << 30;
  port.qos.capacity = std::uint64_t{3} << 20;
  port.qos.checksum = Checksum::crc32c;
  port.transport_reason = "auto: raw messages";
  port.also_reached_by = "ring";
  port.qos.stamp = Stamp::monotonic;
  port.qos.deadline = std::chrono::milliseconds(30);
  port.qos.lifespan = std::chrono::nanoseconds(987'654'321);
  port.qos.latched = true;
  port.asked = {.overflow = true, .history = true, .deadline = true, .lifespan = true, .latched = true};
  port.reach = Reach::process;
  port.process = 0xfedcba9876543210U;
  port.generic = true;
  port.by_pattern = true;
  port.description = std::string("\0\xff and more", 11);
  return port;
}

std::string refusal(const std::string& text) {
  const auto read = announcement_from_json(text, "pub-x");
  if (read) return "accepted";
  EXPECT_EQ(read.error().code(), Errc::corrupt);
  return read.error().message();
}

// The text with one part of it exchanged.
std::string with(std::string_view part, std::string_view other) {
  std::string text = to_json(unusual());
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << " is not in " << text;
  return text.replace(at, part.size(), other);
}

TEST(AnnouncementJson, is_read_as_it_was_written) {
  const PortAnnouncement port = unusual();
  const auto read = announcement_from_json(to_json(port), "file");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->node, port.node);
  EXPECT_EQ(read->topic, port.topic);
  EXPECT_EQ(read->transport, port.transport);
  EXPECT_EQ(read->qos.transport, port.qos.transport);
  EXPECT_EQ(read->type, port.type);
  EXPECT_EQ(read->fingerprint, port.fingerprint);
  EXPECT_EQ(read->canonical, port.canonical);
  EXPECT_EQ(read->qos.depth, port.qos.depth);
  EXPECT_EQ(read->qos.overflow, port.qos.overflow);
  EXPECT_EQ(read->qos.block_timeout, port.qos.block_timeout);
  EXPECT_EQ(read->qos.history, port.qos.history);
  EXPECT_EQ(read->qos.max_held, port.qos.max_held);
  EXPECT_EQ(read->qos.max_loans, port.qos.max_loans);
  EXPECT_EQ(read->qos.max_memory, port.qos.max_memory);
  EXPECT_EQ(read->qos.capacity, port.qos.capacity);
  EXPECT_EQ(read->qos.checksum, port.qos.checksum);
  EXPECT_EQ(read->transport_reason, port.transport_reason);
  EXPECT_EQ(read->also_reached_by, port.also_reached_by);
  EXPECT_EQ(read->qos.stamp, port.qos.stamp);
  EXPECT_EQ(read->qos.deadline, port.qos.deadline);
  EXPECT_EQ(read->qos.lifespan, port.qos.lifespan);
  EXPECT_EQ(read->qos.latched, port.qos.latched);
  EXPECT_EQ(read->asked, port.asked);
  EXPECT_EQ(read->reach, port.reach);
  EXPECT_EQ(read->process, port.process);
  EXPECT_EQ(read->generic, port.generic);
  EXPECT_EQ(read->by_pattern, port.by_pattern);
  EXPECT_EQ(read->description, port.description);
}

TEST(AnnouncementJson, says_of_each_setting_whether_it_is_asked_for) {
  for (bool QosAsks::*const ask :
       {&QosAsks::overflow, &QosAsks::history, &QosAsks::deadline, &QosAsks::lifespan, &QosAsks::latched}) {
    PortAnnouncement port = announcement("node_1");
    port.asked.*ask = true;
    EXPECT_EQ(announcement_from_json(to_json(port), "file").value().asked, port.asked);
  }
}

TEST(AnnouncementJson, is_refused_with_the_file_and_what_is_wrong) {
  EXPECT_EQ(refusal("{"),
            "pub-x: is not the JSON text of an announcement; end the programs of the domain, and start them again");
  EXPECT_THAT(refusal("[]"), HasSubstr("is not the JSON text"));
  EXPECT_THAT(refusal("{}"), HasSubstr("pub-x: 'node' is missing"));
  EXPECT_THAT(refusal(with("\"node_1\"", "1")), HasSubstr("'node' is not a string"));
  EXPECT_THAT(refusal(with("node_1", "node 1")), HasSubstr("'node' is not valid"));
  EXPECT_THAT(refusal(with("camera/front", "camera//front")), HasSubstr("'topic' is not valid"));
  EXPECT_THAT(refusal(with("fedcba98", "gedcba98")), HasSubstr("'process' is not 16 hexadecimal digits"));
  EXPECT_THAT(refusal(with("00112233", "0011223")), HasSubstr("'fingerprint' is not 32 hexadecimal digits"));
  EXPECT_THAT(refusal(with("\"process\"", "\"moon\"")), HasSubstr("is missing"));
  EXPECT_THAT(refusal(with("\"reach\":\"process\"", "\"reach\":\"moon\"")), HasSubstr("'reach' is unknown"));
  EXPECT_THAT(refusal(with("\"overflow\":true", "\"overflow\":1")),
              HasSubstr("asked: 'overflow' is not true or false"));
  EXPECT_THAT(refusal(with("\"asked\":{", "\"asked\":2,\"wished\":{")), HasSubstr("asked: 'overflow' is missing"));
  EXPECT_THAT(refusal(with("\"asked\"", "\"wished\"")), HasSubstr("'asked' is missing"));
  EXPECT_THAT(refusal(with("\"deadline_ns\":30000000", "\"deadline_ns\":-1")),
              HasSubstr("'deadline_ns' is not a number from 0 to"));
  EXPECT_THAT(refusal(with("\"deadline_ns\":30000000", "\"deadline_ns\":1")), HasSubstr("deadline is 1 ns"));
  EXPECT_THAT(refusal(with("\"lifespan_ns\":987654321", "\"lifespan_ns\":9223372036854775807")),
              HasSubstr("lifespan is 9223372036854775807 ns"));
  EXPECT_THAT(refusal(with("\"lifespan_ns\":987654321", "\"lifespan_ns\":9223372036854775808")),
              HasSubstr("'lifespan_ns' is not a number from 0 to"));
  EXPECT_THAT(refusal(with("\"history\":3", "\"history\":0")), HasSubstr("latched is true and history is 0"));
  EXPECT_THAT(refusal(with("\"monotonic\"", "\"off\"")), HasSubstr("deadline is 30 ms and stamp is off"));
  EXPECT_THAT(refusal(with("\"depth\":17", "\"depth\":0")), HasSubstr("depth is 0"));
  EXPECT_THAT(refusal(with("\"depth\":17", "\"depth\":-1")), HasSubstr("'depth' is not a number from 0 to"));
  EXPECT_THAT(refusal(with("\"depth\":17", "\"depth\":1e3")), HasSubstr("'depth' is not a number from 0 to"));
  EXPECT_THAT(refusal(with("\"block\"", "\"blok\"")), HasSubstr("'overflow' is 'blok', which is unknown"));
  EXPECT_THAT(refusal(with("\"inproc\"", "\"In Proc\"")), HasSubstr("transport is 'In Proc'"));
  EXPECT_THAT(refusal(with("\"qos\":{", "\"qos\":[{")), HasSubstr("is not the JSON text"));
}

TEST(AnnouncementJson, that_was_damaged_anywhere_is_refused_or_read_and_nothing_else) {
  const std::string whole = to_json(unusual());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(announcement_from_json(whole.substr(0, length), "cut")) << length;
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (int change = 0; change < 1 + round % 4; ++change) text[random() % text.size()] = static_cast<char>(random());
    const auto read = announcement_from_json(text, "damaged");
    if (!read) {
      EXPECT_EQ(read.error().code(), Errc::corrupt);
    }
  }
}

TEST(AnnouncementJson, nested_without_end_is_refused) {
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("is not the JSON text"));
}

}  // namespace
}  // namespace baton::domain
