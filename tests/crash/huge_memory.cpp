// Segments of huge pages, on a file system that gives them, and on one that does not.

#include <algorithm>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "own_mount.hpp"
#include "place.hpp"
#include "roles.hpp"
#include "test/bench.hpp"

namespace crash {
namespace {

/// How much of a directory's mapped files is entered as huge pages, in KiB.
std::uint64_t huge_kib(const std::string& directory) {
  std::ifstream maps("/proc/self/smaps");
  std::uint64_t sum = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rw-s ") != std::string::npos || line.find(" r--s ") != std::string::npos) {
      ours = line.find(directory) != std::string::npos;
    }
    if (ours && line.starts_with("ShmemPmdMapped:")) sum += std::stoull(line.substr(line.find(':') + 1));
  }
  return sum;
}

/// What two nodes warn of, while a message of 8 MiB goes from one to the other.
std::vector<std::string> warnings_of_a_pair(const std::string& directory, std::uint64_t& huge) {
  static std::mutex mutex;
  static std::vector<std::string> warnings;
  baton::set_log_sink([](baton::LogLevel, std::string_view line) {
    const std::lock_guard lock(mutex);
    warnings.emplace_back(line);
  });
  {
    const std::string config = config_for(directory) + "[memory]\nprefault = true\nhuge_pages = true\n";
    baton::Node node = open_node("huge", "first", true, config);
    baton::Node other = open_node("huge", "second", true, config);
    auto reader = other.subscriber<bench::Bytes8M>("big", {.depth = 1, .max_held = 1}).value();
    auto publisher = node.publisher<bench::Bytes8M>("big", {.max_loans = 1}).value();
    expect(publisher.loan().value().publish().delivered == 1, "nothing was delivered");
    expect(static_cast<bool>(reader.take()), "nothing has arrived");
    huge = huge_kib(directory);
  }
  baton::set_log_sink({});
  const std::lock_guard lock(mutex);
  return warnings;
}

void run_where_they_are_given(const std::string& directory) {
  std::uint64_t huge = 0;
  const auto warnings = warnings_of_a_pair(directory, huge);
  expect(huge >= 32768, "of a segment of more than 32 MiB, which is half of the file system, only " +
                            std::to_string(huge) + " KiB are huge");
  expect(warnings.empty(), "there are warnings");
}

void run_where_they_are_not(const std::string& directory) {
  std::uint64_t huge = 0;
  const auto warnings = warnings_of_a_pair(directory, huge);
  expect(huge == 0, "there are huge pages");
  expect(warnings.size() == 1, "there are " + std::to_string(warnings.size()) + " warnings");
  const std::string said = "[second] huge_pages = true has no effect: the file system at " + directory +
                           " gives none; allow it to: mount -o remount,huge=advise " + directory;
  expect(!warnings.empty() && warnings.front() == said, warnings.empty() ? "" : warnings.front());
}

}  // namespace

int huge_memory_role(const Arguments& arguments) {
  const bool given = arguments.at(0) == "huge=advise";
  return on_own_mount("size=64M," + arguments.at(0), given ? run_where_they_are_given : run_where_they_are_not);
}

}  // namespace crash
