#pragma once

#include <cstdint>

#include <iceoryx_hoofs/cxx/string.hpp>

struct Imu {
  std::int64_t stamp_ns = 0;
  double accel[3] = {};
  iox::cxx::string<32> frame;
};
