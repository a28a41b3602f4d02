// How a value that a user gave appears in a message: in quotes, on one line, and never endlessly long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace baton {
inline namespace v1 {

/// 'text' in single quotes; control characters become '?', and what is over 80 bytes is cut (between UTF-8 characters).
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  std::size_t end = text.size();
  if (end > kMaxBytes) {
    end = kMaxBytes;
    while (end > kMaxBytes - 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  }
  std::string result = "'";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    result += (byte < 0x20U || byte == 0x7FU) ? '?' : c;
  }
  if (end < text.size()) result += "...";
  return result += "'";
}

}  // namespace v1
}  // namespace baton
