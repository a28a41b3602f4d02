#include "baton/posix/file_descriptor.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "temporary_directory.hpp"

namespace baton::posix {
namespace {

using testing_support::TemporaryDirectory;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
bool closes_on_exec(const FileDescriptor& fd) { return (::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0; }

TEST(FileDescriptor, closes_what_it_owns_once_and_moves_its_ownership) {
  FileDescriptor first = FileDescriptor::open("/dev/null", O_RDONLY).value();
  const int number = first.get();
  FileDescriptor second(std::move(first));
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), number);
  FileDescriptor third;
  third = std::move(second);
  EXPECT_TRUE(is_open(number));
  third.reset();
  EXPECT_FALSE(is_open(number));
  EXPECT_EQ(third.get(), -1);
}

TEST(FileDescriptor, replaced_by_another_is_closed) {
  FileDescriptor a = FileDescriptor::open("/dev/null", O_RDONLY).value();
  const int number = a.get();
  a = FileDescriptor::open("/dev/zero", O_RDONLY).value();
  EXPECT_FALSE(is_open(number));
}

TEST(FileDescriptor, released_stays_open) {
  FileDescriptor a = FileDescriptor::open("/dev/null", O_RDONLY).value();
  const int number = a.release();
  a.reset();
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(FileDescriptor, is_close_on_exec_however_it_was_made) {
  const TemporaryDirectory directory;
  const FileDescriptor a = FileDescriptor::open("/dev/null", O_RDONLY).value();
  const FileDescriptor b = FileDescriptor::open_at(directory.fd(), "file", O_RDWR | O_CREAT, 0600).value();
  EXPECT_TRUE(closes_on_exec(a));
  EXPECT_TRUE(closes_on_exec(b));
}

TEST(FileDescriptor, that_cannot_be_opened_is_an_error_that_names_the_file) {
  const auto missing = FileDescriptor::open("/nowhere/file", O_RDONLY);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), "/nowhere/file: cannot be opened (No such file or directory)");
  EXPECT_EQ(missing.error().code(), Errc::system);
  EXPECT_EQ(missing.error().os_errno(), ENOENT);
  const TemporaryDirectory directory;
  EXPECT_EQ(FileDescriptor::open_at(directory.fd(), "file", O_RDONLY).error().message(),
            directory.path("file") + ": cannot be opened (No such file or directory)");
}

TEST(FileDescriptor, says_where_its_file_is) {
  const TemporaryDirectory directory;
  const FileDescriptor file = FileDescriptor::open_at(directory.fd(), "file", O_RDWR | O_CREAT, 0600).value();
  EXPECT_EQ(file.path(), directory.path("file"));
  EXPECT_EQ(FileDescriptor().path(), "descriptor -1");
}

TEST(FileDescriptor, beyond_the_limit_is_an_error_with_the_remedy) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto file = FileDescriptor::open("/dev/null", O_RDONLY);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Errc::no_space);
  EXPECT_EQ(file.error().message(),
            "/dev/null: cannot be opened (Too many open files); raise the limit of open files (ulimit -n)");
}

}  // namespace
}  // namespace baton::posix
