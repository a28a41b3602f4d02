// A publisher and a subscriber exchange messages of a type of this project's own IDL, and check them: `robot` in one
// process, `robot send` and `robot receive` in two, whichever is started first.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <baton/baton.hpp>

#include "robot/state.hpp"

namespace {

using namespace std::chrono_literals;

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

/// A table, built in place.
int exchange_mission(baton::Node& node) {
  auto subscriber = node.subscriber<robot::Mission>().value();
  auto publisher = node.publisher<robot::Mission>().value();
  auto loan = publisher.loan(512).value();
  const std::vector<robot::Joint> goals(100, robot::Joint{.angle = 0.5, .velocity = 2, .name = "elbow"});
  const robot::Mission_home home{1, 2, 3};
  loan.finish(robot::CreateMissionDirect(loan.builder(), "tidy up", robot::Mode::MOVING, &goals, &home));
  loan.publish();
  if (!subscriber.wait(1s)) return EXIT_FAILURE;
  const auto mission = subscriber.take();
  if (!mission || mission->title()->str() != "tidy up" || mission->mode() != robot::Mode::MOVING ||
      mission->goals()->size() != 100 || *mission->goals()->Get(99) != goals[99] || *mission->home() != home) {
    fmt::print(stderr, "the mission arrived wrong\n");
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int exchange() {
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
  return exchange_mission(node);
}

int send() {
  auto node = baton::Node::open("sender").value();
  auto publisher = node.publisher<robot::State>({}, {.overflow = baton::Overflow::block, .block_timeout = 20s}).value();
  for (int waited = 0; publisher.subscriber_count() == 0 && waited < 20'000; ++waited) std::this_thread::sleep_for(1ms);
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    auto loan = publisher.loan().value();
    fill(*loan, number);
    if (const auto result = loan.publish(); !result || result.delivered != 1) {
      fmt::print(stderr, "message {} did not go out\n", number);
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;  // at once: what was published is taken all the same
}

int receive() {
  auto node = baton::Node::open("receiver").value();
  auto subscriber = node.subscriber<robot::State>().value();
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    if (!subscriber.wait(20s)) {
      fmt::print(stderr, "message {} did not arrive\n", number);
      return EXIT_FAILURE;
    }
    const auto sample = subscriber.take();
    if (!sample || !is_whole(*sample, number)) {
      fmt::print(stderr, "message {} arrived wrong\n", number);
      return EXIT_FAILURE;
    }
  }
  fmt::print("{} messages received\n", kMessages);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view part = argc > 1 ? argv[1] : "";
  if (part == "send") return send();
  if (part == "receive") return receive();
  return exchange();
}
