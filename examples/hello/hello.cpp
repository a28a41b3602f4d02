// A talker publishes ten greetings, a listener prints them: in one process, or each in its own.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string_view>
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

int main(int argc, char** argv) {
  const std::string_view part = argc == 2 ? argv[1] : "";
  if (argc == 1) {
    std::thread listener(listen);
    talk();
    listener.join();
  } else if (part == "talk") {
    talk();
  } else if (part == "listen") {
    listen();
  } else {
    std::cerr << "usage: hello [talk | listen]\n";
    return 2;
  }
  return std::cout.flush() ? 0 : 1;
}
