// What the examples wait for: a sensor that publishes its readings on a thread of its own, as another process would.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include <baton/baton.hpp>

#include "waiting.hpp"

class Sensor {
 public:
  /// Publishes so many readings, one every `period`, when somebody subscribes.
  Sensor(const std::string& topic, std::uint64_t count, std::chrono::milliseconds period)
      : thread_([topic, count, period] {
          auto node = baton::Node::open("sensor").value();
          auto publisher = node.publisher<waiting::Reading>(topic).value();
          publisher.wait_for_subscribers(1, std::chrono::seconds(10));
          for (std::uint64_t number = 1; number <= count; ++number) {
            std::this_thread::sleep_for(period);
            publisher.publish({number, static_cast<double>(number) / 2});
          }
          publisher.flush(std::chrono::seconds(10));
        }) {}
  ~Sensor() { thread_.join(); }
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

 private:
  std::thread thread_;
};
