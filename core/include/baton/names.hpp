#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "baton/error.hpp"

namespace baton {
inline namespace v1 {

/// Topic names and topic patterns are at most this long.
inline constexpr std::size_t kMaxTopicNameBytes = 200;

/// Node and domain names are at most this long.
inline constexpr std::size_t kMaxNodeNameBytes = 64;

/// A topic name is one or more segments of `[A-Za-z0-9_]`, joined by '/': "camera/front". The error
/// (`Errc::invalid_name`) says which character at which position, counted from 1, is wrong. Like all checks here it may
/// be called from any thread.
[[nodiscard]] BATON_API Result<void> check_topic_name(std::string_view name);

/// A pattern is a topic name in which '*' may stand for any characters of a segment, and a whole segment may be "**".
[[nodiscard]] BATON_API Result<void> check_topic_pattern(std::string_view pattern);

/// A node's name is `[A-Za-z0-9_.-]`, at most 64 bytes, and not "." or "..".
[[nodiscard]] BATON_API Result<void> check_node_name(std::string_view name);

/// A domain's name, under the same rule: it is the name of a directory.
[[nodiscard]] BATON_API Result<void> check_domain_name(std::string_view name);

/// Whether a valid pattern fits a valid topic name:
///   '*'       any characters of one segment, also none: "cam*/raw" fits "cam/raw" and "camera/raw"
///   "**/"     any number of whole segments, also none: "**/raw" fits "raw", "a/raw" and "a/b/raw"
///   "/**"     at the end, at least one segment: "camera/**" fits "camera/a" and "camera/a/b", and not "camera"
/// The time grows with the product of the two lengths at worst. An invalid pattern or name gives some answer, safely.
[[nodiscard]] BATON_API bool topic_matches(std::string_view pattern, std::string_view topic) noexcept;

/// The candidate that `word` is most likely a misspelling of, or an empty view if none is close. The result views the
/// candidate's characters; of several equally close ones it is the first.
[[nodiscard]] BATON_API std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace v1
}  // namespace baton
