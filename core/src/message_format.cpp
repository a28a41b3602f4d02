#include "baton/message_format.hpp"

#include <algorithm>

namespace baton {
inline namespace v1 {
namespace detail {

namespace {

/// "Level" of "sensors::Level".
std::string_view last_name(const TypeInfo& info) {
  const std::size_t scope = info.name.rfind(':');
  return scope == info.name.npos ? info.name : info.name.substr(scope + 1);
}

}  // namespace

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
  return fmt::format_to(out, "{}({})", last_name(info), value);
}

fmt::appender write_flags(fmt::appender out, const TypeInfo& info, std::uint64_t value) {
  if (value == 0) return fmt::format_to(out, "{}(0)", last_name(info));
  std::string_view separator;
  for (const EnumeratorInfo& flag : info.enumerators) {
    const std::uint64_t bit = std::uint64_t{1} << flag.value;
    if ((value & bit) == 0) continue;
    out = fmt::format_to(out, "{}{}", separator, flag.name);
    separator = " | ";
    value &= ~bit;
  }
  return value == 0 ? out : fmt::format_to(out, "{}{}({:#x})", separator, last_name(info), value);
}

}  // namespace detail
}  // namespace v1
}  // namespace baton
