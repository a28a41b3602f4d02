#include <chrono>
#include <iostream>

#include <baton/baton.hpp>

#include "imu.hpp"

int main() {
  auto node = baton::Node::open("imu_printer").value();
  auto subscriber = node.subscriber<sensors::Imu>().value();
  int printed = 0;
  while (printed < 10 && subscriber.wait(std::chrono::seconds(10))) {
    while (auto imu = subscriber.take()) {
      std::cout << imu->frame << ' ' << imu->stamp_ns << ' ' << imu->accel[2] << std::endl;
      ++printed;
    }
  }
}
