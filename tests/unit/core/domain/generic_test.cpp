// Generic ports of two processes.
#include <gtest/gtest.h>

#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "baton/transport_shm.hpp"
#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;

Node open_node(const Place& place, std::vector<std::shared_ptr<Transport>> transports) {
  const Config config =
      Config::parse(fmt::format("[shared_memory]\ndirectory = \"{}\"\n", place.path()), "test.toml").value();
  return Node::open("this", {.domain = "test", .config = config, .transports = std::move(transports)}).value();
}

TEST(GenericSubscriber, receives_from_another_process_whose_types_it_does_not_know) {
  const Place place;
  auto node = open_node(place, builtin_transports());
  auto subscriber = node.generic_subscriber().value();
  Program program(place, "publishes_json");
  ASSERT_EQ(program.line(), "open");
  ASSERT_TRUE(eventually([&] {
    const auto sources = subscriber.sources();
    return sources.size() == 1 && sources[0].publisher_count == 1;
  }));
  program.say(R"({"writer": 5, "number": 18446744073709551615, "body": [1, 2]})");
  ASSERT_EQ(program.line(), "ok");
  ASSERT_TRUE(subscriber.wait(10s));
  auto sample = subscriber.take();
  EXPECT_EQ(sample.description().name(), "conformance::Message");
  EXPECT_EQ(sample.to_json().value(), R"({"writer":5,"number":18446744073709551615,"checksum":0,"body":[1,2]})");
  program.say(R"({"writer": -5})");
  EXPECT_EQ(program.line(), "writer: expected a whole number from 0 to 4294967295, got -5");

  program.kill();
  EXPECT_TRUE(eventually([&] { return !subscriber.take() && subscriber.sources().empty(); }));
  EXPECT_EQ(sample.to_json().value().substr(0, 12), R"({"writer":5,)") << "held means held";
}

TEST(GenericSubscriber, passes_over_a_publisher_whose_description_is_of_no_use) {
  const Place place;
  auto node = open_node(place, {shm_transport()});
  auto subscriber = node.generic_subscriber().value();
  const auto member = place.join("other");
  PortAnnouncement announced = announcement("other");
  announced.description = "not a description";
  const Port port(member, PortRole::publisher, announced);
  EXPECT_EQ(subscriber.wait(100ms), WaitStatus::timeout);
  EXPECT_TRUE(subscriber.sources().empty());
}

class DomainPorts : public testing::TestWithParam<Ports::Which> {};
INSTANTIATE_TEST_SUITE_P(which, DomainPorts, testing::Values(Ports::Which::publishers, Ports::Which::all));

TEST_P(DomainPorts, are_those_of_all_topics_and_make_no_directories) {
  const Place place;
  const auto member = place.join("node");
  std::atomic<int> changes{0};
  const bool all = GetParam() == Ports::Which::all;
  Ports present(member, GetParam(), [&] { ++changes; });
  std::vector<Ports::Port> found;
  EXPECT_TRUE(present.look(found));
  EXPECT_TRUE(found.empty());
  const std::size_t files = place.files().size();
  EXPECT_TRUE(eventually([&] { return changes > 0; }));
  changes = 0;
  {
    const auto other = place.join("other");
    std::vector<std::unique_ptr<Port>> ports;
    for (int i = 0; i < 5; ++i) {
      const auto role = i == 2 ? PortRole::subscriber : PortRole::publisher;
      ports.push_back(std::make_unique<Port>(other, role, announcement("other", fmt::format("topic_{}", i))));
    }
    EXPECT_TRUE(eventually([&] { return changes > 0; }));
    EXPECT_TRUE(eventually([&] {
      present.look(found);
      return found.size() == (all ? 5U : 4U);
    }));
    EXPECT_FALSE(present.look(found));
    for (const Ports::Port& port : found) {
      const bool subscribes = port.announcement->topic == "topic_2";
      EXPECT_EQ(port.role, subscribes ? PortRole::subscriber : PortRole::publisher);
    }
  }
  EXPECT_TRUE(eventually([&] {
    present.look(found);
    return found.empty();
  }));
  EXPECT_LE(place.files().size(), files + 5);
}

}  // namespace
}  // namespace baton::domain
