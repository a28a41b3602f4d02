// Coroutines: each waits in its own words, and all run on one thread.
#include <chrono>
#include <iostream>

#include <baton/coroutine.hpp>

#include "sensor.hpp"

using namespace std::chrono_literals;

#ifdef BATON_HAS_COROUTINES

baton::Task watch(baton::Subscriber<waiting::Reading>& readings, baton::WaitSet& set, std::uint64_t& count) {
  while (auto reading = co_await readings.next()) {
    ++count;
    if (reading->number == 100) break;
  }
  set.stop();
}

baton::Task blink(int& times) {
  while (true) {
    co_await baton::sleep_for(100ms);
    ++times;
  }
}

int main() {
  auto node = baton::Node::open("coroutines").value();
  auto readings = node.subscriber<waiting::Reading>("waiting/reading", {.depth = 128}).value();
  std::uint64_t count = 0;
  int times = 0;
  {
    baton::WaitSet set = node.wait_set();
    baton::spawn(set, watch(readings, set, count));
    baton::spawn(set, blink(times));
    const Sensor sensor("waiting/reading", 100, 5ms);
    set.spin();
  }  // what still waits in the set ends with it
  std::cout << count << " readings, and " << (times > 0 ? "it blinked" : "it did not blink") << '\n';
  return std::cout.flush() ? 0 : 1;
}

#else

int main() {
  std::cout << "this compiler has no coroutines\n";
  return 0;
}

#endif
