#include "config_guard.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace {

constexpr int kMaxDots = 32;      // outside of strings and comments, in one line
constexpr int kMaxBrackets = 16;  // open at a time

// The length of the UTF-8 sequence at the start of `text`, or 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const std::uint8_t second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second >= 0xA0) || (lead == 0xF4 && second >= 0x90);
  return overlong || beyond ? 0 : length;
}

// The position after the string that begins at `at`, or the line's end if it does not end there.
std::size_t skip_string(std::string_view line, std::size_t at) noexcept {
  const char quote = line[at];
  for (std::size_t i = at + 1; i < line.size(); ++i) {
    if (line[i] == '\\' && quote == '"') {
      ++i;
    } else if (line[i] == quote) {
      return i + 1;
    }
  }
  return line.size();
}

struct Guard {
  std::string_view file;
  std::size_t line_number = 0;
  int open_brackets = 0;

  Result<void> refuse(std::size_t column, std::string_view cause) const {
    return fail(Errc::invalid_config, fmt::format("{}:{}:{}", file, line_number, column + 1), cause, "");
  }

  Result<void> check_characters(std::string_view line) const {
    for (std::size_t i = 0; i < line.size();) {
      const std::size_t length = utf8_length(line.substr(i));
      if (length == 0) {
        return refuse(
            i, fmt::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", static_cast<std::uint8_t>(line[i])));
      }
      const auto byte = static_cast<std::uint8_t>(line[i]);
      if ((byte < 0x20 && byte != '\t' && !(byte == '\r' && i + 1 == line.size())) || byte == 0x7F) {
        return refuse(i, fmt::format("control character 0x{:02x}; remove it", byte));
      }
      i += length;
    }
    return {};
  }

  Result<void> check_nesting(std::string_view line) {
    int dots = 0;
    for (std::size_t i = 0; i < line.size();) {
      const char c = line[i];
      if (c == '#') return {};
      if (c == '"' || c == '\'') {
        if (line.substr(i, 3) == std::string_view(c == '"' ? "\"\"\"" : "'''")) {
          return refuse(i, "a string over several lines is not used here; write it in one line");
        }
        i = skip_string(line, i);
        continue;
      }
      dots += c == '.' ? 1 : 0;
      if (c == '[' || c == '{') ++open_brackets;
      if ((c == ']' || c == '}') && open_brackets > 0) --open_brackets;
      if (dots > kMaxDots || open_brackets > kMaxBrackets) return refuse(i, "nested too deeply; no key is like this");
      ++i;
    }
    return {};
  }
};

}  // namespace

Result<void> guard_toml(std::string_view text, std::string_view file_name) {
  Guard guard{.file = file_name};
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++guard.line_number;
    if (auto checked = guard.check_characters(line); !checked) return checked;
    if (auto checked = guard.check_nesting(line); !checked) return checked;
  }
  return {};
}

}  // namespace v1
}  // namespace baton
