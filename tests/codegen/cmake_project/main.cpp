#include "plain.hpp"
#include "robot.hpp"

int main() { fmt::print("{} {}\n", Robot{.imu = {.stamp_ns = 3}}.imu, Plain{}); }
