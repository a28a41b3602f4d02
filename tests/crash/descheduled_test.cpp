// A user's thread that the scheduler has forgotten in the middle of a verb, while the keeper would connect somebody.

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "foreign.hpp"

namespace crash {
namespace {

std::atomic<bool> forgotten{false};
std::atomic<bool> go_on{false};

void sleep_in_the_middle(int) {
  forgotten = true;
  while (!go_on) {
  }
}

TEST_F(Foreign, a_subscriber_that_came_while_a_publisher_was_stopped_in_a_verb_is_connected_though_no_verb_follows) {
  struct sigaction action {};
  action.sa_handler = sleep_in_the_middle;
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  baton::Node other = open_node(domain_, "other", true, kConfig);
  for (int round = 0; round < 20 && !HasFailure(); ++round) {  // in some of them it is stopped in its guard
    SCOPED_TRACE(round);
    auto publisher = other.publisher<Message>(kDown, {.history = 1}).value();
    forgotten = false;
    go_on = false;
    std::atomic<std::uint64_t> published{0};
    std::thread user([&] {
      while (!go_on) publish(publisher, 2, published++);
    });
    ASSERT_TRUE(eventually([&] { return published > 100U; }));
    ::pthread_kill(user.native_handle(), SIGUSR1);
    ASSERT_TRUE(eventually([] { return forgotten.load(); }));
    auto subscriber = node_->subscriber<Message>(kDown).value();  // waits for the publisher, for a bounded time
    go_on = true;
    user.join();
    EXPECT_TRUE(subscriber.wait(10s)) << "an idle publisher gives its history to nobody";
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace crash
