#include "baton/posix/file_lock.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "temporary_directory.hpp"

namespace baton::posix {
namespace {

using testing_support::TemporaryDirectory;

FileDescriptor open_file(const TemporaryDirectory& directory) {
  return FileDescriptor::open_at(directory.fd(), "registry", O_RDWR | O_CREAT, 0600).value();
}

using Mode = FileLocks::Mode;

TEST(FileLocks, exclude_other_descriptions_and_let_shared_ones_be_together) {
  const TemporaryDirectory directory;
  const FileLocks mine(open_file(directory));
  const FileLocks theirs(open_file(directory));
  EXPECT_TRUE(mine.try_lock(3, Mode::shared).value());
  EXPECT_TRUE(theirs.try_lock(3, Mode::shared).value());
  EXPECT_FALSE(mine.try_lock(3, Mode::exclusive).value());
  EXPECT_FALSE(theirs.try_lock(3, Mode::exclusive).value()) << "the refused upgrade has lost nothing";
  theirs.unlock(3);
  EXPECT_TRUE(mine.try_lock(3, Mode::exclusive).value());
  EXPECT_FALSE(theirs.try_lock(3, Mode::shared).value());
  EXPECT_TRUE(theirs.try_lock(4, Mode::exclusive).value()) << "locks are byte by byte";
}

TEST(FileLocks, go_with_the_one_descriptor) {
  const TemporaryDirectory directory;
  FileLocks mine(open_file(directory));
  const FileLocks theirs(open_file(directory));
  ASSERT_TRUE(mine.try_lock(3, Mode::exclusive).value());
  ASSERT_TRUE(mine.try_lock(5, Mode::shared).value());
  mine.close();
  EXPECT_TRUE(theirs.try_lock(3, Mode::exclusive).value());
  EXPECT_TRUE(theirs.try_lock(5, Mode::exclusive).value());
  mine.unlock(3);  // of nothing: harmless
}

TEST(FileLocks, survive_the_closing_of_other_descriptors_of_the_file) {
  const TemporaryDirectory directory;
  const FileLocks mine(open_file(directory));
  ASSERT_TRUE(mine.try_lock(0, Mode::exclusive).value());
  { const FileDescriptor passing = open_file(directory); }
  EXPECT_FALSE(FileLocks(open_file(directory)).try_lock(0, Mode::exclusive).value());
}

TEST(FileLocks, of_another_process_are_seen_and_end_with_its_kill) {
  const TemporaryDirectory directory;
  const FileLocks mine(open_file(directory));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const FileLocks own(open_file(directory));
    const char done = own.try_lock(3, Mode::exclusive).value() ? 'y' : 'n';
    if (::write(ends[1], &done, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char done = 0;
  ASSERT_EQ(::read(ends[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  EXPECT_FALSE(mine.try_lock(3, Mode::exclusive).value());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(mine.try_lock(3, Mode::exclusive).value());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(FileLocks, that_cannot_be_taken_at_all_are_an_error_and_not_taken) {
  const TemporaryDirectory directory;
  { const FileDescriptor made = open_file(directory); }
  const FileLocks reader(FileDescriptor::open_at(directory.fd(), "registry", O_RDONLY).value());
  const auto locked = reader.try_lock(0, Mode::exclusive);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().message(),
            fmt::format("byte 0 of {}: cannot be locked (Bad file descriptor)", directory.path("registry")));
  EXPECT_FALSE(FileLocks().try_lock(0, Mode::exclusive));
  EXPECT_EQ(reader.try_lock(~std::uint64_t{0}, Mode::exclusive).error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace baton::posix
