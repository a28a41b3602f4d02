// What a publish costs by the number of readers, who are awake: the processor time of loan, eight bytes, publish, on
// one thread, over each transport between processes. Readers take between the batches that are timed, on the same core:
// no line of the cache moves, so this counts the publisher's own work.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include "baton/baton.hpp"
#include "test/bench.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kBatch = 64;

/// Nanoseconds of one publish: the median of many batches. `holds`: a reader keeps the first message meanwhile.
double measure(const std::string& transport, baton::Overflow overflow, unsigned readers, unsigned batches, bool holds) {
  baton::Options options;
  options.domain = "bench-" + std::to_string(::getpid());
  options.config = baton::Config::parse("", "bench.toml").value();
  auto node = baton::Node::open("bench", options).value();
  const baton::QosSettings settings{.transport = transport, .depth = 256, .overflow = overflow};
  auto publisher = node.publisher<bench::Bytes64>("topic", settings).value();
  std::vector<baton::Subscriber<bench::Bytes64>> subscribers;
  for (unsigned i = 0; i < readers; ++i) {
    subscribers.push_back(node.subscriber<bench::Bytes64>("topic", settings).value());
  }
  baton::Sample<bench::Bytes64> held;
  if (holds) {
    publisher.publish({});
    held = subscribers.front().take();
  }
  std::vector<double> times;
  for (unsigned batch = 0; batch < batches; ++batch) {
    const auto begin = Clock::now();
    for (unsigned i = 0; i < kBatch; ++i) {
      auto loan = publisher.loan_uninit();
      if (!loan) std::exit(1);
      (*loan)->number = batch;
      if (!loan->publish()) std::exit(1);
    }
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / kBatch);
    for (auto& subscriber : subscribers) {
      while (subscriber.take()) {
      }
    }
  }
  std::nth_element(times.begin(), times.begin() + batches / 2, times.end());
  return times[batches / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned batches = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 20'000;
  std::printf("ns a publish             ");
  for (const unsigned readers : {1U, 4U, 16U}) std::printf("%4u readers", readers);
  std::printf("\n");
  for (const char* const transport : {"shm", "ring"}) {
    for (const auto overflow : {baton::Overflow::reject, baton::Overflow::drop_oldest}) {
      for (const bool holds : {false, true}) {
        std::printf("%-4s %-11s%s", transport, overflow == baton::Overflow::reject ? "reject" : "drop_oldest",
                    holds ? ", one held" : "          ");
        for (const unsigned readers : {1U, 4U, 16U}) {
          std::printf(" %11.1f", measure(transport, overflow, readers, std::max(1U, batches / readers), holds));
        }
        std::printf("\n");
      }
    }
  }
  return 0;
}
