#pragma once

// What is swept: each window is a verb of a victim, after what has to be before it. What follows a window only runs in
// a victim that was stopped and goes on: it must find everything as it was.
//
// Victims have no keeper, so that nothing but the verb happens in a window; those with "keeper" in their arguments have
// one, which runs meanwhile.

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "place.hpp"
#include "process.hpp"
#include "sweep.hpp"

namespace crash::victims {

using sweep::survivors_turn;
using sweep::window_begins;
using sweep::window_ends;

inline void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

struct Place {
  std::string domain;
  std::uint32_t writer = 0;  ///< a number of this victim's own
  bool keeper = false;

  baton::Node node(const std::string& config = "") const { return open_node(domain, "victim", keeper, config); }
};

/// A publisher, connected to the survivors.
struct Talker {
  explicit Talker(const Place& place, const baton::QosSettings& settings = {}, const std::string& config = "")
      : node(place.node(config)), publisher(node.publisher<Message>(kUp, settings).value()), writer(place.writer) {
    require(eventually([this] { return publisher.subscriber_count() > 0; }), "no survivor is connected");
  }

  void say(int messages) {
    for (; messages > 0; --messages) require(publish(publisher, writer, next++), "a message was not accepted");
  }

  /// As if nothing had been: every chunk is there, and the survivors get what is said.
  void go_on() {
    say(3);
    require(eventually([this] { return publisher.counters().open_loans == 0; }), "a loan is left");
    for (const auto& connection : publisher.counters().connections) require(is_balanced(connection), "not balanced");
  }

  baton::Node node;
  Publisher publisher;
  const std::uint32_t writer;
  std::uint64_t next = 0;
};

/// A subscriber, with the survivors' history in its queue.
struct Listener {
  explicit Listener(const Place& place, const baton::QosSettings& settings = {.depth = 8, .history = 4, .max_held = 4})
      : node(place.node()), subscriber(node.subscriber<Message>(kDown, settings).value()) {
    require(eventually([this] { return subscriber.wait(10ms) == baton::WaitStatus::ready; }), "there is no history");
  }

  Sample take() {
    Sample sample = subscriber.take();
    if (sample) check(*sample);
    return sample;
  }
  void check(const Message& message) {
    const std::string wrong = order.note(message);
    if (!wrong.empty()) throw std::runtime_error(wrong);
  }
  void drain() {
    while (take()) {
    }
  }

  void go_on() {
    drain();
    require(is_balanced(subscriber.counters().total), "not balanced");
  }

  baton::Node node;
  Subscriber subscriber;
  Order order;
};

using Windows = std::map<std::string, void (*)(const Place&)>;

Windows publisher_windows();   // publisher_windows.cpp
Windows subscriber_windows();  // subscriber_windows.cpp
Windows node_windows();        // node_windows.cpp

}  // namespace crash::victims
