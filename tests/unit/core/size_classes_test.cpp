#include "baton/size_classes.hpp"

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(SizeClasses, are_the_smallest_with_room) {
  for (std::uint64_t bytes = 1; bytes < 5'000'000; bytes += bytes < 5'000 ? 1 : 61) {
    const std::uint32_t size_class = size_classes::of(bytes);
    ASSERT_GE(size_classes::bytes(size_class), bytes);
    ASSERT_TRUE(size_class == 0 || size_classes::bytes(size_class - 1) < bytes);
  }
}

TEST(SizeClasses, waste_a_third_at_most) {
  for (std::uint64_t bytes = size_classes::kSmallest; bytes < 5'000'000; bytes += 61) {
    ASSERT_LE(size_classes::bytes(size_classes::of(bytes)) * 2, bytes * 3);
  }
}

TEST(SizeClasses, end_at_the_largest) {
  EXPECT_EQ(size_classes::of(size_classes::kLargest), size_classes::kCount - 1);
  EXPECT_EQ(size_classes::bytes(size_classes::kCount - 1), size_classes::kLargest);
  EXPECT_EQ(size_classes::of(0), 0U);
}

}  // namespace
}  // namespace baton
