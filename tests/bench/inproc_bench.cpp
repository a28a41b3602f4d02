// The verbs on one thread, all in its caches: in process, beside what that can be compared to, a bare std::function
// call (the limit) and the same call with the shared_ptr that most in-process buses hand over; and over shared memory,
// where only the instructions are measured. All pass a message of the same size, write two fields of it and read them.

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <benchmark/benchmark.h>

#include "baton/baton.hpp"
#include "baton/transport_inproc.hpp"
#include "baton/transport_shm.hpp"
#include "test/conformance.hpp"

namespace {

using conformance::Message;

std::uint64_t sum = 0;

void read(const Message& message) {
  sum += message.number + message.checksum;
  benchmark::DoNotOptimize(sum);
}

void write(Message& message, std::uint64_t number) {
  message.number = number;
  message.checksum = ~number;
}

baton::Node open_node(std::shared_ptr<baton::Transport> transport) {
  baton::Options options;
  options.domain = "bench";
  options.config = baton::Config();
  options.transports = {std::move(transport)};
  return baton::Node::open("bench", std::move(options)).value();
}

void bare_function(benchmark::State& state) {
  std::function<void(const Message&)> callback = read;
  benchmark::DoNotOptimize(callback);
  Message message;
  std::uint64_t number = 0;
  for (auto _ : state) {
    write(message, ++number);
    callback(message);
  }
}

void function_with_shared_ptr(benchmark::State& state) {
  std::function<void(std::shared_ptr<const Message>)> callback = [](const auto& message) { read(*message); };
  benchmark::DoNotOptimize(callback);
  const auto message = std::make_shared<Message>();
  std::uint64_t number = 0;
  for (auto _ : state) {
    write(*message, ++number);
    callback(message);
  }
}

void function_with_make_shared(benchmark::State& state) {
  std::function<void(std::shared_ptr<const Message>)> callback = [](const auto& message) { read(*message); };
  benchmark::DoNotOptimize(callback);
  std::uint64_t number = 0;
  for (auto _ : state) {
    auto message = std::make_shared<Message>();
    write(*message, ++number);
    callback(std::move(message));
  }
}

void loan_to_callback(benchmark::State& state, bool with_defaults, baton::Stamp stamp) {
  auto node = open_node(baton::inproc_transport());
  auto publisher = node.publisher<Message>("bench/topic", {.stamp = stamp}).value();
  auto subscriber = node.subscriber<Message>("bench/topic").value();
  subscriber.on_message([](const baton::Sample<Message>& sample) { read(*sample); });
  std::uint64_t number = 0;
  for (auto _ : state) {
    auto loan = with_defaults ? publisher.loan() : publisher.loan_uninit();
    write(**loan, ++number);
    loan->publish();
  }
}

void loan_to_take_and_release(benchmark::State& state, const std::shared_ptr<baton::Transport>& transport,
                              baton::Overflow overflow) {
  auto node = open_node(transport);
  auto publisher = node.publisher<Message>("bench/topic", {.overflow = overflow}).value();
  auto subscriber = node.subscriber<Message>("bench/topic").value();
  std::uint64_t number = 0;
  for (auto _ : state) {
    auto loan = publisher.loan_uninit();
    write(**loan, ++number);
    loan->publish();
    const auto sample = subscriber.take();
    read(*sample);
  }
}

BENCHMARK(bare_function);
BENCHMARK(function_with_shared_ptr);
BENCHMARK(function_with_make_shared);
BENCHMARK_CAPTURE(loan_to_callback, uninitialised_unstamped, false, baton::Stamp::off);
BENCHMARK_CAPTURE(loan_to_callback, uninitialised, false, baton::Stamp::tsc);
BENCHMARK_CAPTURE(loan_to_callback, defaulted, true, baton::Stamp::tsc);
BENCHMARK_CAPTURE(loan_to_take_and_release, inproc, baton::inproc_transport(), baton::Overflow::reject);
BENCHMARK_CAPTURE(loan_to_take_and_release, inproc_drop_oldest, baton::inproc_transport(),
                  baton::Overflow::drop_oldest);
BENCHMARK_CAPTURE(loan_to_take_and_release, shm, baton::shm_transport(), baton::Overflow::reject);
BENCHMARK_CAPTURE(loan_to_take_and_release, shm_drop_oldest, baton::shm_transport(), baton::Overflow::drop_oldest);

}  // namespace
