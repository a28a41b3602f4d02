#include "roles.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "place.hpp"
#include "sweep.hpp"
#include "victims.hpp"

namespace crash {

/// Runs one window: see victims.hpp.
int victim_role(const Arguments& arguments) {
  sweep::wait_for_tracer();
  const std::string& window = arguments.at(1);
  if (window == "nothing") return 0;
  victims::Windows all = victims::publisher_windows();
  all.merge(victims::subscriber_windows());
  all.merge(victims::node_windows());
  all.at(window)(
      {arguments.at(0), static_cast<std::uint32_t>(std::stoul(arguments.at(2))), arguments.at(3) == "keeper"});
  return 0;
}

/// A node with all kinds of files, that dies at once.
int corpse_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "corpse", false);
  auto publisher = node.publisher<Message>("elsewhere").value();
  auto subscriber = node.subscriber<Message>("elsewhere").value();
  publish(publisher, 1, 1);
  const auto descriptor = subscriber.fd();
  ::raise(SIGKILL);
  return descriptor ? 1 : 2;
}

/// Publishes five messages, on a topic and as a writer, and ends: well, or by SIGKILL right after the last one.
int brief_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "brief");
  auto publisher = node.publisher<Message>(arguments.at(2)).value();
  const auto writer = static_cast<std::uint32_t>(std::stoul(arguments.at(3)));
  for (std::uint64_t number = 0; number < 5; ++number) {
    if (!publish(publisher, writer, number)) return 1;
  }
  if (arguments.at(1) == "killed") ::raise(SIGKILL);
  return 0;
}

/// Publishes five messages as a latched publisher, says so, and waits for its end: by a signal, or when it is told,
/// without ado.
int latcher_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "latcher");
  auto publisher = node.publisher<Message>(arguments.at(1), {.history = 3, .latched = true}).value();
  for (std::uint64_t number = 0; number < 5; ++number) {
    if (!publish(publisher, 7, number)) return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  if (line == "close") return 0;
  ::_exit(0);
}

/// Subscribes, and says what it gets.
int late_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "late");
  auto subscriber = node.subscriber<Message>(arguments.at(1)).value();
  std::string heard;
  while (const Sample sample = subscriber.take()) {
    if (sample->checksum != checksum_of(*sample)) return 1;
    heard += std::to_string(sample->number) + " ";
  }
  std::puts(heard.c_str());
  return 0;
}

/// Comes and goes, with ports of both kinds: so often as it is told.
int churner_role(const Arguments& arguments) {
  const std::uint32_t first_writer = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
  const std::uint32_t times = static_cast<std::uint32_t>(std::stoul(arguments.at(2)));
  for (std::uint32_t time = 0; time < times; ++time) {
    baton::Node node = open_node(arguments.at(0), "churner", time % 2 == 0);
    auto subscriber = node.subscriber<Message>(kDown, {.depth = 8, .history = 4, .max_held = 4}).value();
    auto publisher = node.publisher<Message>(kUp, {.history = time % 3}).value();
    Order order;
    Sample held;
    for (std::uint64_t number = 0; number < 6; ++number) {
      if (!publish(publisher, first_writer + time, number)) return 2;
      Sample sample = subscriber.take();
      if (sample && !order.note(*sample).empty()) return 3;
      if (number % 2 == 0) held = std::move(sample);
    }
    if (time % 4 < 2) publisher.close();
    if (time % 8 < 4) subscriber.close();
  }
  return 0;
}

/// Subscribes, says so, and takes nothing.
int hoarder_role(const Arguments& arguments) {
  baton::Node node = open_node(arguments.at(0), "hoarder", true, "[liveness]\nheartbeat = \"20 ms\"\n");
  auto subscriber = node.subscriber<Message>(kUp, {.depth = 2, .max_held = 1}).value();
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "end") break;
    if (line == "take") {
      const auto sample = subscriber.take();
      const bool whole = sample && sample->number == sample.info().sequence && sample->checksum == checksum_of(*sample);
      std::puts(!sample ? "nothing" : whole ? "taken" : "torn");
    }
    std::fflush(stdout);
  }
  return 0;
}

int run_role(const std::string& name, const Arguments& arguments) {
  if (name == "victim") return victim_role(arguments);
  if (name == "corpse") return corpse_role(arguments);
  if (name == "brief") return brief_role(arguments);
  if (name == "latcher") return latcher_role(arguments);
  if (name == "late") return late_role(arguments);
  if (name == "churner") return churner_role(arguments);
  if (name == "hoarder") return hoarder_role(arguments);
  if (name == "writer") return writer_role(arguments);
  if (name == "reader") return reader_role(arguments);
  if (name == "full_memory") return full_memory_role(arguments);
  if (name == "huge_memory") return huge_memory_role(arguments);
  if (name == "cgroup") return cgroup_role(arguments);
  if (name == "random_publisher") return random_publisher_role(arguments);
  if (name == "random_subscriber") return random_subscriber_role(arguments);
  std::fprintf(stderr, "there is no role '%s'\n", name.c_str());
  return 64;
}

}  // namespace crash
