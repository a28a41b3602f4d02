#include "proc_file.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace sysmon {
namespace {

class ProcFileTest : public testing::Test {
 protected:
  ProcFileTest() {
    std::string pattern = testing::TempDir() + "proc_file_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ProcFileTest() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ / "file"; }
  void write(const std::string& text) const { std::ofstream(path()) << text; }

 private:
  std::filesystem::path directory_;
};

TEST_F(ProcFileTest, reads_the_file_again_each_time) {
  ProcFile file(path());
  write("first, and longer");
  EXPECT_EQ(file.read(), "first, and longer");
  write("second");
  EXPECT_EQ(file.read(), "second");
}

TEST_F(ProcFileTest, notices_a_file_that_appears_later) {
  ProcFile file(path());
  EXPECT_FALSE(file.read());
  write("here");
  EXPECT_EQ(file.read(), "here");
}

TEST_F(ProcFileTest, reads_all_of_a_large_file) {
  const std::string text(300'000, 'x');
  write(text);
  ProcFile file(path());
  EXPECT_EQ(file.read(), text);
}

TEST_F(ProcFileTest, is_not_upset_by_a_directory) {
  std::filesystem::create_directory(path());
  ProcFile file(path());
  EXPECT_FALSE(file.read());
  EXPECT_FALSE(file.read());
}

TEST(ProcFile, reads_this_machine) {
  ProcFile file("/proc/self/stat");
  EXPECT_TRUE(file.read());
}

}  // namespace
}  // namespace sysmon
