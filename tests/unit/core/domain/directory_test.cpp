#include "domain/directory.hpp"

#include <sys/stat.h>

#include <fstream>

#include <gmock/gmock.h>

#include "domain/file_names.hpp"
#include "place.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::HasSubstr;

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

// Why a node cannot join, with what the test made of the place; that is removed afterwards.
Error refusal(const Place& place) {
  const auto joined = place.try_join("node");
  EXPECT_FALSE(joined);
  Error error = joined ? Error(Errc::closed, "", "joined", "") : joined.error();
  for (const auto& entry : std::filesystem::directory_iterator(place.path())) std::filesystem::remove_all(entry);
  return error;
}

TEST(Directory, is_made_for_its_user_alone) {
  const Place place;
  const auto member = place.join("node");
  EXPECT_EQ(mode_of(place.user_path()), 0700U);
  EXPECT_EQ(mode_of(place.domain_path()), 0700U);
  EXPECT_EQ(mode_of(place.registry_path()), 0600U);
  ASSERT_TRUE(member->directory(0xa5));
  EXPECT_EQ(mode_of(place.domain_path() + "/a5"), 0700U);
  EXPECT_EQ(member->directory(0xa5).value(), member->directory(0xa5).value());
}

TEST(Directory, is_made_for_its_user_alone_whatever_the_umask) {
  const Place place;
  const mode_t before = ::umask(0);
  const auto member = place.join("node");
  ::umask(before);
  EXPECT_EQ(mode_of(place.user_path()), 0700U);
  EXPECT_EQ(mode_of(place.domain_path()), 0700U);
  EXPECT_EQ(mode_of(place.registry_path()), 0600U);
}

TEST(Directory, is_not_made_where_there_is_no_place_for_it) {
  Place place;
  place.settings().directory += "/none";
  const Error error = refusal(place);
  EXPECT_EQ(error.code(), Errc::system);
  EXPECT_THAT(error.message(),
              HasSubstr("/none': cannot be opened, so that domain 'test' has no place (No such file or "
                        "directory); make it, or set another directory in [shared_memory]"));
}

TEST(Directory, is_refused_if_a_symbolic_link_leads_to_it) {
  const Place place;
  std::filesystem::create_directory(place.path() + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", place.user_path());
  const Error user = refusal(place);
  EXPECT_EQ(user.code(), Errc::permission);
  EXPECT_THAT(user.message(), HasSubstr(place.user_path() + ": is not a directory, or is a symbolic link"));

  std::filesystem::create_directory(place.user_path());
  ::chmod(place.user_path().c_str(), 0700);
  std::filesystem::create_directory(place.path() + "/elsewhere");
  std::filesystem::create_symlink("../elsewhere", place.domain_path());
  const Error domain = refusal(place);
  EXPECT_EQ(domain.code(), Errc::permission);
  EXPECT_THAT(domain.message(), HasSubstr(place.domain_path() + ": is not a directory, or is a symbolic link"));
}

TEST(Directory, is_refused_if_others_may_write_in_it) {
  const Place place;
  std::filesystem::create_directory(place.user_path());
  ::chmod(place.user_path().c_str(), 0770);
  const Error error = refusal(place);
  EXPECT_EQ(error.code(), Errc::permission);
  EXPECT_THAT(error.message(), HasSubstr("may be written by others (mode 0770); chmod 0700 " + place.user_path()));
}

TEST(Directory, is_refused_if_it_belongs_to_somebody_else) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const Place place;
  std::filesystem::create_directory(place.user_path());
  ::chmod(place.user_path().c_str(), 0700);
  ASSERT_EQ(::chown(place.user_path().c_str(), 1234, 1234), 0);
  const Error error = refusal(place);
  EXPECT_EQ(error.code(), Errc::permission);
  EXPECT_THAT(error.message(), HasSubstr("belongs to user 1234, and this program runs as user 0"));
}

TEST(Directory, lists_all_names_with_a_prefix) {
  const Place place;
  const auto member = place.join("node");
  const std::string path = place.domain_path() + "/" + bucket_name(3) + "/";
  ASSERT_TRUE(member->directory(3));
  for (int i = 0; i < 2'000; ++i) std::ofstream(path + fmt::format("a{}", i)) << "x";
  std::ofstream(path + "b") << "x";
  EXPECT_EQ(member->list(3, "a")->size(), 2'000U);
  EXPECT_EQ(member->list(3, "")->size(), 2'001U);
  EXPECT_EQ(member->list(3, "b").value(), std::vector<std::string>{"b"});
  EXPECT_EQ(member->list(4, "").value(), std::vector<std::string>{});
  const NoDescriptors none;
  EXPECT_EQ(
      member->list(3, "").error().message(),
      place.domain_path() + "/03: cannot be opened (Too many open files); raise the limit of open files (ulimit -n)");
}

}  // namespace
}  // namespace baton::domain
