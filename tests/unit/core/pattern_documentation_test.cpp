// The snippets of docs/patterns.md.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "test/all.hpp"

namespace {

using namespace std::chrono_literals;
using test::Defaults;

void print_states(baton::Node& node, std::ostream& out) {
  auto states = node.subscriber<Defaults>("robot/*/state", {.depth = 4}).value();
  while (states.wait(1s)) {
    while (auto state = states.take()) out << state.info().topic << ": " << state->small << '\n';
  }
}

baton::Result<baton::TopicWatch> report(baton::Node& node, std::ostream& out, std::mutex& mutex) {
  return node.watch("robot/**", [&](const baton::TopicEvent& event) {
    const std::lock_guard lock(mutex);
    const baton::PortInfo& port = event.port;
    out << to_string(event.change) << ' ' << to_string(port.role) << ' ' << port.topic << ' ' << port.type << '\n';
  });
}

baton::Node open_node() {
  return baton::Node::open("documentation", {.domain = "pattern-documentation-" + std::to_string(::getpid())}).value();
}

TEST(DocumentationOfPatterns, prints) {
  auto node = open_node();
  auto left = node.publisher<Defaults>("robot/left/state", {.history = 1}).value();
  auto right = node.publisher<Defaults>("robot/right/state", {.history = 1}).value();
  left.publish({});
  right.publish({});
  std::ostringstream out;
  print_states(node, out);
  EXPECT_NE(out.str().find("robot/left/state: "), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("robot/right/state: "), std::string::npos) << out.str();
}

TEST(DocumentationOfPatterns, reports) {
  auto node = open_node();
  std::ostringstream out;
  std::mutex mutex;
  auto publisher = node.publisher<Defaults>("robot/left/state").value();
  const auto watch = report(node, out, mutex).value();
  const auto has = [&](const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
      const std::lock_guard lock(mutex);
      if (out.str().find(text) != std::string::npos) return true;
    }
    return false;
  };
  EXPECT_TRUE(has("appeared publisher robot/left/state test::Defaults\n"));
  publisher.close();
  EXPECT_TRUE(has("gone publisher robot/left/state test::Defaults\n"));
}

}  // namespace
