// A control loop: waits for the next reading, but not for longer than it can do without one.
#include <chrono>
#include <iostream>

#include "sensor.hpp"

using namespace std::chrono_literals;

int main() {
  auto node = baton::Node::open("controller").value();
  auto readings = node.subscriber<waiting::Reading>("waiting/reading", {.depth = 2}).value();
  const Sensor sensor("waiting/reading", 100, 5ms);

  double position = 0;
  std::uint64_t newest = 0;
  while (newest < 100) {
    if (!readings.wait(500ms)) {  // the sensor is late: do what is safe
      position = 0;
      continue;
    }
    while (auto reading = readings.take()) {  // the last one counts
      newest = reading->number;
      position = reading->value;
    }
  }
  std::cout << "at " << position << " after reading " << newest << '\n';
  return std::cout.flush() ? 0 : 1;
}
