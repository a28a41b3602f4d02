#include <chrono>
#include <iostream>
#include <thread>

#include <iceoryx_posh/popo/publisher.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "imu.hpp"

int main() {
  iox::runtime::PoshRuntime::initRuntime("imu_driver");
  iox::popo::Publisher<Imu> publisher({"sensors", "imu", "raw"});
  for (int i = 0; i < 500; ++i) {
    publisher.loan()
        .and_then([](auto& imu) {
          imu->stamp_ns = std::chrono::steady_clock::now().time_since_epoch().count();
          imu->accel[2] = 9.81;
          imu->frame = "imu_link";
          imu.publish();
        })
        .or_else([](auto&) { std::cerr << "no chunk is free" << std::endl; });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}
