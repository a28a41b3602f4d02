#include "baton/crc32c.hpp"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace baton {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Crc32c, is_what_others_compute) {  // RFC 3720, B.4, and the usual check value
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE306'9283U);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8A91'36AAU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8'AB43U);
}

TEST(Crc32c, is_the_same_with_and_without_the_instruction_at_every_length_and_alignment) {
  std::vector<std::byte> bytes(100);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t length = 0; length + begin <= bytes.size(); ++length) {
      const std::span<const std::byte> part = std::span<const std::byte>(bytes).subspan(begin, length);
      EXPECT_EQ(crc32c(part), detail::crc32c_by_table(part)) << begin << ", " << length;
    }
  }
}

}  // namespace
}  // namespace baton
