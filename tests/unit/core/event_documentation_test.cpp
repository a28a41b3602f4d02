// The snippets of docs/events.md, and its table.
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "baton/transport_shm.hpp"
#include "test/conformance.hpp"

namespace {

using namespace std::chrono_literals;

void print_events(baton::Node& node, std::ostream& out) {
  while (const auto event = node.take_event()) {
    out << to_string(event->kind);
    if (!event->topic.empty()) out << " topic " << event->topic;
    if (!event->peer.empty()) out << " peer " << event->peer;
    if (event->count != 0) out << " count " << event->count;
    if (!event->reason.empty()) out << ": " << event->reason;
    out << '\n';
  }
}

class Nodes {
 public:
  void note(const baton::Event& event) {
    if (event.kind == baton::EventKind::joined) ++by_name_[event.peer];
    const bool gone = event.kind == baton::EventKind::left || event.kind == baton::EventKind::died;
    if (gone && --by_name_[event.peer] == 0) by_name_.erase(event.peer);
  }

  bool contains(const std::string& name) const { return by_name_.contains(name); }

 private:
  std::map<std::string, int> by_name_;  // names need not be unique
};

bool say_hello(baton::Node& node) {
  auto publisher = node.publisher<conformance::Message>("hello").value();
  if (!publisher.wait_for_subscribers(2, 10s)) return false;  // the time is over
  return static_cast<bool>(publisher.publish({.number = 1}));
}

// Without a keeper, so that nothing is told but when it is asked.
baton::Node open_node(const std::string& name) {
  return baton::Node::open(name, {.domain = "events-" + std::to_string(::getpid()),
                                  .config = baton::Config(),
                                  .transports = {baton::shm_transport()},
                                  .keeper = false})
      .value();
}

TEST(DocumentationOfEvents, prints_them) {
  auto node = open_node("node");
  auto publisher = node.publisher<conformance::Message>("topic").value();
  auto other = open_node("other");
  auto subscriber = other.subscriber<conformance::Message>("topic").value();
  EXPECT_TRUE(publisher.wait_for_subscribers(1, 10s));
  std::ostringstream out;
  print_events(node, out);
  EXPECT_EQ(out.str(), "joined peer other\nmatched topic topic peer other\n");
}

TEST(DocumentationOfEvents, keeps_a_list_of_the_nodes) {
  auto node = open_node("node");
  const auto publisher = node.publisher<conformance::Message>("topic").value();
  Nodes nodes;
  const auto look = [&] {
    node.keep();
    while (const auto event = node.take_event()) nodes.note(*event);
    return nodes.contains("other");
  };
  {
    auto other = open_node("other");
    const auto subscriber = other.subscriber<conformance::Message>("another").value();
    EXPECT_TRUE(look());
    {
      auto same = open_node("other");
      const auto one_more = same.subscriber<conformance::Message>("another").value();
      EXPECT_TRUE(look());
    }
    EXPECT_TRUE(look());
  }
  EXPECT_FALSE(look());
}

TEST(DocumentationOfEvents, says_hello) {
  auto node = open_node("node");
  auto other = open_node("other");
  auto first = other.subscriber<conformance::Message>("hello").value();
  auto second = other.subscriber<conformance::Message>("hello").value();
  EXPECT_TRUE(say_hello(node));
  EXPECT_TRUE(first.take());
}

TEST(DocumentationOfEvents, has_a_row_for_every_kind_and_no_other) {
  std::ifstream page(BATON_SOURCE_DIR "/docs/events.md");
  std::map<std::string, int> rows;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) ++rows[line.substr(3, line.find('`', 3) - 3)];
  }
  std::map<std::string, int> kinds;
  for (int value = 0; to_string(static_cast<baton::EventKind>(value)) != "unknown"; ++value) {
    ++kinds[std::string(to_string(static_cast<baton::EventKind>(value)))];
  }
  EXPECT_EQ(rows, kinds);
}

}  // namespace
