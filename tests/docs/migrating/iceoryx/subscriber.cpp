#include <cstdlib>
#include <iostream>

#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "imu.hpp"

int main() {
  iox::runtime::PoshRuntime::initRuntime("imu_printer");
  iox::popo::SubscriberOptions options;
  options.queueCapacity = 8;
  iox::popo::Subscriber<Imu> subscriber({"sensors", "imu", "raw"}, options);
  iox::popo::WaitSet<> waitset;
  waitset.attachState(subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto) { std::exit(1); });
  for (int printed = 0; printed < 10;) {
    if (waitset.timedWait(iox::units::Duration::fromSeconds(10)).empty()) return 1;
    while (subscriber.take().and_then([&printed](const auto& imu) {
      std::cout << imu->frame << ' ' << imu->stamp_ns << ' ' << imu->accel[2] << std::endl;
      ++printed;
    })) {
    }
  }
}
