#include <cstring>
#include <iostream>

#include <zmq.hpp>

#include "imu.hpp"

int main() {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::rcvhwm, 8);
  socket.set(zmq::sockopt::rcvtimeo, 10'000);
  socket.set(zmq::sockopt::subscribe, "imu/");
  socket.connect("ipc://imu.sock");
  zmq::message_t topic;
  zmq::message_t message;
  for (int printed = 0; printed < 10 && socket.recv(topic) && socket.recv(message); ++printed) {
    Imu imu;
    if (message.size() != sizeof(imu)) continue;
    std::memcpy(&imu, message.data(), sizeof(imu));
    std::cout << imu.frame << ' ' << imu.stamp_ns << ' ' << imu.accel[2] << std::endl;
  }
}
