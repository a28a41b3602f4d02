#include "baton/type_info.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {

std::string to_string(const Fingerprint& fingerprint) {
  std::string text;
  for (const std::uint8_t byte : fingerprint.bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

// first_difference reads canonical texts. The other one comes from another process and may be anything, so nothing
// about it is taken for granted: what cannot be read is skipped, and if the texts differ only in that, the answer
// names the line.

namespace {

constexpr int kMaxNesting = 64;  // of types in each other, as the generator limits it; a damaged text may have cycles

constexpr std::string_view kKinds[] = {"struct ", "union ", "enum ", "bitmask "};

struct Entry {  // "  accel double[3] @8", "  id uint32 @0 key", "  circle geo::Circle @8 case 1, 2", or "  warning = 1"
  std::string_view name;
  std::string_view type;  // of an enumerator: its value
  std::string_view offset;
  std::string_view role;  // "key", or the labels of a union's member
};

struct Block {  // "struct sensors::Imu fixed size 72 align 8", "enum sysmon::Level int32" or "bitmask
                // sysmon::Access uint8", and what is indented
  std::string_view kind;
  std::string_view name;
  std::string_view rest;
  std::vector<Entry> entries;
};

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The members of structs and unions are alike; so are enumerators and the flags of bitmasks.
bool has_fields(std::string_view kind) { return kind == "struct" || kind == "union"; }

Entry parse_entry(std::string_view line, bool of_enum) {
  Entry entry;
  entry.name = take_word(line);
  if (of_enum) {
    take_word(line);  // "="
    entry.type = line;
    return entry;
  }
  const std::size_t at = std::min(line.rfind(" @"), line.size());
  entry.type = line.substr(0, at);
  line.remove_prefix(std::min(at + 2, line.size()));
  entry.offset = take_word(line);
  entry.role = line;
  return entry;
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

const Entry* find(const Block& block, std::string_view name) {
  const auto found =
      std::find_if(block.entries.begin(), block.entries.end(), [&](const Entry& e) { return e.name == name; });
  return found == block.entries.end() ? nullptr : &*found;
}

class Comparison {
 public:
  Comparison(std::vector<Block> mine, std::vector<Block> theirs, std::string_view their_name)
      : mine_(std::move(mine)), theirs_(std::move(theirs)), their_name_(their_name) {}

  std::optional<std::string> run() {
    if (mine_.empty() || theirs_.empty()) return std::nullopt;
    const Block& mine = mine_.back();
    const Block& theirs = theirs_.back();
    if (mine.kind != theirs.kind || mine.name != theirs.name) {
      const bool same_name = mine.name == theirs.name;
      if (same_name) return differ(fmt::format("type {}", mine.name), std::string(mine.kind), std::string(theirs.kind));
      return fmt::format("type {} here, {} in {}", mine.name, theirs.name, their_name_);
    }
    return compare(mine, theirs, "", kMaxNesting);
  }

 private:
  /// `path` is empty, or leads to the member that is being looked into: "pose.".
  std::optional<std::string> compare(const Block& mine, const Block& theirs, const std::string& path, int levels) {
    if (!has_fields(mine.kind)) return compare_enums(mine, theirs);
    const std::string of_type = path.empty() ? "" : fmt::format(" ({})", mine.name);
    for (const Entry& field : mine.entries) {
      const std::string what = fmt::format("field {}{}{}", path, field.name, of_type);
      const Entry* other = find(theirs, field.name);
      if (other == nullptr) return differ(what, std::string(field.type), "absent");
      if (field.type != other->type) return differ(what, std::string(field.type), std::string(other->type));
      if (field.role != other->role) return differ(what, role(field), role(*other));
      if (auto inner = compare_named(field, fmt::format("{}{}.", path, field.name), levels)) return inner;
    }
    for (const Entry& field : theirs.entries) {
      if (find(mine, field.name) == nullptr) {
        return differ(fmt::format("field {}{}{}", path, field.name, of_type), "absent", std::string(field.type));
      }
    }
    // The same fields of the same types: what is left is their order and their places.
    for (std::size_t i = 0; i < std::min(mine.entries.size(), theirs.entries.size()); ++i) {
      const Entry& field = mine.entries[i];
      const std::string what = fmt::format("field {}{}{}", path, field.name, of_type);
      if (field.name != theirs.entries[i].name) {
        const auto theirs_at = static_cast<std::size_t>(find(theirs, field.name) - theirs.entries.data());
        return differ(what, fmt::format("number {}", i + 1), fmt::format("number {}", theirs_at + 1));
      }
      if (field.offset != theirs.entries[i].offset) {
        return differ(what, fmt::format("at byte {}", field.offset),
                      fmt::format("at byte {}", theirs.entries[i].offset));
      }
    }
    if (mine.rest == theirs.rest) return std::nullopt;
    return differ(fmt::format("type {}", mine.name), std::string(mine.rest), std::string(theirs.rest));
  }

  std::optional<std::string> compare_enums(const Block& mine, const Block& theirs) {
    for (const Entry& enumerator : mine.entries) {
      const Entry* other = find(theirs, enumerator.name);
      if (other != nullptr && other->type == enumerator.type) continue;
      return differ(fmt::format("enumerator {}.{}", mine.name, enumerator.name), std::string(enumerator.type),
                    other == nullptr ? "absent" : std::string(other->type));
    }
    for (const Entry& enumerator : theirs.entries) {
      if (find(mine, enumerator.name) == nullptr) {
        return differ(fmt::format("enumerator {}.{}", mine.name, enumerator.name), "absent",
                      std::string(enumerator.type));
      }
    }
    if (mine.rest != theirs.rest) {
      return differ(fmt::format("{} {}", mine.kind, mine.name), std::string(mine.rest), std::string(theirs.rest));
    }
    for (std::size_t i = 0; i < std::min(mine.entries.size(), theirs.entries.size()); ++i) {
      const Entry& enumerator = mine.entries[i];
      if (enumerator.name == theirs.entries[i].name) continue;
      const auto theirs_at = static_cast<std::size_t>(find(theirs, enumerator.name) - theirs.entries.data());
      return differ(fmt::format("enumerator {}.{}", mine.name, enumerator.name), fmt::format("number {}", i + 1),
                    fmt::format("number {}", theirs_at + 1));
    }
    return std::nullopt;
  }

  static std::string role(const Entry& field) { return std::string(field.role.empty() ? "no key" : field.role); }

  /// Looks into the type that a field is made of, also as an element: "sequence<geo::Point, 4>[2]".
  std::optional<std::string> compare_named(const Entry& field, const std::string& path, int levels) {
    if (levels == 0) return std::nullopt;
    std::string_view name = field.type;
    while (name.starts_with("sequence<") || name.starts_with("optional<")) name.remove_prefix(9);
    name = name.substr(0, name.find_first_of("[,<>"));
    const Block* mine = block(mine_, name);
    const Block* theirs = block(theirs_, name);
    if (mine == nullptr || theirs == nullptr || mine->kind != theirs->kind) return std::nullopt;
    // Each pair of types is compared once: what was found equal (or is being compared) has nothing more to say.
    if (std::find(compared_.begin(), compared_.end(), name) != compared_.end()) return std::nullopt;
    compared_.push_back(name);
    return compare(*mine, *theirs, path, levels - 1);
  }

  static const Block* block(const std::vector<Block>& blocks, std::string_view name) {
    const auto found = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return b.name == name; });
    return found == blocks.end() ? nullptr : &*found;
  }

  std::string differ(std::string_view what, const std::string& mine, const std::string& theirs) const {
    return fmt::format("{}: {} here, {} in {}", what, mine, theirs, their_name_);
  }

  std::vector<Block> mine_;
  std::vector<Block> theirs_;
  std::string_view their_name_;
  std::vector<std::string_view> compared_;
};

/// A line of the other text, for a person: neither endless nor full of control characters.
std::string printable(std::string_view line) {
  std::string text(line.substr(0, 80));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text.empty() ? "nothing" : "\"" + text + "\"";
}

std::string first_different_line(std::string_view mine, std::string_view theirs, std::string_view their_name) {
  const auto mine_lines = split_lines(mine);
  const auto their_lines = split_lines(theirs);
  for (std::size_t i = 0; i < std::max(mine_lines.size(), their_lines.size()); ++i) {
    const std::string_view a = i < mine_lines.size() ? mine_lines[i] : std::string_view();
    const std::string_view b = i < their_lines.size() ? their_lines[i] : std::string_view();
    if (a != b) {
      return fmt::format("type description, line {}: {} here, {} in {}", i + 1, printable(a), printable(b), their_name);
    }
  }
  return fmt::format("type description: {} bytes here, {} in {}", mine.size(), theirs.size(), their_name);
}

}  // namespace

std::string first_difference(std::string_view mine, std::string_view theirs, std::string_view their_name) {
  if (mine == theirs) return {};
  if (auto difference = Comparison(parse(mine), parse(theirs), their_name).run()) {
    for (char& c : *difference) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    return *std::move(difference);
  }
  return first_different_line(mine, theirs, their_name);
}

}  // namespace v1
}  // namespace baton
