// What happens when the limits of memory are reached: never more than an error that says who has what, and a reader
// that has to wait.
#include <cerrno>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>

#include "../../sanitized.hpp"
#include "../../soft_limit.hpp"
#include "memory_files.hpp"
#include "test/bench.hpp"
#include "test/bounded.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using namespace shm::testing_support;
using baton::domain::testing_support::eventually;
using conformance::Message;
using testing::HasSubstr;

/// The reason of the first refusal that a node is told of.
std::string refusal(Node& node) {
  std::string reason;
  eventually([&] {
    for (auto event = node.take_event(); event; event = node.take_event()) {
      if (event->kind == EventKind::refused) reason = event->reason;
    }
    return !reason.empty();
  });
  return reason;
}

std::string in_memory(const std::string& lines) { return "[liveness]\nheartbeat = \"20 ms\"\n[memory]\n" + lines; }

constexpr std::uint64_t kLarge = 100 * 1024;  // of a message that takes much of a small node

TEST(MemoryLimits, refuse_a_reader_over_max_node_until_another_topic_has_gone) {
  const Place place;
  // A node of 12 KiB, two publishers with 8 KiB each for their announcements, and little else.
  Node node = open(place, "node", in_memory("max_node = \"192 KiB\"\n"));
  Node reader = open(place, "reader");
  auto publisher = node.publisher<Message>("topic", {.max_loans = 1}).value();
  auto other = std::optional(node.publisher<Message>("other", {.history = 700, .max_loans = 1}).value());
  auto subscriber = reader.subscriber<Message>("topic", {.depth = 300}).value();
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  const std::string reason = refusal(node);
  EXPECT_THAT(reason,
              HasSubstr("bytes more were asked for, and max_node of f:6 is 196608 bytes, of which node 'node' has"));
  EXPECT_THAT(reason, HasSubstr("bytes for topic 'other'"));
  ASSERT_TRUE(publisher.publish(Message{})) << "it goes on";

  other.reset();
  EXPECT_TRUE(publisher.wait_for_subscribers(1, std::chrono::seconds(10)));
  ASSERT_TRUE(publisher.publish(Message{}));
  EXPECT_TRUE(subscriber.wait(std::chrono::seconds(10)));
}

