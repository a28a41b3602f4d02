// A domain on a file system of one megabyte, which is full. In a process of its own, because it takes a mount of its
// own.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "place.hpp"
#include "process.hpp"
#include "roles.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::printf("%s\n", what.c_str());
  ++failures;
}

/// Takes what is left, until nothing is.
void fill_up(const fs::path& file) {
  std::ofstream out(file, std::ios::binary);
  const std::string block(4096, 'x');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())) && out.flush()) {
  }
}

bool was_refused_for_space(baton::Node& node) {
  return eventually([&] {
    for (auto event = node.take_event(); event; event = node.take_event()) {
      if (event->kind == baton::EventKind::refused && event->reason.find("bytes") != std::string::npos) return true;
    }
    return false;
  });
}

void run(const std::string& directory) {
  const std::string config = "[shared_memory]\ndirectory = \"" + directory + "\"\n";
  baton::Node node = open_node("small", "pair", false, config);  // no keeper: it connects when it publishes
  auto publisher = node.publisher<Message>(kUp).value();
  auto reader = node.subscriber<Message>(kUp).value();
  std::uint64_t number = 0;
  const auto talk = [&] {
    expect(publish(publisher, 1, number), "a running publisher does not go on");
    const Sample sample = reader.take();
    expect(sample && sample->number == number && sample->checksum == checksum_of(*sample),
           "a running pair does not go on");
    ++number;
  };
  talk();

  auto second = node.subscriber<Message>(kUp, {.depth = 64}).value();  // its publisher looks for it at its next verb
  fill_up(directory + "/filler");
  while (node.take_event()) {
  }
  talk();
  expect(publisher.subscriber_count() == 1, "a reader was connected for whom there is no memory");
  expect(was_refused_for_space(node), "a reader that there is no memory for is refused without a reason");
  talk();

  const auto refused = node.publisher<Message>("other");
  expect(!refused, "a publisher was made of nothing");
  if (!refused) {
    expect(refused.error().code() == baton::Errc::no_space, "not no_space: " + refused.error().message());
    expect(refused.error().message().find("bytes") != std::string::npos,
           "it names no bytes: " + refused.error().message());
  }
  const auto no_inbox = node.subscriber<Message>("other");
  expect(!no_inbox && no_inbox.error().code() == baton::Errc::no_space, "a subscriber was made of nothing");
  talk();

  fs::remove(directory + "/filler");
  expect(node.publisher<Message>("other").has_value(), "there is room again, and no publisher");
  talk();
}

}  // namespace

/// 77 if there can be no such file system.
int full_memory_role(const Arguments&) {
  std::string directory = "/tmp/baton-crash-XXXXXX";
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mkdtemp(directory.data()) == nullptr) {
    return 77;
  }
  const bool mounted = ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1M") == 0;
  if (mounted) {
    try {
      run(directory);
    } catch (const std::exception& error) {
      expect(false, error.what());
    }
    const auto left = fs::directory_iterator(directory);
    expect(left == end(left), "something is left");
    ::umount2(directory.c_str(), MNT_DETACH);
  }
  fs::remove(directory);
  return !mounted ? 77 : failures == 0 ? 0 : 1;
}

}  // namespace crash
