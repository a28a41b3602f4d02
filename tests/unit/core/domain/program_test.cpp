// No tests: the processes that the tests of the domain start, each a disabled test that is run in a process of its own.
#include <cstdlib>

#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "baton/transport_shm.hpp"
#include "program.hpp"
#include "test/conformance.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;

struct Started {
  Place place{std::getenv("BATON_TEST_PLACE")};
  int fd = std::atoi(std::getenv("BATON_TEST_FD"));
};

// Joins, announces a publisher, and stays until it is told to end.
TEST(DomainProgram, DISABLED_stays) {
  Started started;
  const auto member = started.place.join("other");
  const Port port(member, PortRole::publisher, announcement("other"));
  write_line(started.fd, fmt::format("{} {}", member->id().slot, member->id().generation));
  while (!read_line(started.fd).empty()) {
  }
}

// The same without a keeper: nothing runs there but what it is told to do.
TEST(DomainProgram, DISABLED_stays_without_keeper) {
  Started started;
  const auto member = started.place.join("other", false);
  write_line(started.fd, fmt::format("{} {}", member->id().slot, member->id().generation));
  while (!read_line(started.fd).empty()) member->keep(0ns);
}

// The same with a publisher that is latched.
TEST(DomainProgram, DISABLED_latches) {
  Started started;
  const auto member = started.place.join("other", false);
  const Port port(member, PortRole::publisher, announcement("other"));
  EXPECT_TRUE(port.presence->latch());
  write_line(started.fd, fmt::format("{} {}", member->id().slot, member->id().generation));
  read_line(started.fd);
}

// Joins, forks a child that stays, and waits. The child ends when it is told to.
TEST(DomainProgram, DISABLED_forks) {
  Started started;
  const auto member = started.place.join("other");
  const Port port(member, PortRole::publisher, announcement("other"));
  const pid_t child = ::fork();
  if (child != 0) {
    while (true) ::pause();
  }
  write_line(started.fd, fmt::format("{} {}", member->id().slot, member->id().generation));
  read_line(started.fd);
  ::_exit(0);
}

// Opens an in-process publisher, and says which events are about it.
TEST(DomainProgram, DISABLED_publishes_in_process) {
  Started started;
  const Config config =
      Config::parse(fmt::format("[shared_memory]\ndirectory = \"{}\"\n", started.place.path()), "test.toml").value();
  auto node = Node::open("other", {.domain = "test", .config = config, .transports = {inproc_transport()}}).value();
  node.on_event([&](const Event& event) {
    if (event.topic.empty()) return;
    write_line(started.fd, fmt::format("{} {} {}", to_string(event.kind), event.peer, event.reason));
  });
  const auto publisher = node.publisher<conformance::Message>("topic").value();
  write_line(started.fd, "ready");
  read_line(started.fd);
}

// Publishes over shared memory what no other program was built with; each line it hears is a message.
TEST(DomainProgram, DISABLED_publishes_json) {
  Started started;
  const Config config =
      Config::parse(fmt::format("[shared_memory]\ndirectory = \"{}\"\n", started.place.path()), "test.toml").value();
  auto node = Node::open("other", {.domain = "test", .config = config, .transports = {shm_transport()}}).value();
  const auto type = TypeDescription::of<conformance::Message>().value();
  auto publisher = node.generic_publisher("topic", type).value();
  write_line(started.fd, "open");
  for (std::string line = read_line(started.fd); !line.empty(); line = read_line(started.fd)) {
    const auto result = publisher.publish_json(line);
    write_line(started.fd, result ? "ok" : result.error().message());
  }
}

}  // namespace
}  // namespace baton::domain