TEST(MemoryLimits, refuse_a_loan_for_which_a_ring_would_need_more_than_max_node) {
  const Place place;
  Node node = open(place, "node", in_memory("max_node = \"2 MiB\"\n"), kBoth);
  auto publisher = node.publisher<conformance::Cloud>("topic", {.transport = "ring", .max_loans = 8}).value();
  std::vector<Loan<conformance::Cloud>> loans;
  auto loan = publisher.loan(25'000);
  for (; loan && loans.size() < 8; loan = publisher.loan(25'000)) loans.push_back(*std::move(loan));
  EXPECT_EQ(loans.size(), 4U) << "of what is reserved at first, and one step of 1 MiB";
  ASSERT_FALSE(loan);
  EXPECT_EQ(loan.error().code(), Errc::out_of_chunks);
  EXPECT_THAT(loan.error().message(), HasSubstr("max_node of f:6 is 2097152 bytes, of which node 'node' has"));
  loans.pop_back();
  loan = publisher.loan(20'000);
  EXPECT_TRUE(loan) << "it goes on with what it has: " << loan.error().message();
}

TEST(MemoryLimits, refuse_ports_over_max_node) {
  const Place place;
  Node node = open(place, "node", in_memory("max_node = \"64 KiB\"\n"));
  const auto publisher = node.publisher<Message>("topic", {.history = 300});
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), Errc::no_space);
  EXPECT_THAT(publisher.error().message(),
              HasSubstr("topic 'topic': publisher in node: its 304 chunks cannot be made: "));
  EXPECT_THAT(publisher.error().message(), HasSubstr("max_node of f:6 is 65536 bytes"));
  EXPECT_THAT(publisher.error().message(), HasSubstr("bytes of shared memory: 1 publisher of"));
  const auto subscriber = node.subscriber<Message>("topic", {.depth = 1'000});
  ASSERT_FALSE(subscriber);
  EXPECT_EQ(subscriber.error().code(), Errc::no_space);
  EXPECT_THAT(subscriber.error().message(), HasSubstr("its inbox cannot be made"));
  EXPECT_TRUE(node.publisher<Message>("topic")) << "nothing is left of those";
}

TEST(MemoryLimits, say_which_nodes_have_the_domains_memory) {
  const Place place;
  Node first = open(place, "first");
  const auto large = first.publisher<Message>("large", {.history = 5'000}).value();
  Node second = open(place, "second", in_memory("max_domain = \"512 KiB\"\n"));
  const auto refused = second.publisher<Message>("topic");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("max_domain of f:6 is 524288 bytes, of which the domain has"));
  EXPECT_THAT(refused.error().message(), HasSubstr("bytes in node 'first'"));
}

TEST(MemoryLimits, of_the_code_and_of_the_file_that_contradict_each_other_are_both_named) {
  const Place place;
  Node node = open(place, "node", in_memory("max_node = \"1 MiB\"\n"));
  const auto refused = node.publisher<Message>("topic", {.max_memory = 2U << 20U});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_EQ(refused.error().message(),
            "topic 'topic': max_memory is 2 MiB, and max_node of f:6 is 1 MiB: a publisher could never have so much; "
            "lower max_memory, or raise the other");
  const auto beyond = node.publisher<Message>("topic", {.history = 60'000});
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error().message(), HasSubstr("more than max_memory, 1048576 bytes, by max_node of f:6"));
}

TEST(MemoryLimits, end_a_growth_of_sizes_that_vary_in_a_loan_that_says_so) {
  const Place place;
  Node node = open(place, "node", in_memory("max_node = \"256 KiB\"\n"));
  const auto other = node.publisher<Message>("other", {.history = 700}).value();
  auto publisher = node.publisher<bounded::Endless>("topic").value();
  const auto refused = publisher.loan(kLarge);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::out_of_chunks);
  EXPECT_THAT(refused.error().message(), HasSubstr("max_node of f:6 is 262144 bytes, of which node 'node' has"));
  EXPECT_TRUE(publisher.loan(1'000)) << "smaller ones can still be had";
}

/// A request that no generated type can make.
TEST(MemoryLimits, hold_against_sizes_that_overflow) {
  const Place place;
  const auto member = place.join("node");
  for (const std::uint64_t payload_bytes :
       {std::uint64_t{1} << 40, std::uint64_t{1} << 61, UINT64_MAX - 4096, std::uint64_t{1} << 50}) {
    for (const std::uint32_t history : {0U, 65'536U}) {
      PortRequest request;
      request.announcement = domain::testing_support::announcement("node");
      request.announcement.qos.history = history;
      request.announcement.qos.max_memory = Qos::kMaxMemory;
      request.payload_bytes = payload_bytes;
      request.events = member->events();
      request.member = member;
      const auto refused = shm_transport()->create_publisher(request);
      ASSERT_FALSE(refused) << payload_bytes;
      EXPECT_EQ(refused.error().code(), Errc::no_space) << refused.error();
    }
  }
  EXPECT_EQ(member->memory_use().node, sizeof(domain::NodeFile));
}

/// As long as it lives, files of this process end at so many bytes.
struct ShortFiles : SoftLimit {
  explicit ShortFiles(std::uint64_t bytes) : SoftLimit(RLIMIT_FSIZE, bytes) {}
};

TEST(MemoryLimits, of_the_system_for_files_refuse_a_ring_and_do_not_end_the_program) {
  const Place place;
  Node node = open(place, "node", in_memory(""), kBoth);
  const ShortFiles limit(1U << 20U);
  const auto refused = node.publisher<bench::Bytes4K>("topic", {.transport = "ring"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::no_space);
  EXPECT_THAT(refused.error().message(), HasSubstr("files of this program may have 1048576 bytes"));
}

TEST(MemoryLimits, of_the_system_for_files_end_a_growth_and_not_the_program) {
  const Place place;
  Node node = open(place, "node", in_memory(""));
  Node reader = open(place, "reader");
  auto publisher = node.publisher<bench::Bytes4K>("topic").value();
  std::optional<Subscriber<bench::Bytes4K>> subscriber;
  {
    const ShortFiles limit(60 * 1024);  // an inbox, and not the 17 chunks of a reader
    subscriber.emplace(reader.subscriber<bench::Bytes4K>("topic").value());
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    EXPECT_THAT(refusal(node), HasSubstr("bytes were asked for, files of this program may have 61440 bytes"));
    EXPECT_TRUE(publisher.publish(bench::Bytes4K{}));
  }
  EXPECT_TRUE(publisher.wait_for_subscribers(1, std::chrono::seconds(10)));
}

TEST(MemoryLimits, of_descriptors_are_an_error_or_a_refusal_that_passes) {
  const Place place;
  Node node = open(place, "node", in_memory(""));
  Node reader = open(place, "reader", in_memory(""));
  auto publisher = node.publisher<Message>("topic").value();
  std::optional<Subscriber<Message>> subscriber;
  {
    const domain::testing_support::NoDescriptors none;
    const auto refused = node.publisher<Message>("other");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_errno(), EMFILE) << refused.error();
    EXPECT_FALSE(reader.subscriber<Message>("topic"));
    EXPECT_TRUE(publisher.publish(Message{}));
  }
  subscriber.emplace(reader.subscriber<Message>("topic").value());
  EXPECT_TRUE(publisher.wait_for_subscribers(1, std::chrono::seconds(10)));
  EXPECT_TRUE(node.publisher<Message>("other"));
}

std::uint64_t mapped_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

/// As long as it lives, this process can map so many bytes more than it has.
struct LittleToMap : SoftLimit {
  explicit LittleToMap(std::uint64_t more) : SoftLimit(RLIMIT_AS, mapped_bytes() + more) {}
};

constexpr std::uint64_t kMore = 32U << 20U;  // for all that is not the memory of messages

TEST(MemoryLimits, of_mappings_refuse_a_reader_until_there_is_room) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers reserve most of the address space";
  const Place place;
  Node node = open(place, "node", in_memory(""));
  Node reader = open(place, "reader", in_memory(""));
  auto publisher = node.publisher<bench::Bytes8M>("topic", {.max_loans = 1}).value();
  std::optional<Subscriber<bench::Bytes8M>> subscriber;
  {
    const LittleToMap limit(kMore);
    subscriber.emplace(reader.subscriber<bench::Bytes8M>("topic", {.depth = 4, .max_held = 1}).value());
    EXPECT_THAT(refusal(node), HasSubstr("cannot be mapped"));
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    EXPECT_TRUE(publisher.loan().value().publish());
  }
  EXPECT_TRUE(publisher.wait_for_subscribers(1, std::chrono::seconds(10)));
}

TEST(MemoryLimits, of_mappings_end_a_loan_and_not_the_program) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers reserve most of the address space";
  const Place place;
  Node node = open(place, "node", in_memory(""));
  auto publisher = node.publisher<bounded::Endless>("topic").value();
  {
    const LittleToMap limit(kMore);
    const auto refused = publisher.loan(200U << 20U);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::out_of_chunks);
    EXPECT_THAT(refused.error().message(), HasSubstr("cannot be mapped"));
  }
  EXPECT_TRUE(publisher.loan(1U << 20U));
}

}  // namespace
}  // namespace baton
