#include "own_mount.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

namespace crash {
namespace {

namespace fs = std::filesystem;

int failures = 0;

}  // namespace

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::printf("%s\n", what.c_str());
  ++failures;
}

std::string config_for(const std::string& directory) { return "[shared_memory]\ndirectory = \"" + directory + "\"\n"; }

int on_own_mount(const std::string& options, void (*run)(const std::string& directory)) {
  std::string directory = "/tmp/baton-crash-XXXXXX";
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mkdtemp(directory.data()) == nullptr) {
    return 77;
  }
  const bool mounted = ::mount("tmpfs", directory.c_str(), "tmpfs", 0, options.c_str()) == 0;
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
