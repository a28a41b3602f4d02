#include "baton/posix/epoll.hpp"

#include <gtest/gtest.h>

#include "baton/posix/event_fd.hpp"
#include "baton/posix/poll.hpp"

namespace {

using baton::posix::Epoll;
using baton::posix::EventFd;
using baton::posix::Poll;

bool is_readable(const Epoll& epoll) {
  Poll poll;
  poll.add(epoll.fd().get());
  return poll.wait(Poll::Clock::now()).value() == 1;
}

TEST(Epoll, is_readable_while_one_of_its_descriptors_is) {
  auto epoll = Epoll::create().value();
  const auto one = EventFd::create().value();
  const auto two = EventFd::create().value();
  ASSERT_TRUE(epoll.add(one.fd().get()));
  ASSERT_TRUE(epoll.add(two.fd().get()));
  EXPECT_FALSE(is_readable(epoll));
  two.signal();
  EXPECT_TRUE(is_readable(epoll));
  one.signal();
  two.drain();
  EXPECT_TRUE(is_readable(epoll));
  epoll.remove(one.fd().get());
  EXPECT_FALSE(is_readable(epoll));
}

TEST(Epoll, says_that_a_descriptor_is_not_open) {
  auto epoll = Epoll::create().value();
  const auto added = epoll.add(-1);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().os_errno(), EBADF);
}

}  // namespace
