#include "baton/names.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "quoted.hpp"

namespace baton {
inline namespace v1 {
namespace {

bool is_word(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// What a name is, and what it may be made of.
struct Rule {
  std::string_view kind;
  std::string_view allowed;  // the remedy for a wrong character
  std::string_view others;   // the characters allowed besides letters, digits and '_'
  std::size_t max_bytes;
};

constexpr Rule kTopic{"topic name", "letters, digits and '_' in segments joined by '/'", "/", kMaxTopicNameBytes};
constexpr Rule kPattern{"topic pattern",
                        "letters, digits, '_' and '*' in segments joined by '/', and '**' as a segment", "/*",
                        kMaxTopicNameBytes};
constexpr Rule kNode{"node name", "letters, digits, '_', '.' and '-'", ".-", kMaxNodeNameBytes};
constexpr Rule kDomain{"domain name", "letters, digits, '_', '.' and '-'", ".-", kMaxNodeNameBytes};

std::string character_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7F ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", byte);
}

Result<void> refuse(const Rule& rule, std::string_view name, const std::string& cause, std::string_view remedy = {}) {
  const std::string use = fmt::format("use {}", rule.allowed);
  return fail(Errc::invalid_name, fmt::format("{} {}", rule.kind, quoted(name)), cause, remedy.empty() ? use : remedy);
}

Result<void> check_characters(const Rule& rule, std::string_view name) {
  if (name.empty()) return refuse(rule, name, "is empty");
  if (name.size() > rule.max_bytes) {
    return refuse(rule, name, fmt::format("is {} bytes long", name.size()),
                  fmt::format("at most {} bytes are allowed", rule.max_bytes));
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_word(name[i]) || rule.others.find(name[i]) != std::string_view::npos) continue;
    return refuse(rule, name,
                  fmt::format("has {} at position {}, which is not allowed", character_text(name[i]), i + 1));
  }
  return {};
}

Result<void> check_segments(const Rule& rule, std::string_view name) {
  if (auto checked = check_characters(rule, name); !checked) return checked;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '/' && (i == 0 || name[i - 1] == '/')) {
      return refuse(rule, name, fmt::format("has an empty segment at position {}", i + 1));
    }
  }
  if (name.back() == '/') return refuse(rule, name, fmt::format("ends with '/' at position {}", name.size()));
  return {};
}

Result<void> check_file_name(const Rule& rule, std::string_view name) {
  if (auto checked = check_characters(rule, name); !checked) return checked;
  if (name == "." || name == "..") return refuse(rule, name, "names a directory of every directory", "choose another");
  return {};
}

// Optimal string alignment: insertions, deletions, replacements and swaps of two neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

Result<void> check_topic_name(std::string_view name) { return check_segments(kTopic, name); }

Result<void> check_topic_pattern(std::string_view pattern) {
  if (auto checked = check_segments(kPattern, pattern); !checked) return checked;
  for (std::size_t i = pattern.find("**"); i != std::string_view::npos; i = pattern.find("**", i + 2)) {
    const bool starts = i == 0 || pattern[i - 1] == '/';
    const bool ends = i + 2 == pattern.size() || pattern[i + 2] == '/';
    if (!starts || !ends) {
      return refuse(kPattern, pattern, fmt::format("has '**' inside a segment at position {}", i + 1),
                    "use '*' within a segment, or '**' as a segment of its own");
    }
  }
  return {};
}

Result<void> check_node_name(std::string_view name) { return check_file_name(kNode, name); }

Result<void> check_domain_name(std::string_view name) { return check_file_name(kDomain, name); }

// Greedy, with two places to come back to: the last '*' of this segment, which then takes one character more, and the
// last "**", which then takes one segment more. Earlier ones need no second try: whatever a later wildcard of the same
// kind can reach from here, it could also reach from there.
bool topic_matches(std::string_view pattern, std::string_view topic) noexcept {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0, t = 0;
  std::size_t star_p = kNone, star_t = 0;    // after the last '*', and the first character it has not taken
  std::size_t stars_p = kNone, stars_t = 0;  // after the last "**/", and the start of the first segment not taken
  for (;;) {
    const std::string_view rest = pattern.substr(p);
    const bool at_start = p == 0 || pattern[p - 1] == '/';
    if (at_start && rest == "**") return t < topic.size();
    if (at_start && rest.starts_with("**/")) {
      p += 3;
      stars_p = p;
      stars_t = t;
      star_p = kNone;
    } else if (!rest.empty() && rest[0] == '*') {
      star_p = ++p;
      star_t = t;
    } else if (t < topic.size() && !rest.empty() && rest[0] == topic[t]) {
      if (topic[t] == '/') star_p = kNone;
      ++p;
      ++t;
    } else if (rest.empty() && t == topic.size()) {
      return true;
    } else if (star_p != kNone && star_t < topic.size() && topic[star_t] != '/') {
      p = star_p;
      t = ++star_t;
    } else if (stars_p != kNone && topic.find('/', stars_t) != kNone) {
      stars_t = topic.find('/', stars_t) + 1;
      p = stars_p;
      t = stars_t;
      star_p = kNone;
    } else {
      return false;
    }
  }
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  if (word.empty() || word.size() > kMaxNodeNameBytes) return best;
  std::size_t limit = std::max<std::size_t>(1, word.size() / 3) + 1;  // only what is closer than this
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kMaxNodeNameBytes) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < limit && distance < candidate.size()) {
      best = candidate;
      limit = distance;
    }
  }
  return best;
}

}  // namespace v1
}  // namespace baton
