#pragma once

// The cells themselves, the same code for every channel. A channel is a type as in ring.hpp: a Session that a worker
// opens, and Links, each one direction from a Writer to its Readers.

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "baton/clock.hpp"
#include "cell.hpp"
#include "payload.hpp"
#include "stage.hpp"
#include "stats.hpp"
#include "test/bench.hpp"

namespace bench {

constexpr double kWarmUp = 0.1;  // of the time is not counted

/// Takes the next message, polling or sleeping.
template <class Reader, class Read>
void take_one(Reader& reader, bool blocking, Read&& read) {
  while (!reader.take(read)) {
    if (blocking) reader.wait();
  }
}

template <class Writer, class Fill>
void send_one(Writer& writer, Fill&& fill) {
  while (!writer.send(fill)) {
  }
}

/// Sends numbered messages and waits for the answer to each. Half of the time between is one latency.
template <class T, class Writer, class Reader>
void ask(Writer& writer, Reader& reader, const Worker& worker, const Cell& cell) {
  Account account;
  const auto samples = worker.samples();
  std::uint64_t count = 0;
  const std::uint64_t warm = ticks() + ticks_of(cell.seconds * kWarmUp);
  const std::uint64_t end = warm + ticks_of(cell.seconds);
  for (std::uint64_t number = 0, now = 0; worker.shared().last.load(std::memory_order_relaxed) == kNotYet; ++number) {
    if (count > 0 && (now >= end || count == samples.size())) worker.shared().last = number;
    const std::uint64_t start = ticks();
    send_one(writer, [&](T& message) { write(message, number, 0, cell.touch); });
    take_one(reader, cell.blocking, [&](const T& message) { account.add(message, cell.touch); });
    now = ticks();
    if (start >= warm && count < samples.size()) samples[count++] = static_cast<std::uint32_t>(now - start);
  }
  Report& report = worker.report();
  report.samples = count;
  report.taken = account.taken();
  report.errors = account.errors() + account.lost();
}

template <class T, class Writer, class Reader>
void answer(Writer& writer, Reader& reader, const Worker& worker, const Cell& cell) {
  Account account;
  while (account.next() == 0 || account.next() - 1 < worker.shared().last.load(std::memory_order_relaxed)) {
    std::uint64_t number = 0;
    take_one(reader, cell.blocking, [&](const T& message) {
      number = message.number;
      account.add(message, cell.touch);
    });
    send_one(writer, [&](T& message) { write(message, number, 0, cell.touch); });
  }
  worker.report().taken = account.taken();
  worker.report().errors = account.errors() + account.lost();
}

/// Sends as fast as it goes.
template <class T, class Writer>
void pour(Writer& writer, const Worker& worker, const Cell& cell) {
  const std::uint64_t end = ticks() + ticks_of(cell.seconds * (1 + kWarmUp));
  std::uint64_t number = 0;
  for (bool last = false; !last; ++number) {
    if (number % 64 == 63 && ticks() >= end) {
      last = true;
      worker.shared().last = number;
    }
    send_one(writer, [&](T& message) { write(message, number, 0, cell.touch); });
  }
}

/// Sends 1,000 messages a second, each with the time.
template <class T, class Writer>
void drip(Writer& writer, const Worker& worker, const Cell& cell) {
  const auto count = std::max<std::uint64_t>(2, static_cast<std::uint64_t>(cell.seconds * 1'000));
  std::uint64_t next_ns = baton::monotonic_ns();
  for (std::uint64_t number = 0; number < count; ++number) {
    next_ns += 1'000'000;
    const timespec next = {static_cast<time_t>(next_ns / 1'000'000'000), static_cast<long>(next_ns % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    if (number + 1 == count) worker.shared().last = number;
    send_one(writer, [&](T& message) { write(message, number, baton::monotonic_ns(), cell.touch); });
  }
}

/// Takes until the last message.
template <class T, class Reader>
void drain(Reader& reader, const Worker& worker, const Cell& cell) {
  Account account;
  const auto samples = worker.samples();
  Report& report = worker.report();
  std::uint64_t first = 0;  // messages taken before `start`
  std::uint64_t start = 0;
  const std::uint64_t warm = ticks() + ticks_of(cell.seconds * kWarmUp);
  for (bool counting = false;
       account.next() == 0 || account.next() - 1 < worker.shared().last.load(std::memory_order_relaxed);) {
    take_one(reader, cell.blocking, [&](const T& message) {
      account.add(message, cell.touch);
      if (message.sent_ns != 0 && report.samples < samples.size()) {
        samples[report.samples++] = static_cast<std::uint32_t>(baton::monotonic_ns() - message.sent_ns);
      }
    });
    if (!counting && (start == 0 || account.taken() % 64 == 0)) {
      start = ticks();
      first = account.taken();
      counting = start >= warm;
    }
  }
  report.seconds = static_cast<double>(ticks() - start) * ns_per_tick() * 1e-9;
  report.messages = account.taken() - first;
  report.taken = account.taken();
  report.lost = account.lost();
  report.errors = account.errors();
}

template <class T, class Channel>
Figures ping_pong(const Channel& channel, const Cell& cell, Stage& stage) {
  using Link = typename Channel::template Link<T>;
  const Link there(channel, cell, stage.next_name());
  const Link back(channel, cell, stage.next_name());
  const auto worker_of = [&channel, &cell](const Link& out, const Link& in, auto play) {
    return [&, play](const Worker& worker) {
      typename Channel::Session session(channel, cell);
      typename Link::Writer writer(out, session);
      typename Link::Reader reader(in, session, 0);
      writer.wait_for_readers();
      worker.measure([&] { play(writer, reader, worker, cell); });
    };
  };
  const auto& shared = stage.run({worker_of(there, back, [](auto&... all) { ask<T>(all...); }),
                                  worker_of(back, there, [](auto&... all) { answer<T>(all...); })},
                                 Channel::kThreads);
  return latency_figures(shared, stage.samples(), ns_per_tick() / 2);
}

template <class T, class Channel>
Figures one_way(const Channel& channel, const Cell& cell, Stage& stage) {
  using Link = typename Channel::template Link<T>;
  const Link link(channel, cell, stage.next_name());
  std::vector<Work> works;
  works.emplace_back([&](const Worker& worker) {
    typename Channel::Session session(channel, cell);
    typename Link::Writer writer(link, session);
    writer.wait_for_readers();
    worker.measure([&] {
      if (cell.kind == Kind::paced) {
        drip<T>(writer, worker, cell);
      } else {
        pour<T>(writer, worker, cell);
      }
    });
  });
  for (unsigned i = 0; i < cell.readers; ++i) {
    works.emplace_back([&, i](const Worker& worker) {
      typename Channel::Session session(channel, cell);
      typename Link::Reader reader(link, session, i);
      worker.measure([&] { drain<T>(reader, worker, cell); });
    });
  }
  const Shared& shared = stage.run(works, Channel::kThreads);
  Figures figures = cell.kind == Kind::paced ? paced_figures(shared, stage.samples())
                                             : stream_figures(shared, cell.readers, sizeof(T));
  if (!channel.drops() && figures.lost > 0) ++figures.errors;
  return figures;
}

template <class Channel>
std::optional<Figures> run_cell(const Channel& channel, const Cell& cell, Stage& stage) {
  if (cell.kind == Kind::ping_pong) {
    switch (cell.bytes) {
      case sizeof(Bytes64): return ping_pong<Bytes64>(channel, cell, stage);
      case sizeof(Bytes256): return ping_pong<Bytes256>(channel, cell, stage);
      case sizeof(Bytes4K): return ping_pong<Bytes4K>(channel, cell, stage);
      case sizeof(Bytes64K): return ping_pong<Bytes64K>(channel, cell, stage);
      case sizeof(Bytes1M): return ping_pong<Bytes1M>(channel, cell, stage);
      case sizeof(Bytes8M): return ping_pong<Bytes8M>(channel, cell, stage);
      default: return {};
    }
  }
  switch (cell.bytes) {
    case sizeof(Bytes64): return one_way<Bytes64>(channel, cell, stage);
    case sizeof(Bytes256): return one_way<Bytes256>(channel, cell, stage);
    case sizeof(Bytes1M): return one_way<Bytes1M>(channel, cell, stage);
    default: return {};
  }
}

}  // namespace bench
