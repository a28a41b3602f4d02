#pragma once

#include <cstdint>

struct Imu {
  std::int64_t stamp_ns;
  double accel[3];
  char frame[33];
};
