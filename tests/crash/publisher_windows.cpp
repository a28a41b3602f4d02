// The verbs of publishers that are swept.
#include <memory>
#include <thread>

#include "victims.hpp"

namespace crash::victims {
namespace {

void loan(const Place& place) {
  Talker talker(place);
  window_begins();
  auto loan = talker.publisher.loan();
  window_ends();
  require(static_cast<bool>(loan), "no loan");
  loan->discard();
  talker.go_on();
}

void publish_window(Talker& talker) {
  auto loan = talker.publisher.loan();
  require(static_cast<bool>(loan), "no loan");
  fill(**loan, talker.writer, talker.next++);
  window_begins();
  const auto result = loan->publish();
  window_ends();
  require(result.status != baton::PublishStatus::rejected, "rejected");
  talker.go_on();
}

void publish_to_an_empty_queue(const Place& place) {
  Talker talker(place);
  publish_window(talker);
}

/// Of all kinds.
void publish_to_sleepers(const Place& place) {
  Talker talker(place);
  survivors_turn();  // readers that sleep
  require(eventually([&] { return talker.publisher.subscriber_count() >= 6; }), "not all sleepers are connected");
  publish_window(talker);
}

void publish_to_a_full_queue(const Place& place) {
  Talker talker(place);
  talker.say(9);
  publish_window(talker);
}

/// The survivors' reader of this topic does not drop: the publisher waits for room, in vain.
void publish_waiting_for_room(const Place& place) {
  Talker talker(place, {.overflow = baton::Overflow::block, .block_timeout = 3ms});
  survivors_turn();  // a lossless reader of depth 1, which takes nothing
  talker.say(1);
  for (int i = 0; i < 2; ++i) publish(talker.publisher, talker.writer, talker.next++);
  auto loan = talker.publisher.loan();
  require(static_cast<bool>(loan), "no loan");
  fill(**loan, talker.writer, talker.next++);
  window_begins();
  const auto result = loan->publish();
  window_ends();
  require(result.status != baton::PublishStatus::rejected, "rejected");
}

void discard(const Place& place) {
  Talker talker(place);
  talker.say(2);
  auto loan = talker.publisher.loan();
  window_begins();
  loan->discard();
  window_ends();
  talker.go_on();
}

void collect_what_came_back(const Place& place) {
  Talker talker(place);
  talker.say(4);
  survivors_turn();  // they take and release
  window_begins();
  const auto counters = talker.publisher.counters();
  window_ends();
  require(counters.open_loans == 0, "a loan is left");
  talker.go_on();
}

/// Also: a segment more, because there is no room in the pool for another reader.
void connect_a_new_reader(const Place& place) {
  Talker talker(place, {.history = 2});
  talker.say(3);
  survivors_turn();  // they open a subscriber
  publish_window(talker);
}

void let_go_of_a_reader_that_closed(const Place& place) {
  Talker talker(place);
  survivors_turn();  // they open a subscriber
  talker.say(3);
  survivors_turn();  // and close it
  publish_window(talker);
}

/// By the keeper's work, which the node does itself.
void let_go_of_a_reader_that_died(const Place& place) {
  Talker talker(place);
  survivors_turn();  // they start a process that subscribes
  talker.say(3);
  survivors_turn();  // and kill it
  window_begins();
  talker.node.keep();
  window_ends();
  talker.go_on();
}

/// A publisher that has more memory than it needs, since a heartbeat.
struct Hoarder : Talker {
  explicit Hoarder(const Place& place)
      : Talker(place, {}, "[liveness]\nheartbeat = \"10 ms\"\nhung_after = \"1 h\"\n") {
    survivors_turn();  // they open a subscriber
    say(3);
    survivors_turn();  // and close it
    say(3);
    node.keep();
    std::this_thread::sleep_for(15ms);
  }
};

void want_memory_back(const Place& place) {
  Hoarder talker(place);
  window_begins();
  talker.node.keep();
  window_ends();
  talker.go_on();
}

void give_memory_back(const Place& place) {
  Hoarder talker(place);
  talker.node.keep();
  survivors_turn();  // they take, and let go of it
  std::this_thread::sleep_for(15ms);
  window_begins();
  talker.node.keep();
  window_ends();
  talker.go_on();
}

void close_a_publisher(const Place& place) {
  Talker talker(place);
  talker.say(2);
  window_begins();
  talker.publisher.close();
  window_ends();
}

void make_a_publisher(const Place& place) {
  baton::Node node = place.node();
  auto other = node.publisher<Message>("elsewhere").value();  // the node joins
  window_begins();
  auto publisher = node.publisher<Message>(kUp, {.history = 1}).value();
  window_ends();
  require(publish(publisher, place.writer, 0), "a message was not accepted");
}

/// Five messages, of which three are the last.
struct LatchedTalker : Talker {
  explicit LatchedTalker(const Place& place) : Talker(place, {.history = 3, .latched = true}) { say(5); }
};

void publish_latched(const Place& place) {
  LatchedTalker talker(place);
  publish_window(talker);
}

void connect_a_new_reader_latched(const Place& place) {
  LatchedTalker talker(place);
  survivors_turn();  // they open a subscriber
  publish_window(talker);
}

void close_a_latched_publisher(const Place& place) {
  LatchedTalker talker(place);
  window_begins();
  talker.publisher.close();
  window_ends();
}

void make_a_latched_publisher(const Place& place) {
  baton::Node node = place.node();
  auto other = node.publisher<Message>("elsewhere").value();  // the node joins
  window_begins();
  auto publisher = node.publisher<Message>(kUp, {.history = 3, .latched = true}).value();
  window_ends();
  require(publish(publisher, place.writer, 5), "a message was not accepted");
}

}  // namespace

Windows publisher_windows() {
  return {
      {"loan", loan},
      {"publish_to_an_empty_queue", publish_to_an_empty_queue},
      {"publish_to_a_full_queue", publish_to_a_full_queue},
      {"publish_to_sleepers", publish_to_sleepers},
      {"publish_waiting_for_room", publish_waiting_for_room},
      {"discard", discard},
      {"collect_what_came_back", collect_what_came_back},
      {"connect_a_new_reader", connect_a_new_reader},
      {"let_go_of_a_reader_that_closed", let_go_of_a_reader_that_closed},
      {"let_go_of_a_reader_that_died", let_go_of_a_reader_that_died},
      {"want_memory_back", want_memory_back},
      {"give_memory_back", give_memory_back},
      {"close_a_publisher", close_a_publisher},
      {"make_a_publisher", make_a_publisher},
      {"publish_latched", publish_latched},
      {"connect_a_new_reader_latched", connect_a_new_reader_latched},
      {"close_a_latched_publisher", close_a_latched_publisher},
      {"make_a_latched_publisher", make_a_latched_publisher},
  };
}

}  // namespace crash::victims
