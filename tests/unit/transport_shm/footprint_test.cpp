// What a topic is predicted to take is what its files do take.
#include "baton/footprint.hpp"

#include <mutex>

#include <gmock/gmock.h>

#include "baton/table.hpp"
#include "baton/transport_inproc.hpp"
#include "memory_files.hpp"
#include "test/bounded.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using namespace shm::testing_support;
using baton::domain::testing_support::eventually;
using conformance::Message;
using testing::HasSubstr;

/// Subscribers first, so that the publishers find all of them.
template <class T>
struct Ports {
  Ports(const Place& place, const FootprintQuery& query, const std::string& config = "",
        const Transports& transports = kShm)
      : node(open(place, "node", config, transports)) {
    for (std::uint32_t i = 0; i < query.subscribers; ++i) {
      subscribers.push_back(node.template subscriber<T>(query.topic, query.subscriber).value());
    }
    for (std::uint32_t i = 0; i < query.publishers; ++i) {
      publishers.push_back(node.template publisher<T>(query.topic, query.publisher).value());
    }
  }
  Node node;
  std::vector<Subscriber<T>> subscribers;
  std::vector<Publisher<T>> publishers;
};

TEST(Footprint, of_fixed_messages_is_what_the_files_take) {
  for (const std::uint32_t publishers : {1U, 2U, 7U}) {
    for (const std::uint32_t subscribers : {1U, 3U}) {
      const FootprintQuery query{.topic = "t", .publishers = publishers, .subscribers = subscribers};
      const Footprint predicted = footprint<Message>(query, Config(), kShm).value();
      Place place;
      const Ports<Message> ports(place, query);
      // Keepers make the places for more publishers.
      EXPECT_TRUE(eventually([&] { return bytes_of_topics(place) == predicted.total(); }))
          << bytes_of_topics(place) << ", predicted: " << to_string(predicted);
    }
  }
}

TEST(Footprint, follows_the_settings) {
  const FootprintQuery query{.topic = "t",
                             .publisher = {.history = 700, .max_loans = 2, .latched = true},
                             .subscriber = {.depth = 300, .max_held = 100},
                             .subscribers = 2};
  const Footprint predicted = footprint<Message>(query, Config(), kShm).value();
  EXPECT_EQ(predicted.chunks, 2U + 700 + 2 * (300 + 100 + 1));
  EXPECT_EQ(predicted.last_messages, 8192U);
  {
    Place place;
    const Ports<Message> ports(place, query);
    EXPECT_EQ(bytes_of_topics(place), predicted.total()) << to_string(predicted);
  }
  const Config minimal = Config::parse("[memory]\npreset = \"minimal\"\n", "f").value();
  EXPECT_EQ(footprint<Message>({.topic = "t"}, minimal, kShm).value().chunks, 2U + 8 + 2 + 1);
}

