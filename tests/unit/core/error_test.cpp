#include "baton/error.hpp"

#include <cerrno>
#include <sstream>

#include <gtest/gtest.h>

namespace baton {
namespace {

Result<int> failing() { return fail(Errc::no_space, "topic \"imu\"", "no memory", "lower depth", ENOSPC); }

TEST(Error, is_one_line_that_says_where_what_and_what_to_do) {
  const Error error = failing().error();
  EXPECT_EQ(error.code(), Errc::no_space);
  EXPECT_EQ(error.os_errno(), ENOSPC);
  EXPECT_EQ(error.message(), "topic \"imu\": no memory (No space left on device); lower depth");
  EXPECT_EQ(Error(Errc::closed, "node a", "it is closed", "").message(), "node a: it is closed");
}

TEST(Error, says_the_systems_reason_once_although_its_cause_is_another_error) {
  const Error inner(Errc::system, "file", "cannot be opened", "look", ENOENT);
  const Error outer(inner.code(), "topic", "has no file: " + inner.message(), "", inner.os_errno());
  EXPECT_EQ(outer.os_errno(), ENOENT);
  EXPECT_EQ(outer.message(), "topic: has no file: file: cannot be opened (No such file or directory); look");
}

TEST(Error, prints_itself_with_fmt_and_with_streams) {
  const Error error(Errc::closed, "node a", "it is closed", "open another");
  std::ostringstream stream;
  stream << error;
  EXPECT_EQ(stream.str(), error.message());
  EXPECT_EQ(fmt::format("{}", error), error.message());
  EXPECT_EQ(fmt::format("{:>40}|", error), "      node a: it is closed; open another|");
}

TEST(Error, is_what_an_unhandled_value_says) {
  try {
    static_cast<void>(failing().value());
    FAIL() << "value() must throw";
  } catch (const std::exception& thrown) {
    EXPECT_EQ(std::string_view(thrown.what()), failing().error().message());
  }
  try {
    static_cast<void>(failing().value());
  } catch (const tl::bad_expected_access<Error>& thrown) {
    EXPECT_EQ(thrown.error().code(), Errc::no_space);
  }
}

TEST(Error, has_a_name_for_every_code) {
  for (int code = 0; code <= static_cast<int>(Errc::system); ++code) {
    EXPECT_NE(to_string(static_cast<Errc>(code)), "unknown") << code;
  }
  EXPECT_EQ(to_string(static_cast<Errc>(250)), "unknown");
}

}  // namespace
}  // namespace baton
