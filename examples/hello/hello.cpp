// A talker publishes ten greetings, a listener prints them.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <thread>

#include <baton/baton.hpp>

#include "hello.hpp"

using namespace std::chrono_literals;

void talk() {
  auto node = baton::Node::open("talker").value();
  auto publisher = node.publisher<hello::Greeting>().value();
  while (publisher.subscriber_count() == 0) std::this_thread::sleep_for(1ms);  // until somebody listens

  for (std::uint64_t count = 1; count <= 10; ++count) {
    auto greeting = publisher.loan().value();  // memory that the listener will read
    greeting->count = count;
    greeting->text = "hello, world";
    greeting.publish();  // handed over without a copy
    std::this_thread::sleep_for(50ms);
  }
}

void listen() {
  auto node = baton::Node::open("listener").value();
  auto subscriber = node.subscriber<hello::Greeting>().value();

  for (std::uint64_t count = 0; count < 10 && subscriber.wait(10s);) {
    while (auto greeting = subscriber.take()) {
      count = greeting->count;
      std::cout << greeting->text << ' ' << count << '\n';
    }
  }
}

int main(int argc, char**) {
  if (argc > 1) {
    std::cerr << "hello: it takes no arguments\n";
    return 2;
  }
  std::thread listener(listen);
  talk();
  listener.join();
  return std::cout.flush() ? 0 : 1;
}