/// All chunks that there may ever be are there when each is on loan, in the history, queued or held.
TEST(Footprint, of_raw_messages_is_what_the_files_take_when_all_chunks_are_in_use) {
  const FootprintQuery query{.topic = "t", .publisher = {.history = 3}, .message_bytes = 5'000};
  const Footprint predicted = footprint<bounded::Frame>(query, Config(), kShm).value();
  EXPECT_EQ(predicted.chunk_bytes, 64U + 6'144);
  Place place;
  Ports<bounded::Frame> ports(place, query);
  std::vector<Sample<bounded::Frame>> held;
  for (int i = 0; i < 40; ++i) {
    auto loan = ports.publishers.front().loan(4'900);
    ASSERT_TRUE(loan) << loan.error();
    ASSERT_TRUE(loan->publish());
    if (auto sample = ports.subscribers.front().take()) held.push_back(std::move(sample));
  }
  EXPECT_EQ(held.size(), 8U);
  EXPECT_EQ(ports.publishers.front().counters().chunks, predicted.chunks);
  EXPECT_EQ(bytes_of_topics(place), predicted.total()) << to_string(predicted);
}

TEST(Footprint, of_tables_is_what_the_files_take_when_all_chunks_are_in_use) {
  const FootprintQuery query{.topic = "t", .message_bytes = 256};
  const Footprint predicted = footprint<bounded::Route>(query, Config(), kShm).value();
  Place place;
  Ports<bounded::Route> ports(place, query);
  auto loan = ports.publishers.front().loan(200).value();
  EXPECT_EQ(ports.publishers.front().counters().chunks, predicted.chunks);
  EXPECT_EQ(bytes_of_topics(place), predicted.total()) << to_string(predicted);
}

TEST(Footprint, is_that_of_the_largest_messages_with_preallocate) {
  const std::string lines = "[memory]\npreallocate = true\n";
  const Config config = Config::parse(lines, "f").value();
  const FootprintQuery query{.topic = "t", .subscribers = 2};
  const Footprint raw = footprint<bounded::Frame>(query, config, kShm).value();
  EXPECT_EQ(raw.chunks, 4U + 2 * 17);
  EXPECT_EQ(raw.chunk_bytes, 64U + 8'128);
  {
    Place place;
    const Ports<bounded::Frame> ports(place, query, lines);
    EXPECT_EQ(bytes_of_topics(place), raw.total()) << to_string(raw);
  }
  const Footprint table = footprint<bounded::Route>(query, config, kShm).value();
  Place place;
  const Ports<bounded::Route> ports(place, query, lines);
  EXPECT_EQ(bytes_of_topics(place), table.total()) << to_string(table);
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

/// A reader that takes nothing has all of the buffer used.
TEST(Footprint, of_a_ring_is_what_its_files_take_when_its_buffer_is_full) {
  const FootprintQuery query{.topic = "t",
                             .publisher = {.transport = "ring", .capacity = kMiB},
                             .subscriber = {.transport = "ring", .depth = 1'000}};
  const Footprint predicted = footprint<bounded::Frame>(query, Config(), kBoth).value();
  EXPECT_EQ(predicted.segments, 8'192 + 40 * 16'384 + kMiB);
  const Place place;
  Ports<bounded::Frame> ports(place, query, "", kBoth);
  for (int i = 0; i < 400; ++i) {
    EXPECT_LE(bytes_of_topics(place), predicted.total());
    ASSERT_TRUE(ports.publishers.front().loan(5'000).value().publish());
  }
  EXPECT_EQ(bytes_of_topics(place), predicted.total()) << to_string(predicted);
}

TEST(Footprint, of_a_ring_is_taken_at_once_where_memory_is_to_be_there_before_it_is_needed) {
  for (const std::string setting : {"prefault", "preallocate", "huge_pages"}) {
    const FootprintQuery query{.topic = "t", .publisher = {.transport = "ring", .capacity = 4 * kMiB}};
    const std::string lines = "[memory]\n" + setting + " = true\n";
    const Footprint predicted = footprint<Message>(query, Config::parse(lines, "f").value(), kBoth).value();
    const Place place;
    const Ports<Message> ports(place, query, lines, kBoth);
    EXPECT_EQ(bytes_of_topics(place), predicted.total()) << setting << ": " << to_string(predicted);
  }
}

TEST(Footprint, is_that_of_the_transport_that_auto_chooses) {
  const auto bytes = [&](std::string transport) {
    return footprint<bounded::Frame>({.topic = "t", .publisher = {.transport = std::move(transport)}}, Config(), kBoth)
        .value()
        .total();
  };
  EXPECT_EQ(bytes("auto"), bytes("ring"));
  EXPECT_NE(bytes("auto"), bytes("shm"));
}

TEST(Footprint, wants_to_know_how_large_messages_are) {
  const auto unknown = footprint<bounded::Endless>({.topic = "t"}, Config(), kShm);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(),
            "topic 't': the messages of type bounded::Endless have sizes of their own; say in "
            "FootprintQuery::message_bytes how large they are");
  EXPECT_TRUE(footprint<bounded::Endless>({.topic = "t", .message_bytes = 1}, Config(), kShm));
  EXPECT_FALSE(footprint<Message>({.topic = "t", .publisher = {.depth = 0}}, Config(), kShm));
  EXPECT_FALSE(footprint<Message>({.topic = "t", .publisher = {.transport = "post"}}, Config(), kShm));
}

TEST(Footprint, of_a_transport_without_shared_memory_is_what_its_ports_announce) {
  const Footprint predicted =
      footprint<Message>({.topic = "t", .subscribers = 2}, Config(), {inproc_transport()}).value();
  EXPECT_EQ(predicted.segments + predicted.inbox + predicted.last_messages, 0U);
  EXPECT_EQ(predicted.total(), 3 * predicted.publisher_file);
}

TEST(Footprint, is_logged_when_a_publisher_is_made) {
  const Place place;
  static std::mutex mutex;
  static std::string said;
  set_log_sink([](LogLevel, std::string_view line) {
    const std::lock_guard lock(mutex);
    if (line.find(": takes ") != std::string_view::npos) said = line;
  });
  set_log_level(LogLevel::info);
  { const Ports<Message> ports(place, {.topic = "t"}); }
  set_log_level(LogLevel::warn);
  set_log_sink({});
  const std::lock_guard lock(mutex);
  EXPECT_EQ(said, "[node] topic 't': takes " + to_string(footprint<Message>({.topic = "t"}, Config(), kShm).value()));
}

TEST(Footprint, is_said_in_a_line) {
  Footprint footprint{.chunks = 21,
                      .chunk_bytes = 192,
                      .segments = 8'192,
                      .publisher_file = 8'192,
                      .inbox = 49'152,
                      .subscriber_file = 8'192,
                      .publishers = 1,
                      .subscribers = 2};
  EXPECT_EQ(to_string(footprint),
            "131072 bytes of shared memory: 1 publisher of 16384 bytes (8192 in 21 chunks of 192 bytes, 8192 beside "
            "them), and 2 subscribers of 57344 bytes");
}

}  // namespace
}  // namespace baton
