#include <chrono>
#include <thread>

#include <lcm/lcm-cpp.hpp>

#include "sensors/imu_t.hpp"

int main() {
  lcm::LCM lcm;
  if (!lcm.good()) return 1;
  for (int i = 0; i < 500; ++i) {
    sensors::imu_t imu;
    imu.stamp_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    imu.accel[0] = 0;
    imu.accel[1] = 0;
    imu.accel[2] = 9.81;
    imu.frame = "imu_link";
    lcm.publish("IMU_RAW", &imu);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}
