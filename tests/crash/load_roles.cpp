// The processes that work under load until they are killed: a writer that publishes as fast as it is told to, and
// readers that hold samples. The test talks to them by lines.

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <set>
#include <string>
#include <thread>

#include "place.hpp"
#include "roles.hpp"

namespace crash {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kConfig = "[liveness]\nheartbeat = \"50 ms\"\nhung_after = \"30 s\"\n";
constexpr int kBurst = 200;
constexpr auto kPause = 500us;

/// Asks for a command without waiting; empty if there is none. Ends the process when the test has gone.
std::string next_command() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  if (std::cin.rdbuf()->in_avail() <= 0 && ::poll(&in, 1, 0) <= 0) return {};
  std::string line;
  if (!std::getline(std::cin, line)) ::_exit(0);
  return line;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

}  // namespace

/// Commands: pause, resume, report, finish. Each is answered by
/// "<published> <free chunks> <chunks> <readers> <balanced> <deaths seen> <time of the last> <messages a second>".
int writer_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "writer", true, kConfig);
  const auto writer = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
  std::atomic<int> deaths{0};
  std::atomic<std::int64_t> last_death{0};
  node.on_event([&](const baton::Event& event) {
    if (event.kind != baton::EventKind::unmatched || event.reason.empty()) return;
    last_death = now_ns();
    ++deaths;
  });
  auto publisher = node.publisher<Message>(kUp).value();
  std::uint64_t number = 0;
  std::chrono::duration<double> busy{};
  const auto report = [&] {
    const baton::PublisherCounters figures = publisher.counters();
    bool balanced = figures.published == number && publisher.audit().empty() && node.audit().empty();
    for (const auto& connection : figures.connections) balanced &= is_balanced(connection);
    const auto rate = static_cast<std::uint64_t>(busy.count() > 0 ? static_cast<double>(number) / busy.count() : 0);
    say(fmt::format("{} {} {} {} {:d} {} {} {}", figures.published, figures.free_chunks, figures.chunks,
                    figures.connections.size(), balanced, deaths.load(), last_death.load(), rate));
  };
  say("ready");
  bool running = true;
  while (true) {
    const std::string command = next_command();
    if (command == "pause") running = false;
    if (command == "resume") running = true;
    if (!command.empty()) report();
    if (command == "finish") return 0;
    if (!running) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    const auto begin = Clock::now();
    for (int i = 0; i < kBurst; ++i) {
      if (!publish(publisher, writer, number++)) {
        say("error: a message was not accepted");
        return 3;
      }
    }
    std::this_thread::sleep_for(kPause);
    busy += Clock::now() - begin;
  }
}

/// Commands: drain, which gives everything back, and finish. Both are answered by "<taken> <dropped>". It ends with an
/// error, which it prints, when anything is wrong.
int reader_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "reader", true, kConfig);
  auto subscriber =
      node.subscriber<Message>(kUp, {.depth = 256, .overflow = baton::Overflow::drop_oldest, .max_held = 8}).value();
  Order order;
  std::set<std::uint32_t> writers;
  std::deque<Sample> held;
  std::uint64_t count = 0;
  std::string wrong;
  const auto let_go_of = [&](std::size_t most) {
    for (; held.size() > most; held.pop_front()) {
      if (held.front()->checksum != checksum_of(*held.front())) wrong = "a held sample has changed";
    }
  };
  const auto take_all = [&] {
    for (Sample sample = subscriber.take(); sample; sample = subscriber.take()) {
      if (wrong.empty()) wrong = order.note(*sample);
      writers.insert(sample->writer);
      if (++count % 64 == 0) held.push_back(std::move(sample));
      let_go_of(4);
    }
  };
  say("ready");
  while (wrong.empty()) {
    subscriber.wait(2ms);
    take_all();
    const std::string command = next_command();
    if (command.empty()) continue;
    take_all();
    let_go_of(0);
    const baton::ConnectionCounters total = subscriber.counters().total;
    std::uint64_t missing = 0;
    for (const std::uint32_t writer : writers) missing += order.missing(writer);
    if (!is_balanced(total)) wrong = "the counters do not add up";
    if (const auto findings = subscriber.audit(); !findings.empty()) wrong = findings.front();
    if (total.taken != count) wrong = fmt::format("{} were taken, {} counted", count, total.taken);
    if (total.dropped() < missing) wrong = fmt::format("{} are missing, {} counted", missing, total.dropped());
    if (!wrong.empty()) break;
    say(fmt::format("{} {}", total.taken, total.dropped()));
    if (command == "finish") return 0;
  }
  say("error: " + wrong);
  return 3;
}

}  // namespace crash
