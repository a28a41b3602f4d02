// A publisher and a subscriber in one process exchange messages of a type of this project's own IDL, and check them.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include <baton/baton.hpp>

#include "robot/state.hpp"

namespace {

constexpr std::uint64_t kMessages = 200;

void fill(robot::State& state, std::uint64_t number) {
  state.number = number;
  state.mode = number % 2 == 0 ? robot::Mode::IDLE : robot::Mode::MOVING;
  state.joints.resize(number % (robot::MAX_JOINTS + 1));
  double angle = static_cast<double>(number);
  for (robot::Joint& joint : state.joints) {
    joint.angle = angle;
    joint.velocity = -angle;
    joint.name = "elbow";
    angle += 0.5;
  }
}

bool is_whole(const robot::State& state, std::uint64_t number) {
  if (state.number != number) return false;
  if (state.mode != (number % 2 == 0 ? robot::Mode::IDLE : robot::Mode::MOVING)) return false;
  if (state.joints.size() != number % (robot::MAX_JOINTS + 1)) return false;
  double angle = static_cast<double>(number);
  for (const robot::Joint& joint : state.joints) {
    if (joint.angle != angle || joint.velocity != -angle || joint.name != std::string_view("elbow")) return false;
    angle += 0.5;
  }
  return true;
}

}  // namespace

int main() {
  using namespace std::chrono_literals;
  auto node = baton::Node::open("robot").value();
  auto subscriber = node.subscriber<robot::State>().value();
  auto publisher = node.publisher<robot::State>().value();

  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    auto loan = publisher.loan().value();
    fill(*loan, number);
    loan.publish();

    if (!subscriber.wait(1s)) {
      fmt::print(stderr, "message {} did not arrive\n", number);
      return EXIT_FAILURE;
    }
    auto sample = subscriber.take();
    if (!sample || !is_whole(*sample, number)) {
      fmt::print(stderr, "message {} arrived wrong\n", number);
      return EXIT_FAILURE;
    }
    if (number == kMessages) fmt::print("{}\n", *sample);
  }
  if (subscriber.take()) {
    fmt::print(stderr, "there is a message that nobody published\n");
    return EXIT_FAILURE;
  }
  fmt::print("{} messages exchanged\n", kMessages);
  return EXIT_SUCCESS;
}
