// The verbs of subscribers that are swept.
#include "victims.hpp"

namespace crash::victims {
namespace {

void make_a_subscriber(const Place& place) {
  baton::Node node = place.node();
  auto other = node.publisher<Message>("elsewhere").value();
  window_begins();
  auto subscriber = node.subscriber<Message>(kDown, {.depth = 8, .history = 4, .max_held = 4}).value();
  window_ends();
  require(eventually([&] { return static_cast<bool>(subscriber.take()); }), "there is no history");
}

void take(const Place& place) {
  Listener listener(place);
  window_begins();
  Sample sample = listener.subscriber.take();
  window_ends();
  require(static_cast<bool>(sample), "nothing was taken");
  listener.check(*sample);
  sample.release();
  listener.go_on();
}

void take_nothing(const Place& place) {
  Listener listener(place);
  listener.drain();
  window_begins();
  Sample sample = listener.subscriber.take();
  window_ends();
  listener.go_on();
}

void release(const Place& place) {
  Listener listener(place);
  Sample first = listener.take();
  Sample second = listener.take();
  window_begins();
  first.release();
  window_ends();
  require(second->checksum == checksum_of(*second), "a held sample has changed");
  second.release();
  listener.go_on();
}

void close_a_subscriber(const Place& place) {
  Listener listener(place);
  Sample held = listener.take();
  window_begins();
  listener.subscriber.close();
  window_ends();
  require(held->checksum == checksum_of(*held), "a held sample has changed");
}

/// Of the survivors' publisher.
void let_go_of_memory(const Place& place) {
  Listener listener(place);
  survivors_turn();  // they open a reader for whom more memory is needed, and talk
  listener.drain();
  Sample held = listener.take();
  survivors_turn();  // and close it
  window_begins();
  Sample sample = listener.subscriber.take();
  window_ends();
  if (sample) listener.check(*sample);
  require(!held || held->checksum == checksum_of(*held), "a held sample has changed");
  sample.release();
  held.release();
  listener.go_on();
}

void look_at_a_new_publisher(const Place& place) {
  Listener listener(place);
  survivors_turn();  // they open a publisher
  window_begins();
  Sample sample = listener.subscriber.take();
  window_ends();
  if (sample) listener.check(*sample);
  sample.release();
  listener.go_on();
}

/// So many that the inbox needs more slots.
void make_more_slots(const Place& place) {
  Listener listener(place);
  survivors_turn();  // they open publishers
  window_begins();
  listener.node.keep();
  Sample sample = listener.subscriber.take();
  window_ends();
  sample.release();
  listener.go_on();
}

void let_go_of_a_publisher_that_closed(const Place& place) {
  Listener listener(place);
  survivors_turn();  // they open a publisher
  listener.drain();
  survivors_turn();  // and close it
  window_begins();
  Sample sample = listener.subscriber.take();
  Sample another = listener.subscriber.take();
  window_ends();
  listener.go_on();
}

/// What it published is taken first.
void let_go_of_a_publisher_that_died(const Place& place) {
  Listener listener(place);
  listener.drain();
  survivors_turn();  // they have a process publish, and die
  window_begins();
  for (int i = 0; i < 8; ++i) listener.take().release();  // not all: at each stop the survivors publish more
  window_ends();
  listener.go_on();
}

void make_and_arm_the_descriptor(const Place& place) {
  Listener listener(place);
  window_begins();
  const auto descriptor = listener.subscriber.fd();
  window_ends();
  require(static_cast<bool>(descriptor), "no descriptor");
  listener.go_on();
}

/// Several times: where it is stopped instead of killed, the survivors publish at each point, and end a wait.
void wait_as(const Place& place, baton::Notify notify) {
  Listener listener(place, {.depth = 8, .history = 4, .max_held = 4, .notify = notify, .spin = 0ns});
  listener.drain();
  window_begins();
  for (int i = 0; i < 6; ++i) {
    listener.subscriber.wait(1ms);
    for (int taken = 0; taken < 4 && listener.take(); ++taken) {  // not all: that might never end
    }
  }
  window_ends();
  listener.go_on();
}

void wait_for_a_message(const Place& place) { wait_as(place, baton::Notify::futex); }
void wait_by_semaphore(const Place& place) { wait_as(place, baton::Notify::semaphore); }
void wait_on_the_socket(const Place& place) { wait_as(place, baton::Notify::socket); }

/// Into a set, a wait there, and out again: the inbox names another bell meanwhile.
void wait_in_a_set(const Place& place) {
  Listener listener(place);
  listener.drain();
  baton::WaitSet set = listener.node.wait_set();
  window_begins();
  // Not all: that might never end.
  const auto id = set.add(listener.subscriber, [&] {
    for (int taken = 0; taken < 4 && listener.take(); ++taken) {
    }
  });
  set.wait(1ms);
  if (id) set.remove(*id);
  window_ends();
  require(static_cast<bool>(id), "it does not go into the set");
  require(listener.subscriber.wait(0ms) != baton::WaitStatus::closed, "it is closed");
  listener.go_on();
}

void set_a_callback(const Place& place) {
  Listener listener(place);
  window_begins();
  listener.subscriber.on_message([](const Sample&) {});
  window_ends();
  require(eventually([&] { return listener.subscriber.counters().total.queued == 0; }), "the callback is not called");
  listener.subscriber.on_message(nullptr);
}

}  // namespace

Windows subscriber_windows() {
  return {
      {"make_a_subscriber", make_a_subscriber},
      {"take", take},
      {"take_nothing", take_nothing},
      {"release", release},
      {"close_a_subscriber", close_a_subscriber},
      {"let_go_of_memory", let_go_of_memory},
      {"look_at_a_new_publisher", look_at_a_new_publisher},
      {"make_more_slots", make_more_slots},
      {"let_go_of_a_publisher_that_closed", let_go_of_a_publisher_that_closed},
      {"let_go_of_a_publisher_that_died", let_go_of_a_publisher_that_died},
      {"make_and_arm_the_descriptor", make_and_arm_the_descriptor},
      {"wait_for_a_message", wait_for_a_message},
      {"wait_by_semaphore", wait_by_semaphore},
      {"wait_on_the_socket", wait_on_the_socket},
      {"wait_in_a_set", wait_in_a_set},
      {"set_a_callback", set_a_callback},
  };
}

}  // namespace crash::victims
