#include "canonical_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace baton::canonical {
namespace {

constexpr std::string_view kKinds[] = {"struct ", "union ", "table ", "enum ", "bitmask "};

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

Entry parse_entry(std::string_view line, bool of_enum) {
  Entry entry;
  entry.name = take_word(line);
  if (of_enum) {
    take_word(line);  // "="
    entry.type = line;
    return entry;
  }
  const std::size_t at = std::min(line.find_last_of("@#"), line.size());
  entry.type = line.substr(0, at == 0 ? 0 : at - 1);
  line.remove_prefix(std::min(at + 1, line.size()));
  entry.place = take_word(line);
  entry.role = line;
  return entry;
}

}  // namespace

/// The members of structs, unions and tables are alike; so are enumerators and the flags of bitmasks.
bool has_fields(std::string_view kind) { return kind == "struct" || kind == "union" || kind == "table"; }

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<Block> parse(std::string_view text) {
  std::vector<Block> blocks;
  for (std::string_view line : split_lines(text)) {
    if (line.starts_with("  ")) {
      line.remove_prefix(2);
      if (!blocks.empty()) blocks.back().entries.push_back(parse_entry(line, !has_fields(blocks.back().kind)));
    } else if (std::any_of(std::begin(kKinds), std::end(kKinds), [&](auto kind) { return line.starts_with(kind); })) {
      Block block;
      block.kind = take_word(line);
      block.name = take_word(line);
      block.rest = line;
      blocks.push_back(std::move(block));
    }
  }
  return blocks;
}

}  // namespace baton::canonical
