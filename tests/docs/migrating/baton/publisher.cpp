#include <chrono>
#include <thread>

#include <baton/baton.hpp>

#include "imu.hpp"

int main() {
  auto node = baton::Node::open("imu_driver").value();
  auto publisher = node.publisher<sensors::Imu>().value();
  for (int i = 0; i < 500; ++i) {
    auto imu = publisher.loan().value();  // memory that the subscriber will read
    imu->stamp_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    imu->accel = {0, 0, 9.81};
    imu->frame = "imu_link";
    imu.publish();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}
