// A place for the domains of one test: a directory in shared memory, which has to be empty again when the test ends.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "../../../soft_limit.hpp"
#include "baton/domain/member.hpp"

namespace baton::domain::testing_support {

using namespace std::chrono_literals;

class Place {
 public:
  Place() : Place("/dev/shm/baton_unit_test_XXXXXX", ::getpid()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    settings_.directory = path_;
  }
  /// Another process's.
  explicit Place(const std::string& path) : Place(path, 0) {}
  ~Place() {
    if (owner_ != ::getpid()) return;  // or a forked child's copy
    EXPECT_EQ(files(), std::vector<std::string>{}) << "left behind";
    std::filesystem::remove_all(path_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::string& path() const { return path_; }
  std::string user_path() const { return fmt::format("{}/baton-{}", path_, ::geteuid()); }
  std::string domain_path() const { return user_path() + "/test"; }
  std::string registry_path() const { return domain_path() + "/registry"; }
  Settings& settings() { return settings_; }

  Member::Request request(const std::string& node, bool keeper = true) const {
    return {node, "test", settings_, keeper, std::make_shared<EventQueue>(node)};
  }
  Result<std::shared_ptr<Member>> try_join(const std::string& node, bool keeper = true) const {
    return Member::join(request(node, keeper));
  }
  std::shared_ptr<Member> join(const std::string& node, bool keeper = true) const {
    return try_join(node, keeper).value();
  }

  /// All that lies here, as paths relative to it, sorted.
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      found.push_back(std::filesystem::relative(entry.path(), path_).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  /// Of a slot's owners.
  std::size_t files_of(std::uint32_t slot) const {
    const std::string part = fmt::format(".{}.", slot);
    std::size_t count = 0;
    for (const std::string& file : files()) {
      const std::string name = std::filesystem::path(file).filename();
      if (name.find('.') != std::string::npos && name.substr(name.find('.'), part.size()) == part) ++count;
    }
    return count;
  }

 private:
  Place(std::string path, pid_t owner) : path_(std::move(path)), owner_(owner) {
    settings_.directory = path_;
    settings_.heartbeat = 50ms;
    settings_.hung_after = 250ms;
  }

  std::string path_;
  pid_t owner_;
  Settings settings_;
};

/// The number that the next descriptor has.
inline rlim_t next_descriptor() {
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  return static_cast<rlim_t>(next);
}

/// As long as it lives, this process gets no new descriptors. The limit is not 0: a poll for more descriptors than that
/// fails.
struct NoDescriptors : SoftLimit {
  NoDescriptors() : SoftLimit(RLIMIT_NOFILE, next_descriptor()) {}
};

/// Waits until something holds, for ten seconds at most, which only a machine under a great load needs.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

inline PortAnnouncement announcement(const std::string& node, const std::string& topic = "topic") {
  PortAnnouncement port;
  port.node = node;
  port.topic = topic;
  port.transport = "shm";
  port.type = "test::Message";
  port.canonical = "struct test::Message { uint32 value; }";
  port.qos.transport = "shm";
  port.process = process_token();
  return port;
}

/// A port without a transport.
class Port {
 public:
  Port(std::shared_ptr<Member> member, PortRole role, PortAnnouncement announced)
      : ref{member->id(), member->next_port()},
        presence(Presence::announce(member, role, ref, announced, ref.port, 64).value()),
        peers(std::move(member), role, std::move(announced)) {}

  /// `events` are those of the port alone, without the nodes that have joined.
  Peers::Changes refresh() {
    auto changes = peers.refresh(events);
    std::erase_if(events, [](const Event& event) { return event.kind == EventKind::joined; });
    return changes;
  }

  PortRef ref;
  std::shared_ptr<Presence> presence;
  Peers peers;
  std::vector<Event> events;
};

}  // namespace baton::domain::testing_support
