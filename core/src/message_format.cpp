#include "baton/message_format.hpp"

#include <algorithm>

namespace baton {
inline namespace v1 {
namespace detail {

fmt::appender write_quoted(fmt::appender out, std::string_view text, char quote) {
  *out++ = quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      *out++ = '\\';
      *out++ = c;
    } else if (c == '\n') {
      out = fmt::format_to(out, "\\n");
    } else if (c == '\t') {
      out = fmt::format_to(out, "\\t");
    } else if (byte < 0x20 || byte == 0x7F) {
      out = fmt::format_to(out, "\\x{:02x}", byte);
    } else {
      *out++ = c;  // UTF-8 goes out as it came
    }
  }
  *out++ = quote;
  return out;
}

fmt::appender write_enum(fmt::appender out, const TypeInfo& info, std::int64_t value) {
  const auto found = std::find_if(info.enumerators.begin(), info.enumerators.end(),
                                  [&](const EnumeratorInfo& enumerator) { return enumerator.value == value; });
  if (found != info.enumerators.end()) return fmt::format_to(out, "{}", found->name);
  const std::size_t scope = info.name.rfind(':');
  return fmt::format_to(out, "{}({})", scope == info.name.npos ? info.name : info.name.substr(scope + 1), value);
}

}  // namespace detail
}  // namespace v1
}  // namespace baton
