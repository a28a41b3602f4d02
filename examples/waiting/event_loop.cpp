// A program with an event loop of its own, as user interfaces have one: baton is one more descriptor in it.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <iostream>

#include "sensor.hpp"

using namespace std::chrono_literals;

int main() {
  auto node = baton::Node::open("view").value();
  auto readings = node.subscriber<waiting::Reading>("waiting/reading", {.depth = 128}).value();
  const int readings_fd = readings.fd().value();  // the subscriber's: not to be read or closed

  const int frames = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const itimerspec every_20_ms{{0, 20'000'000}, {0, 20'000'000}};
  timerfd_settime(frames, 0, &every_20_ms, nullptr);

  const int loop = epoll_create1(EPOLL_CLOEXEC);
  for (const int fd : {readings_fd, frames}) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.fd = fd;
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &interest);
  }

  const Sensor sensor("waiting/reading", 100, 5ms);
  std::uint64_t count = 0;
  bool drawn = false;
  while (count < 100 || !drawn) {
    epoll_event ready{};
    if (epoll_wait(loop, &ready, 1, 10'000) != 1) return 1;
    if (ready.data.fd == frames) {
      std::uint64_t periods = 0;
      drawn = read(frames, &periods, sizeof(periods)) == sizeof(periods);  // here the picture would be drawn
    } else {
      while (auto reading = readings.take()) ++count;  // until there is nothing: then the descriptor is quiet
    }
  }
  close(loop);
  close(frames);
  std::cout << count << " readings\n";
  return std::cout.flush() ? 0 : 1;
}
