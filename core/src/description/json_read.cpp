// From JSON text to a message.
#include <set>
#include <vector>

#include <fmt/format.h>

#include "baton/json.hpp"
#include "description/json_fixed.hpp"
#include "description/json_table.hpp"
#include "quoted.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

using Bytes = std::vector<std::byte>;

Finding read_raw(const Type& type, const Json& json, Bytes& message) {
  const Member& tail = *type.tail();
  message.resize(type.elements_offset);
  set_defaults(type, message.data());
  if (Finding finding = read_members(type, json, message.data(), &tail)) return finding;
  const auto elements = json.find(tail.name);
  if (elements == json.end()) return std::nullopt;
  if (!elements->is_array()) return detail::inside(tail.name, expected("an array", *elements));
  const std::uint64_t count = elements->size();
  const std::uint64_t most = type.max_bytes == 0 ? kMaxMessageBytes : std::min(type.max_bytes, kMaxMessageBytes);
  if (count > (most - std::min(most, type.elements_offset)) / type.element_size) {
    return detail::inside(
        tail.name, ValidationError{"", fmt::format("{} elements are more than {} bytes have room for", count, most)});
  }
  message.resize(type.elements_offset + count * type.element_size);
  std::memcpy(message.data() + raw_count_offset(type.size), &count, sizeof(count));
  return detail::inside(tail.name,
                        read_elements(*tail.shape->element, &tail, *elements, message.data() + type.elements_offset));
}

Finding read(const Type& type, const Json& json, Bytes& message) {
  switch (type.layout) {
    case Layout::raw: return read_raw(type, json, message);
    case Layout::table: return read_table(type, json, message);
    default:
      message.resize(type.size);
      set_defaults(type, message.data());
      return read_members(type, json, message.data());
  }
}

/// Of two members of one name the parser would keep the last one, without a word: `twice` is such a name, or empty.
Json parse(std::string_view text, std::string& twice) {
  std::vector<std::set<std::string, std::less<>>> open;
  return Json::parse(text, [&](int, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get_ref<const std::string&>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  });
}

/// "at line 2, column 7: ...", out of the library's own text, which begins with "[json.exception.parse_error.101] ".
std::string parse_problem(const Json::exception& error) {
  std::string_view text = error.what();
  const std::size_t end = text.find("] ");
  if (text.starts_with("[json.exception.") && end != std::string_view::npos) text.remove_prefix(end + 2);
  const std::size_t begin = text.find("at line ");
  return std::string(begin == std::string_view::npos ? text : text.substr(begin));
}

}  // namespace
}  // namespace description

Result<std::vector<std::byte>> from_json(const TypeDescription& type, std::string_view text) try {
  const description::Type& root = type.model().root();
  std::string twice;
  const description::Json json = description::parse(text, twice);
  if (!twice.empty()) {
    return fail(Errc::invalid_argument, "the JSON text",
                fmt::format("an object has the member {} twice", v1::quoted(twice)), "");
  }
  description::Bytes message;
  if (const auto finding = description::read(root, json, message)) {
    const std::string where = finding->path.empty() ? fmt::format("a message of type {}", root.name) : finding->path;
    return fail(Errc::invalid_argument, where, finding->reason, "");
  }
  if (root.max_bytes != 0 && message.size() > root.max_bytes) {
    return fail(Errc::too_large, fmt::format("a message of type {}", root.name),
                fmt::format("would take {} bytes, and its IDL allows {}", message.size(), root.max_bytes), "");
  }
  return message;
} catch (const description::Json::exception& error) {  // also of a number that no double can be
  return fail(Errc::invalid_argument, "the JSON text", description::parse_problem(error), "");
} catch (const std::exception& error) {  // no memory
  return fail(Errc::no_space, fmt::format("a message of type {}", type.name()),
              fmt::format("cannot be made: {}", error.what()), "");
}

}  // namespace v1
}  // namespace baton
