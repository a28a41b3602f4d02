#include <chrono>
#include <cstdio>
#include <thread>

#include <zmq.hpp>

#include "imu.hpp"

int main() {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pub);
  socket.set(zmq::sockopt::sndhwm, 8);
  socket.bind("ipc://imu.sock");
  for (int i = 0; i < 500; ++i) {
    Imu imu{};
    imu.stamp_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    imu.accel[2] = 9.81;
    std::snprintf(imu.frame, sizeof(imu.frame), "%s", "imu_link");
    socket.send(zmq::str_buffer("imu/raw"), zmq::send_flags::sndmore);
    socket.send(zmq::buffer(&imu, sizeof(imu)));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}
