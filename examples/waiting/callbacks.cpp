// Callbacks: on a thread of baton's, or on the one that spins.
#include <atomic>
#include <chrono>
#include <iostream>

#include "sensor.hpp"

using namespace std::chrono_literals;

int main() {
  auto node = baton::Node::open("callbacks").value();

  // Called on the node's own thread (in process: on the publisher's). What it shares with others has to be atomic.
  auto first = node.subscriber<waiting::Reading>("waiting/first", {.depth = 128}).value();
  std::atomic<int> of_first{0};
  first.on_message([&](const baton::Sample<waiting::Reading>&) { ++of_first; });

  // Called on this thread, in spin(), one after the other with everything else that is given to the node's executor.
  auto second = node.subscriber<waiting::Reading>("waiting/second", {.depth = 128}).value();
  int of_second = 0;
  const auto added = second.on_message(
      [&](const baton::Sample<waiting::Reading>& reading) {
        ++of_second;
        if (reading->number == 100) node.stop();
      },
      node.executor());
  if (!added) {
    std::cerr << added.error().message() << '\n';
    return 1;
  }

  {
    const Sensor one("waiting/first", 100, 5ms);
    const Sensor two("waiting/second", 100, 5ms);
    node.spin();
  }
  first.on_message(nullptr);  // waits for a call under way
  std::cout << of_first << " and " << of_second << " readings\n";
  return std::cout.flush() ? 0 : 1;
}
