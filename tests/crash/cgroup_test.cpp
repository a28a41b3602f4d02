// A program whose memory cgroup has a limit: the kernel would kill it where it takes more.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "../sanitized.hpp"
#include "place.hpp"
#include "process.hpp"
#include "roles.hpp"
#include "test/bench.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLimit = 16U << 20U;

bool write(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return !file.fail();
}

/// A cgroup of the test's own below the one that it is in, with a limit; without a path where none can be made.
class LimitedCgroup {
 public:
  LimitedCgroup() {
    const std::string name = "baton-test-" + std::to_string(::getpid());
    for (const auto& [parent, limit] : {std::pair{fs::path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"},
                                        std::pair{fs::path("/sys/fs/cgroup"), "memory.max"}}) {
      std::error_code error;
      if (!fs::create_directory(parent / name, error)) continue;
      path_ = parent / name;
      if (fs::exists(path_ / limit) && write(path_ / limit, std::to_string(kLimit))) return;
      fs::remove(path_, error);
      path_.clear();
    }
  }
  ~LimitedCgroup() {
    for (int i = 0; !path_.empty() && ::rmdir(path_.c_str()) != 0 && errno == EBUSY && i < 1'000; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // its process is about to be gone
    }
  }
  LimitedCgroup(const LimitedCgroup&) = delete;
  LimitedCgroup& operator=(const LimitedCgroup&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(Cgroup, that_has_a_limit_refuses_what_is_too_much_with_a_reason_and_kills_nobody) {
  if (baton::kSanitized) GTEST_SKIP() << "a sanitizer takes more than the limit for itself";
  const LimitedCgroup group;
  if (group.path().empty()) GTEST_SKIP() << "no memory cgroup can be made here";
  const std::string domain = unique_domain();
  {
    Child child({"cgroup", domain, group.path().string()});
    const std::string inbox = child.hear().value_or("");
    EXPECT_NE(inbox.find("the memory cgroup " + group.path().string() + " leaves "), std::string::npos) << inbox;
    EXPECT_NE(inbox.find(" of its 16777216 bytes"), std::string::npos) << inbox;
    const std::string ring = child.hear().value_or("");
    EXPECT_NE(ring.find("the memory cgroup"), std::string::npos) << ring;
    const std::string loan = child.hear().value_or("");
    EXPECT_NE(loan.find("the memory cgroup"), std::string::npos) << loan;
    EXPECT_EQ(child.hear(), "and goes on");
    EXPECT_EQ(child.wait(), 0);
  }
  EXPECT_TRUE(eventually([&] { return is_gone(domain); }));
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

/// Arguments: the domain, and the directory of a cgroup to join, of which more is asked than it has.
int cgroup_role(const Arguments& arguments) {
  if (!write(fs::path(arguments.at(1)) / "cgroup.procs", std::to_string(::getpid()))) return 1;
  baton::Options options;
  options.domain = arguments.at(0);
  options.config = baton::Config();
  baton::Node node = baton::Node::open("limited", options).value();
  const auto error_of = [](const auto& result) { return result ? "nothing wrong" : result.error().message(); };
  say(error_of(node.subscriber<bench::Bytes64>("large/inbox", {.depth = 65'536})));
  say(error_of(node.publisher<bench::Bytes64>(
      "large/ring", {.transport = "ring", .max_memory = 4 * kLimit, .capacity = 4 * kLimit})));
  auto publisher =
      node.publisher<conformance::Cloud>("clouds", {.transport = "shm", .max_loans = 8, .max_memory = 4 * kLimit})
          .value();
  std::vector<baton::Loan<conformance::Cloud>> loans;
  for (int i = 0; i < 8; ++i) {
    auto loan = publisher.loan(250'000);  // 3 MB
    if (!loan) {
      say(error_of(loan));
      break;
    }
    loans.push_back(*std::move(loan));
  }
  auto small = node.publisher<bench::Bytes64>("small").value();
  auto reader = node.subscriber<bench::Bytes64>("small").value();
  say(small.publish({}) && reader.take() ? "and goes on" : "nothing arrives");
  return 0;
}

}  // namespace crash
