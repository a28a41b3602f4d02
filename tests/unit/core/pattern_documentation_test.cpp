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

}  // namespace
