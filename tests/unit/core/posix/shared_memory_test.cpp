#include "baton/posix/shared_memory.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <gmock/gmock.h>

#include "baton/posix/mapping.hpp"
#include "temporary_directory.hpp"
#include "ticking.hpp"
#include "unnamed_memory.hpp"

namespace baton::posix {
namespace {

using testing_support::TemporaryDirectory;
using testing_support::Ticking;
using testing_support::unnamed_memory;

TEST(SharedMemory, has_no_name_until_it_is_linked_and_then_is_whole) {
  const TemporaryDirectory directory;
  const SharedMemory memory = SharedMemory::create(directory.fd(), 10'000).value();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path("")));
  EXPECT_EQ(memory.bytes(), 10'000U);
  Mapping::map(memory, Access::read_write).value().writable_bytes()[9'999] = std::byte{7};

  ASSERT_TRUE(memory.link(directory.fd(), "segment"));
  const SharedMemory opened =
      SharedMemory::open(directory.fd(), "segment", Access::read_only, ::geteuid(), 10'000).value();
  EXPECT_EQ(opened.bytes(), 10'000U);
  EXPECT_EQ(Mapping::map(opened, Access::read_only).value().bytes()[9'999], std::byte{7});
  struct stat status {};
  ASSERT_EQ(::stat(directory.path("segment").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(SharedMemory, does_not_take_a_name_that_is_taken) {
  const TemporaryDirectory directory;
  const SharedMemory memory = SharedMemory::create(directory.fd(), 1).value();
  ASSERT_TRUE(memory.link(directory.fd(), "segment"));
  const auto again = memory.link(directory.fd(), "segment");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message(),
            directory.path("segment") + ": shared memory cannot be given this name (File exists)");
}

TEST(SharedMemory, is_zero_filled_and_reserved) {
  const TemporaryDirectory directory;
  const SharedMemory memory = SharedMemory::create(directory.fd(), 100'000).value();
  struct stat status {};
  ASSERT_EQ(::fstat(memory.fd().get(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 100'000);
  const Mapping mapping = Mapping::map(memory, Access::read_only, Mapping::Populate::yes).value();
  for (const std::byte byte : mapping.bytes()) ASSERT_EQ(byte, std::byte{0});
}

TEST(SharedMemory, of_no_bytes_is_refused) {
  const TemporaryDirectory directory;
  EXPECT_EQ(
      SharedMemory::create(directory.fd(), 0).error().message(),
      fmt::format("unnamed shared memory in {}: a size of 0 bytes; ask for at least one byte", directory.fd().path()));
}

std::string refusal(const TemporaryDirectory& directory, const std::string& name, uid_t owner = ::geteuid()) {
  const auto opened = SharedMemory::open(directory.fd(), name, Access::read_only, owner, 100);
  return opened ? "accepted" : opened.error().message();
}

TEST(SharedMemory, is_not_opened_unless_it_is_the_expected_kind_of_file) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path("file")) << std::string(100, 'x');
  std::ofstream(directory.path("short")) << std::string(99, 'x');
  std::filesystem::create_symlink("file", directory.path("symlink"));
  std::filesystem::create_directory(directory.path("directory"));
  ASSERT_EQ(::mkfifo(directory.path("pipe").c_str(), 0600), 0);

  EXPECT_EQ(refusal(directory, "file"), "accepted");
  EXPECT_EQ(refusal(directory, "short"),
            directory.path("short") +
                ": has 99 bytes, at least 100 expected; end the program that it belongs to, and start it again");
  EXPECT_EQ(refusal(directory, "symlink"),
            directory.path("symlink") +
                ": is a symbolic link, which is refused (Too many levels of symbolic links); remove it");
  EXPECT_EQ(refusal(directory, "directory"), directory.path("directory") + ": is not a regular file; remove it");
  EXPECT_EQ(refusal(directory, "pipe"), directory.path("pipe") + ": is not a regular file; remove it");
  EXPECT_EQ(refusal(directory, "none"), directory.path("none") + ": cannot be opened (No such file or directory)");
  EXPECT_EQ(refusal(directory, "file", ::geteuid() + 1),
            fmt::format("{}: belongs to user {}, expected {}; have it removed", directory.path("file"), ::geteuid(),
                        ::geteuid() + 1));
}

TEST(SharedMemory, is_reserved_although_signals_interrupt) {
  const SharedMemory memory = [] {
    const Ticking ticking;
    return unnamed_memory(256U << 20U);
  }();
  struct stat status {};
  ASSERT_EQ(::fstat(memory.fd().get(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 256 << 20);
}

// What happens on a tmpfs of 64 KiB, in a mount namespace of its own, so that nothing is left whatever happens. The
// child reports through its exit status: 77 if it may not mount.
int on_small_tmpfs(const std::string& path) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k") != 0) return 77;
  const FileDescriptor directory = FileDescriptor::open(path, O_RDONLY | O_DIRECTORY).value();
  const auto first = SharedMemory::create(directory, 40'960);
  const auto second = SharedMemory::create(directory, 40'960);
  if (!first || second) return 1;
  if (second.error().code() != Errc::no_space || second.error().os_errno() != ENOSPC) return 2;
  const std::string expected =
      "unnamed shared memory in " + path +
      ": 40960 bytes were asked for, 24576 bytes are available (No space left on device); make "
      "the messages, depths or counts smaller, or the shared memory larger";
  if (second.error().message() != expected) return 3;
  return SharedMemory::create(directory, 24'576) ? 0 : 4;  // the refused one took nothing
}

// The same with a /proc that has nothing in it.
int without_proc(const std::string& path) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  const FileDescriptor directory = FileDescriptor::open(path, O_RDONLY | O_DIRECTORY).value();
  const SharedMemory memory = SharedMemory::create(directory, 4096).value();
  if (::mount("tmpfs", "/proc", "tmpfs", 0, "size=64k") != 0) return 77;
  const auto linked = memory.link(directory, "segment");
  if (linked) return 1;
  const std::string expected = fmt::format(
      "descriptor {}/segment: cannot be given its name, because there is no /proc/self/fd; mount /proc where this "
      "program runs",
      directory.get());
  return linked.error().message() == expected ? 0 : 2;
}

int status_of_child(int (*action)(const std::string&), const std::string& path) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(action(path));
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SharedMemory, that_does_not_fit_is_an_error_with_what_was_asked_for_and_what_there_is) {
  const TemporaryDirectory directory;
  const int status = status_of_child(on_small_tmpfs, directory.fd().path());
  if (status == 77) GTEST_SKIP() << "this process may not mount a tmpfs";
  EXPECT_EQ(status, 0);
}

TEST(SharedMemory, that_needs_proc_for_its_name_says_so) {
  const TemporaryDirectory directory;
  const int status = status_of_child(without_proc, directory.fd().path());
  if (status == 77) GTEST_SKIP() << "this process may not mount a tmpfs";
  EXPECT_EQ(status, 0);
}

TEST(SharedMemory, of_an_impossible_size_is_refused) {
  const TemporaryDirectory directory;
  const auto memory = SharedMemory::create(directory.fd(), ~std::uint64_t{0});
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code(), Errc::no_space);
  EXPECT_THAT(memory.error().message(), testing::HasSubstr("18446744073709551615 bytes were asked for"));
  EXPECT_EQ(SharedMemory::create(directory.fd(), std::uint64_t{1} << 60U).error().code(), Errc::no_space);
}

}  // namespace
}  // namespace baton::posix
