#include "baton/posix/socket.hpp"

#include <unistd.h>

#include <array>
#include <string_view>

#include <gmock/gmock.h>

#include "baton/posix/poll.hpp"
#include "temporary_directory.hpp"

namespace baton::posix {
namespace {

using testing_support::TemporaryDirectory;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Socket, receives_whole_datagrams_in_order_and_never_waits) {
  const TemporaryDirectory directory;
  const Socket receiver = Socket::bind(directory.fd(), "bell").value();
  const Socket sender = Socket::bind(directory.fd(), "sender").value();
  std::array<std::byte, 16> buffer{};
  EXPECT_EQ(receiver.receive(buffer).value(), std::nullopt);
  EXPECT_EQ(sender.send(directory.fd(), "bell", bytes_of("one")).value(), Socket::Sent::sent);
  EXPECT_EQ(sender.send(directory.fd(), "bell", {}).value(), Socket::Sent::sent);
  Poll poll;
  poll.add(receiver.fd().get());
  EXPECT_EQ(poll.wait(Poll::Clock::now() + std::chrono::seconds(5)).value(), 1U);
  EXPECT_EQ(receiver.receive(buffer).value(), 3U);
  EXPECT_EQ(buffer[2], std::byte{'e'});
  EXPECT_EQ(receiver.receive(buffer).value(), 0U);
  EXPECT_EQ(receiver.receive(buffer).value(), std::nullopt);
}

TEST(Socket, says_that_the_receiver_is_full_or_gone) {
  const TemporaryDirectory directory;
  const Socket sender = Socket::bind(directory.fd(), "sender").value();
  EXPECT_EQ(sender.send(directory.fd(), "bell", bytes_of("x")).value(), Socket::Sent::gone);
  {
    const Socket receiver = Socket::bind(directory.fd(), "bell").value();
    Socket::Sent last = Socket::Sent::sent;
    for (int i = 0; i < 100'000 && last == Socket::Sent::sent; ++i) {
      last = sender.send(directory.fd(), "bell", bytes_of("x")).value();
    }
    EXPECT_EQ(last, Socket::Sent::full);
  }
  // Its name is still there, and nobody listens.
  EXPECT_EQ(sender.send(directory.fd(), "bell", bytes_of("x")).value(), Socket::Sent::gone);
}

TEST(Socket, reports_a_datagram_that_does_not_fit_and_takes_the_next) {
  const TemporaryDirectory directory;
  const Socket receiver = Socket::bind(directory.fd(), "bell").value();
  const Socket sender = Socket::bind(directory.fd(), "sender").value();
  ASSERT_TRUE(sender.send(directory.fd(), "bell", bytes_of("too long")));
  ASSERT_TRUE(sender.send(directory.fd(), "bell", bytes_of("ok")));
  std::array<std::byte, 4> buffer{};
  const auto first = receiver.receive(buffer);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code(), Errc::too_large);
  EXPECT_EQ(first.error().message(),
            "socket '" + directory.path("bell") + "': a datagram of 8 bytes came, the buffer has 4");
  EXPECT_EQ(receiver.receive(buffer).value(), 2U);
}

TEST(Socket, is_bound_in_a_directory_whose_path_is_longer_than_an_address) {
  const TemporaryDirectory directory;
  const std::string deep = directory.path(std::string(200, 'd'));
  std::filesystem::create_directory(deep);
  const FileDescriptor fd = FileDescriptor::open(deep, O_RDONLY | O_DIRECTORY).value();
  const Socket receiver = Socket::bind(fd, "bell").value();
  EXPECT_EQ(receiver.send(fd, "bell", bytes_of("x")).value(), Socket::Sent::sent);
}

TEST(Socket, refuses_names_that_are_taken_or_too_long) {
  const TemporaryDirectory directory;
  const Socket receiver = Socket::bind(directory.fd(), "bell").value();
  EXPECT_EQ(Socket::bind(directory.fd(), "bell").error().message(),
            "socket '" + directory.path("bell") + "': cannot be bound (Address already in use)");
  const std::string name(120, 'n');
  const auto refused = Socket::bind(directory.fd(), name);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::ContainsRegex("its name has 120 bytes .File name too long.; at most "
                                                                "[0-9]+ fit into a socket's address"));
  EXPECT_FALSE(receiver.send(directory.fd(), name, bytes_of("x")));
}

}  // namespace
}  // namespace baton::posix
