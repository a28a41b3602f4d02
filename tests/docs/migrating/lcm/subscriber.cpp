#include <iostream>
#include <string>

#include <lcm/lcm-cpp.hpp>

#include "sensors/imu_t.hpp"

class Printer {
 public:
  void print(const lcm::ReceiveBuffer*, const std::string&, const sensors::imu_t* imu) {
    std::cout << imu->frame << ' ' << imu->stamp_ns << ' ' << imu->accel[2] << std::endl;
    ++printed;
  }

  int printed = 0;
};

int main() {
  lcm::LCM lcm;
  if (!lcm.good()) return 1;
  Printer printer;
  lcm.subscribe("IMU_.*", &Printer::print, &printer)->setQueueCapacity(8);
  while (printer.printed < 10 && lcm.handleTimeout(10'000) > 0) {
  }
}
