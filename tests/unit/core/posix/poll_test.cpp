#include "baton/posix/poll.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "baton/posix/event_fd.hpp"
#include "ticking.hpp"

namespace baton::posix {
namespace {

using namespace std::chrono_literals;
using testing_support::Ticking;

TEST(Poll, says_which_descriptors_are_ready) {
  const EventFd a = EventFd::create().value();
  const EventFd b = EventFd::create().value();
  Poll poll;
  EXPECT_EQ(poll.add(a.fd().get()), 0U);
  EXPECT_EQ(poll.add(b.fd().get()), 1U);
  EXPECT_EQ(poll.wait(Poll::Clock::now()).value(), 0U);
  b.signal();
  EXPECT_EQ(poll.wait(std::nullopt).value(), 1U);
  EXPECT_FALSE(poll.is_ready(0));
  EXPECT_TRUE(poll.is_ready(1));
  EXPECT_FALSE(poll.is_ready(2));
}

TEST(Poll, waits_until_its_deadline_although_signals_interrupt) {
  const EventFd a = EventFd::create().value();
  Poll poll;
  poll.add(a.fd().get());
  const Ticking ticking;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(poll.wait(start + 60ms).value(), 0U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 60ms);
  EXPECT_EQ(poll.wait(start).value(), 0U) << "a deadline that has passed";
}

TEST(Poll, is_woken_from_another_thread) {
  const EventFd a = EventFd::create().value();
  std::thread waker([&] {
    std::this_thread::sleep_for(20ms);
    a.signal();
  });
  Poll poll;
  poll.add(a.fd().get());
  EXPECT_EQ(poll.wait(Poll::Clock::time_point::max()).value(), 1U);
  waker.join();
  EXPECT_EQ(a.drain(), 1U);
}

TEST(Poll, of_a_closed_descriptor_is_an_error) {
  Poll poll;
  poll.add(1'000'000);
  EXPECT_EQ(poll.wait(Poll::Clock::now()).error().message(), "descriptor 1000000: is not open (Bad file descriptor)");
}

TEST(EventFd, counts_signals_until_it_is_drained) {
  const EventFd event = EventFd::create().value();
  EXPECT_EQ(event.drain(), 0U);
  event.signal();
  event.signal();
  EXPECT_EQ(event.drain(), 2U);
  EXPECT_EQ(event.drain(), 0U);
}

}  // namespace
}  // namespace baton::posix
