#include "base64.hpp"

#include <gtest/gtest.h>

namespace {

using baton::from_base64;
using baton::to_base64;

TEST(Base64, is_what_the_standard_has) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xff\xef\xbe"), "/+++");
}

TEST(Base64, is_read_as_it_was_written) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(Base64, is_refused_where_it_is_none) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Zm9 ", "Zm\nv", "====", "=m9v"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

}  // namespace
