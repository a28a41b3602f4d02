#include "description/json_text.hpp"

#include <cmath>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace description {

/// How many bytes a valid character that begins with this one has; 0 if none does. `low` and `high` bound the second.
static std::size_t character_bytes(unsigned char first, unsigned char& low, unsigned char& high) noexcept {
  low = 0x80;
  high = 0xBF;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0) low = 0xA0;   // shorter ones have two bytes
    if (first == 0xED) high = 0x9F;  // surrogates
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0) low = 0x90;   // shorter ones have three bytes
    if (first == 0xF4) high = 0x8F;  // beyond the last character
    return 4;
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    unsigned char low = 0;
    unsigned char high = 0;
    const std::size_t bytes = character_bytes(static_cast<unsigned char>(text[i]), low, high);
    if (bytes == 0 || bytes > text.size() - i) return false;
    for (std::size_t k = 1; k < bytes; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte < (k == 1 ? low : 0x80) || byte > (k == 1 ? high : 0xBF)) return false;
    }
    i += bytes;
  }
  return true;
}

void JsonText::begin(char bracket, bool flat) {
  text_ += bracket;
  if (flat || flat_ != 0) {
    ++flat_;
  } else {
    ++depth_;
  }
  first_ = true;
}

void JsonText::end(char bracket) {
  const bool was_flat = flat_ != 0;
  if (was_flat) {
    --flat_;
  } else {
    --depth_;
    if (!first_) line();
  }
  text_ += bracket;
  first_ = false;
}

void JsonText::item() {
  const bool on_one_line = flat_ != 0 || style_.indent == 0;
  if (!first_) text_ += on_one_line && style_.indent != 0 ? ", " : ",";
  if (!on_one_line) line();
  first_ = false;
}

void JsonText::key(std::string_view name) {
  item();
  string(name);
  text_ += style_.indent == 0 ? ":" : ": ";
}

void JsonText::line() {
  if (style_.indent == 0) return;
  text_ += '\n';
  text_.append(std::size_t{style_.indent} * depth_, ' ');
}

void JsonText::string(std::string_view text) {
  if (!is_utf8(text)) {
    begin('[', true);
    for (const char c : text) {
      item();
      number(std::uint64_t{static_cast<unsigned char>(c)});
    }
    end(']');
    return;
  }
  text_ += '"';
  for (const char c : text) {
    switch (c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\t': text_ += "\\t"; break;
      case '\r': text_ += "\\r"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
}

void JsonText::number(std::uint64_t value) { text_ += fmt::format_int(value).c_str(); }
void JsonText::number(std::int64_t value) { text_ += fmt::format_int(value).c_str(); }
void JsonText::number(double value) { real(fmt::format("{}", value), value); }
void JsonText::number(float value) { real(fmt::format("{}", value), double{value}); }

void JsonText::real(std::string_view digits, double value) {
  if (std::isnan(value)) return raw("\"NaN\"");
  if (std::isinf(value)) return raw(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  raw(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) raw(".0");  // an integer has no minus zero
}

}  // namespace description
}  // namespace v1
}  // namespace baton
