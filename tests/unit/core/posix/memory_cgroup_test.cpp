#include "posix/memory_cgroup.hpp"

#include <sys/sysinfo.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "temporary_directory.hpp"

namespace baton::posix {
namespace {

class MemoryCgroups : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root() + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string root() const { return directory_.fd().path(); }
  std::optional<MemoryCgroup> tightest() const { return tightest_memory_cgroup(root() + "/proc"); }

  static std::uint64_t swap() {
    struct sysinfo info {};
    ::sysinfo(&info);
    return std::uint64_t{info.freeswap} * info.mem_unit;
  }

 private:
  const testing_support::TemporaryDirectory directory_;
};

TEST_F(MemoryCgroups, of_the_second_version_leave_what_the_tightest_of_all_above_leaves) {
  write("proc/cgroup", "0::/robots/arm\n");
  write("proc/mountinfo", "25 30 0:22 / /proc rw shared:5 - proc proc rw\n30 25 0:26 / " + root() +
                              "/sys rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  write("sys/robots/arm/memory.max", "max\n");
  write("sys/robots/arm/memory.current", "1000\n");
  write("sys/robots/memory.max", "16000\n");
  write("sys/robots/memory.current", "9500\n");
  write("sys/robots/memory.stat", "anon 6000\nfile 3000\nkernel 500\nshmem 2900\n");
  const auto found = tightest();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, root() + "/sys/robots");
  EXPECT_EQ(found->limit, 16'000U);
  EXPECT_EQ(found->left, 6'500 + 100 + swap() - 1'000) << "what is free, and files on a disk, less a margin";
}

TEST_F(MemoryCgroups, of_the_first_version_are_found_in_a_container_whose_mount_begins_further_down) {
  write("proc/cgroup", "9:cpu:/docker/abc\n4:memory:/docker/abc/inner\n0::/docker/abc\n");
  write("proc/mountinfo", "41 30 0:30 /docker/abc " + root() + "/memory rw - cgroup cgroup rw,memory\n");
  write("memory/inner/memory.limit_in_bytes", "5000\n");
  write("memory/inner/memory.usage_in_bytes", "6000\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("memory/memory.usage_in_bytes", "6000\n");
  const auto found = tightest();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, root() + "/memory/inner");
  EXPECT_LE(found->left, swap()) << "it is over its limit";
}

TEST_F(MemoryCgroups, that_are_not_there_or_cannot_be_read_limit_nothing) {
  EXPECT_FALSE(tightest());
  write("proc/cgroup", "nonsense\n0::\n:memory:\n");
  write("proc/mountinfo", "nonsense\n30 25 0:26 / " + root() + "/sys rw - cgroup2 cgroup2 rw\n- - cgroup2\n");
  EXPECT_FALSE(tightest());
  write("sys/memory.max", "a lot\n");
  EXPECT_FALSE(tightest());
}

}  // namespace
}  // namespace baton::posix
