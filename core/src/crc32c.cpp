#include "baton/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace baton {
inline namespace v1 {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)
#define BATON_HAS_CRC32_INSTRUCTION
bool has_instruction() noexcept {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}
[[gnu::target("sse4.2")]] std::uint32_t add(std::uint32_t crc, std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
}
[[gnu::target("sse4.2")]] std::uint32_t add(std::uint32_t crc, std::uint8_t byte) noexcept {
  return _mm_crc32_u8(crc, byte);
}
#define BATON_CRC32_TARGET [[gnu::target("sse4.2")]]
#elif defined(__ARM_FEATURE_CRC32)
#define BATON_HAS_CRC32_INSTRUCTION
bool has_instruction() noexcept { return true; }
std::uint32_t add(std::uint32_t crc, std::uint64_t word) noexcept { return __crc32cd(crc, word); }
std::uint32_t add(std::uint32_t crc, std::uint8_t byte) noexcept { return __crc32cb(crc, byte); }
#define BATON_CRC32_TARGET
#endif

#if defined(BATON_HAS_CRC32_INSTRUCTION)
BATON_CRC32_TARGET std::uint32_t by_instruction(std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = ~0U;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t), at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    crc = add(crc, word);
  }
  for (; left != 0; --left, ++at) crc = add(crc, static_cast<std::uint8_t>(*at));
  return ~crc;
}
#endif

}  // namespace

namespace detail {

std::uint32_t crc32c_by_table(std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = ~0U;
  for (const std::byte byte : bytes) crc = crc >> 8U ^ kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFFU];
  return ~crc;
}

}  // namespace detail

std::uint32_t crc32c(std::span<const std::byte> bytes) noexcept {
#if defined(BATON_HAS_CRC32_INSTRUCTION)
  if (has_instruction()) return by_instruction(bytes);
#endif
  return detail::crc32c_by_table(bytes);
}

}  // namespace v1
}  // namespace baton
