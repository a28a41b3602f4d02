// In what two canonical texts differ, and whether one may be read as the other. The other text comes from another
// process: if the texts differ only in what cannot be read, the answer names the line.

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "baton/type_info.hpp"
#include "canonical_text.hpp"

namespace baton {
inline namespace v1 {
namespace {

using canonical::Block;
using canonical::Entry;
using canonical::has_fields;
using canonical::split_lines;

constexpr int kMaxNesting = 64;  // of types in each other, as the generator limits it; a damaged text may have cycles

const Entry* find(const Block& block, std::string_view name) {
  const auto found =
      std::find_if(block.entries.begin(), block.entries.end(), [&](const Entry& e) { return e.name == name; });
  return found == block.entries.end() ? nullptr : &*found;
}

/// Compares two types part by part. If both are tables, members and enumerators that were only appended are no
/// difference.
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
    of_tables_ = mine.kind == "table";
    return compare(mine, theirs, "", kMaxNesting);
  }

  /// Whether `run`, if it found nothing, has looked at all that can matter.
  bool of_tables() const noexcept { return of_tables_; }

 private:
  /// `path` is empty, or leads to the member that is being looked into: "pose.".
  std::optional<std::string> compare(const Block& mine, const Block& theirs, const std::string& path, int levels) {
    if (mine.kind == "table") return compare_tables(mine, theirs, path, levels);
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
      if (field.place != theirs.entries[i].place) {
        return differ(what, fmt::format("at byte {}", field.place), fmt::format("at byte {}", theirs.entries[i].place));
      }
    }
    if (mine.rest == theirs.rest) return std::nullopt;
    return differ(fmt::format("type {}", mine.name), std::string(mine.rest), std::string(theirs.rest));
  }

  /// A member is known by its number. What one side has behind the last member of the other was appended.
  std::optional<std::string> compare_tables(const Block& mine, const Block& theirs, const std::string& path,
                                            int levels) {
    if (mine.rest != theirs.rest) {
      return differ(fmt::format("table {}", mine.name), std::string(mine.rest), std::string(theirs.rest));
    }
    const std::string of_type = path.empty() ? "" : fmt::format(" ({})", mine.name);
    const std::size_t common = std::min(mine.entries.size(), theirs.entries.size());
    for (std::size_t i = 0; i < common; ++i) {
      const Entry& field = mine.entries[i];
      const Entry& other = theirs.entries[i];
      const std::string what = fmt::format("field {}{}{}", path, field.name, of_type);
      if (field.name != other.name) {
        const Entry* moved = find(theirs, field.name);
        if (moved == nullptr) return differ(what, std::string(field.type), "absent");
        return differ(what, fmt::format("number {}", field.place), fmt::format("number {}", moved->place));
      }
      if (field.place != other.place) {
        return differ(what, fmt::format("number {}", field.place), fmt::format("number {}", other.place));
      }
      if (field.type != other.type) return differ(what, std::string(field.type), std::string(other.type));
      if (field.role != other.role) return differ(what, default_or_key(field), default_or_key(other));
      if (auto inner = compare_named(field, fmt::format("{}{}.", path, field.name), levels)) return inner;
    }
    if (mine.rest == "appendable") return std::nullopt;
    if (common < mine.entries.size()) {
      const Entry& field = mine.entries[common];
      return differ(fmt::format("field {}{}{}", path, field.name, of_type), std::string(field.type), "absent");
    }
    if (common < theirs.entries.size()) {
      const Entry& field = theirs.entries[common];
      return differ(fmt::format("field {}{}{}", path, field.name, of_type), "absent", std::string(field.type));
    }
    return std::nullopt;
  }

  static std::string default_or_key(const Entry& field) {
    return field.role.empty() ? "no default, no key" : std::string(field.role);
  }

  /// More enumerators on one side are no difference if both say that there may be, and nothing else is laid out by it.
  std::optional<std::string> compare_appendable_enums(const Block& mine, const Block& theirs) {
    const std::size_t common = std::min(mine.entries.size(), theirs.entries.size());
    for (std::size_t i = 0; i < common; ++i) {
      const Entry& enumerator = mine.entries[i];
      const Entry* other = find(theirs, enumerator.name);
      if (other != nullptr && other == &theirs.entries[i] && other->type == enumerator.type) continue;
      return differ(
          fmt::format("enumerator {}.{}", mine.name, enumerator.name), std::string(enumerator.type),
          other == nullptr ? "absent" : fmt::format("{}, number {}", other->type, other - theirs.entries.data() + 1));
    }
    return std::nullopt;
  }

  std::optional<std::string> compare_enums(const Block& mine, const Block& theirs) {
    if (of_tables_ && mine.rest == theirs.rest && mine.rest.ends_with(" appendable")) {
      return compare_appendable_enums(mine, theirs);
    }
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
    if (mine == nullptr && theirs == nullptr) return std::nullopt;  // a scalar
    if (mine == nullptr || theirs == nullptr || mine->kind != theirs->kind) {
      return differ(fmt::format("type {}", name), mine == nullptr ? "unknown" : std::string(mine->kind),
                    theirs == nullptr ? "unknown" : std::string(theirs->kind));
    }
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
  bool of_tables_ = false;
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
  if (auto difference = Comparison(canonical::parse(mine), canonical::parse(theirs), their_name).run()) {
    for (char& c : *difference) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    return *std::move(difference);
  }
  return first_different_line(mine, theirs, their_name);
}

bool compatible(std::string_view mine, std::string_view theirs) {
  if (mine == theirs) return true;
  Comparison comparison(canonical::parse(mine), canonical::parse(theirs), "");
  return !comparison.run() && comparison.of_tables();
}

}  // namespace v1
}  // namespace baton
