// One wait for ten topics, a timer and the node's events.
#include <chrono>
#include <iostream>
#include <list>
#include <string>

#include "sensor.hpp"

using namespace std::chrono_literals;

int main() {
  auto node = baton::Node::open("collector").value();
  baton::WaitSet set = node.wait_set();
  int readings = 0;
  int seconds_tenth = 0;
  int peers = 0;

  std::list<baton::Subscriber<waiting::Reading>> subscribers;
  for (int i = 0; i < 10; ++i) {
    subscribers.push_back(
        node.subscriber<waiting::Reading>("waiting/number_" + std::to_string(i), {.depth = 32}).value());
    set.add(subscribers.back(), [&](const baton::Sample<waiting::Reading>&) { ++readings; }).value();
  }
  set.add_timer(100ms, [&](std::uint64_t periods) { seconds_tenth += static_cast<int>(periods); }).value();
  set.add_events(node,
                 [&](const baton::Event& event) {
                   if (event.kind == baton::EventKind::matched) ++peers;
                 })
      .value();

  std::list<Sensor> sensors;
  for (int i = 0; i < 10; ++i) sensors.emplace_back("waiting/number_" + std::to_string(i), 20, 10ms);
  while (readings < 200) {
    if (!set.wait(10s)) return 1;  // calls the handlers of what is ready
  }
  std::cout << readings << " readings of " << peers << " sensors in " << seconds_tenth << " tenths of a second\n";
  return std::cout.flush() ? 0 : 1;
}
