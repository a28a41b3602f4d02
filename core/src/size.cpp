#include "size.hpp"

#include <array>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace {

struct Unit {
  std::string_view name;
  unsigned shift;
};

// From the largest to the smallest: `size_text` takes the first that divides.
constexpr std::array<Unit, 5> kUnits{Unit{"TiB", 40}, Unit{"GiB", 30}, Unit{"MiB", 20}, Unit{"KiB", 10}, Unit{"B", 0}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

tl::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  std::size_t at = 0;
  if (text.empty() || !is_digit(text[0])) {
    return tl::unexpected<std::string>("is not a number with a unit; write for example '64 MiB'");
  }
  bool too_large = false;
  std::uint64_t whole = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    too_large = too_large || __builtin_mul_overflow(whole, 10U, &whole) || __builtin_add_overflow(whole, digit, &whole);
  }
  // The fraction in millionths; digits beyond the sixth are ignored.
  std::uint64_t millionths = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    std::uint64_t weight = 100'000;
    for (; at < text.size() && is_digit(text[at]); ++at, weight /= 10) {
      millionths += static_cast<std::uint64_t>(text[at] - '0') * weight;
    }
    if (at == first) return tl::unexpected<std::string>("has no digit after the point; write for example '1.5 GiB'");
  }
  while (at < text.size() && text[at] == ' ') ++at;

  const std::string_view unit_name = text.substr(at);
  if (unit_name.empty()) return tl::unexpected<std::string>("has no unit; write for example '64 MiB'");
  for (const Unit& unit : kUnits) {
    if (unit.name != unit_name) continue;
    std::uint64_t bytes = 0;
    too_large = too_large || __builtin_mul_overflow(whole, std::uint64_t{1} << unit.shift, &bytes);
    // Less than a million times a tebibyte: no overflow.
    const std::uint64_t part = (millionths << unit.shift) / 1'000'000;
    too_large = too_large || __builtin_add_overflow(bytes, part, &bytes);
    if (too_large) return tl::unexpected<std::string>("is too large to be represented");
    return bytes;
  }
  return tl::unexpected<std::string>("has an unknown unit; known are B, KiB, MiB, GiB, TiB");
}

std::string size_text(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    const std::uint64_t one = std::uint64_t{1} << unit.shift;
    if (bytes != 0 && bytes % one == 0) return fmt::format("{} {}", bytes >> unit.shift, unit.name);
  }
  return "0 B";
}

}  // namespace v1
}  // namespace baton
