#include "duration.hpp"

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};

// From the largest to the smallest: `to_text` takes the first that divides.
constexpr std::array<Unit, 6> kUnits{
    Unit{"h", 3'600'000'000'000}, Unit{"min", 60'000'000'000}, Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},        Unit{"us", 1'000},           Unit{"ns", 1}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

tl::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text) {
  std::size_t at = 0;
  if (text.empty() || !is_digit(text[0])) {
    return tl::unexpected<std::string>("is not a number with a unit; write for example '100 ms'");
  }
  bool too_long = false;
  std::int64_t whole = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    too_long =
        too_long || __builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text[at] - '0', &whole);
  }
  // The fraction in billionths; digits beyond the ninth are finer than any unit's nanosecond and are ignored.
  std::int64_t billionths = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    std::int64_t weight = 100'000'000;
    for (; at < text.size() && is_digit(text[at]); ++at, weight /= 10) billionths += (text[at] - '0') * weight;
    if (at == first) return tl::unexpected<std::string>("has no digit after the point; write for example '1.5 s'");
  }
  while (at < text.size() && text[at] == ' ') ++at;

  const std::string_view unit_name = text.substr(at);
  if (unit_name.empty()) return tl::unexpected<std::string>("has no unit; write for example '100 ms'");
  for (const Unit& unit : kUnits) {
    if (unit.name != unit_name) continue;
    std::int64_t ns = 0;
    too_long = too_long || __builtin_mul_overflow(whole, unit.ns, &ns);
    // Units of a second and more are whole seconds: divided first, so that no product overflows.
    const std::int64_t part =
        unit.ns >= 1'000'000'000 ? billionths * (unit.ns / 1'000'000'000) : billionths * unit.ns / 1'000'000'000;
    too_long = too_long || __builtin_add_overflow(ns, part, &ns);
    if (too_long) return tl::unexpected<std::string>("is too long to be represented");
    return std::chrono::nanoseconds(ns);
  }
  return tl::unexpected<std::string>("has an unknown unit; known are ns, us, ms, s, min, h");
}

std::string to_text(std::chrono::nanoseconds duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() != 0 && duration.count() % unit.ns == 0) {
      return fmt::format("{} {}", duration.count() / unit.ns, unit.name);
    }
  }
  return "0 ms";
}

}  // namespace v1
}  // namespace baton
