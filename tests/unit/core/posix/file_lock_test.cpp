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

TEST(FileLock, excludes_another_description_of_the_same_process) {
  const TemporaryDirectory directory;
  const FileDescriptor mine = open_file(directory);
  const FileDescriptor other = open_file(directory);
  auto lock = FileLock::try_lock(mine, 5).value();
  ASSERT_TRUE(lock);
  EXPECT_FALSE(FileLock::try_lock(other, 5).value());
  EXPECT_TRUE(FileLock::is_held_by_other(other, 5).value());
  EXPECT_FALSE(FileLock::is_held_by_other(mine, 5).value());
  EXPECT_TRUE(FileLock::try_lock(other, 6).value()) << "locks are byte by byte";
  lock->release();
  EXPECT_FALSE(lock->is_held());
  EXPECT_TRUE(FileLock::try_lock(other, 5).value());
}

TEST(FileLock, is_given_up_when_destroyed_and_moves_its_ownership) {
  const TemporaryDirectory directory;
  const FileDescriptor mine = open_file(directory);
  const FileDescriptor other = open_file(directory);
  {
    FileLock first = *FileLock::try_lock(mine, 0).value();
    FileLock second(std::move(first));
    EXPECT_FALSE(first.is_held());
    EXPECT_TRUE(FileLock::is_held_by_other(other, 0).value());
    second = *FileLock::try_lock(mine, 1).value();
    EXPECT_FALSE(FileLock::is_held_by_other(other, 0).value());
    EXPECT_TRUE(FileLock::is_held_by_other(other, 1).value());
  }
  EXPECT_FALSE(FileLock::is_held_by_other(other, 1).value());
}

TEST(FileLock, survives_the_closing_of_other_descriptors_of_the_file) {
  const TemporaryDirectory directory;
  FileDescriptor mine = open_file(directory);
  const FileDescriptor other = open_file(directory);
  const auto lock = FileLock::try_lock(mine, 0).value();
  { const FileDescriptor passing = open_file(directory); }
  mine.reset();
  EXPECT_TRUE(FileLock::is_held_by_other(other, 0).value());
}

TEST(FileLock, of_another_process_is_seen_and_ends_with_its_kill) {
  const TemporaryDirectory directory;
  const FileDescriptor mine = open_file(directory);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const FileDescriptor own = open_file(directory);
    const auto lock = FileLock::try_lock(own, 3).value();
    const char done = lock ? 'y' : 'n';
    if (::write(ends[1], &done, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char done = 0;
  ASSERT_EQ(::read(ends[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  EXPECT_TRUE(FileLock::is_held_by_other(mine, 3).value());
  EXPECT_FALSE(FileLock::try_lock(mine, 3).value());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(FileLock::is_held_by_other(mine, 3).value());
  EXPECT_TRUE(FileLock::try_lock(mine, 3).value());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(FileLock, that_cannot_be_taken_at_all_is_an_error_and_not_taken) {
  const TemporaryDirectory directory;
  { const FileDescriptor made = open_file(directory); }
  const FileDescriptor reader = FileDescriptor::open_at(directory.fd(), "registry", O_RDONLY).value();
  const auto lock = FileLock::try_lock(reader, 0);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().message(),
            fmt::format("byte 0 of descriptor {}: cannot be locked (Bad file descriptor)", reader.get()));
  EXPECT_FALSE(FileLock::try_lock(FileDescriptor(), 0));
  EXPECT_EQ(FileLock::try_lock(reader, ~std::uint64_t{0}).error().code(), Errc::invalid_argument);
}

using Mode = FileLocks::Mode;

TEST(FileLocks, exclude_other_descriptions_and_let_shared_ones_be_together) {
  const TemporaryDirectory directory;
  const FileLocks mine(open_file(directory));
  const FileLocks theirs(open_file(directory));
  EXPECT_TRUE(mine.try_lock(3, Mode::shared).value());
  EXPECT_TRUE(theirs.try_lock(3, Mode::shared).value());
  EXPECT_FALSE(mine.try_lock(3, Mode::exclusive).value());
  EXPECT_TRUE(mine.is_held_by_other(3).value()) << "the refused upgrade has lost nothing";
  EXPECT_TRUE(theirs.is_held_by_other(3).value());
  theirs.unlock(3);
  EXPECT_TRUE(mine.try_lock(3, Mode::exclusive).value());
  EXPECT_FALSE(theirs.try_lock(3, Mode::shared).value());
  EXPECT_TRUE(theirs.try_lock(4, Mode::exclusive).value());
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

}  // namespace
}  // namespace baton::posix
