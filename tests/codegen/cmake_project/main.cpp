#include "plain.hpp"
#include "sensors/imu.hpp"

int main() { fmt::print("{} {}\n", sensors::Imu{.stamp_ns = 3}, Plain{}); }
