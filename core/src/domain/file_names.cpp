#include "domain/file_names.hpp"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "domain/fnv1a.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

std::string_view prefix(PortRole role) noexcept { return role == PortRole::publisher ? "pub-" : "sub-"; }

constexpr std::string_view kLatched = "latched-";

std::string text(const NodeId& node) { return fmt::format("{}.{}", node.slot, node.generation); }
std::string text(const PortRef& port) { return fmt::format("{}.{}", text(port.node), port.port); }

// Takes what stands before the next dot.
std::string_view next_part(std::string_view& rest) noexcept {
  const std::size_t dot = rest.find('.');
  const std::string_view part = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return part;
}

// A number as we write it: without a sign or a leading zero, and no larger than allowed.
template <class Number>
bool parse_number(std::string_view digits, Number& number, std::uint64_t most) noexcept {
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return false;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > most) return false;
  number = static_cast<Number>(value);
  return true;
}

bool parse_node(std::string_view& rest, NodeId& node) noexcept {
  return parse_number(next_part(rest), node.slot, kMaxNodes - 1) &&
         parse_number(next_part(rest), node.generation, std::numeric_limits<std::uint64_t>::max());
}

std::optional<std::uint64_t> parse_hex(std::string_view digits, std::size_t length) noexcept {
  if (digits.size() != length) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    value = value * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

/// What the name of a port's file says; what comes after that stays in `rest`.
std::optional<PortFileName> parse_port(std::string_view& rest) noexcept {
  PortFileName parsed;
  const std::string_view kind = next_part(rest);
  std::size_t hash_at = kLatched.size();
  if (kind.starts_with(kLatched)) {
    parsed.latched = true;
  } else {
    hash_at = prefix(PortRole::publisher).size();
    if (kind.starts_with(prefix(PortRole::subscriber))) {
      parsed.role = PortRole::subscriber;
    } else if (!kind.starts_with(prefix(PortRole::publisher))) {
      return std::nullopt;
    }
  }
  const auto hash = parse_hex(kind.substr(hash_at), 16);
  if (!hash || !parse_node(rest, parsed.owner.node)) return std::nullopt;
  parsed.topic_hash = *hash;
  if (!parse_number(next_part(rest), parsed.owner.port, std::numeric_limits<std::uint32_t>::max())) return std::nullopt;
  return parsed;
}

}  // namespace

std::uint64_t topic_hash(std::string_view topic) noexcept {
  std::uint64_t hash = kFnv1aStart;
  for (const char c : topic) hash = fnv1a(hash, static_cast<unsigned char>(c));
  return hash;
}

std::string node_file_name(const NodeId& node) { return "node." + text(node); }
std::string node_socket_name(const NodeId& node) { return "sock." + text(node); }

std::string port_file_name(PortRole role, std::string_view topic, const PortRef& owner) {
  return fmt::format("{}{:016x}.{}", prefix(role), topic_hash(topic), text(owner));
}

std::string segment_name(const PortRef& owner, std::uint32_t number) {
  return fmt::format("seg.{}.{}", text(owner), number);
}

std::string segment_name_for_reader(const PortRef& reader, const PortRef& publisher, std::uint32_t number) {
  return fmt::format("{}/seg-of.{}.of.{}.{}", kReadersName, text(reader), text(publisher), number);
}

std::optional<NodeId> publisher_in(std::string_view segment_name_for_reader) noexcept {
  constexpr std::string_view kOf = ".of.";
  const std::size_t at = segment_name_for_reader.find(kOf);
  if (!segment_name_for_reader.starts_with(kReadersName) || at == std::string_view::npos) return std::nullopt;
  std::string_view rest = segment_name_for_reader.substr(at + kOf.size());
  NodeId node;
  if (!parse_node(rest, node)) return std::nullopt;
  return node;
}

std::string latched_prefix(std::string_view topic) { return fmt::format("{}{:016x}.", kLatched, topic_hash(topic)); }
std::string latched_name(const PortFileName& port) {
  return fmt::format("{}{:016x}.{}", kLatched, port.topic_hash, text(port.owner));
}
std::string latched_name(std::string_view topic, const PortRef& owner) { return latched_prefix(topic) + text(owner); }
std::string latched_ring_name(std::string_view topic, const PortRef& owner) {
  return latched_name(topic, owner) + ".ring";
}
std::string latched_segment_name(std::string_view topic, const PortRef& owner, std::uint32_t number) {
  return fmt::format("{}.{}", latched_name(topic, owner), number);
}

std::string inbox_name(const PortRef& owner) { return "inbox." + text(owner); }
std::string bell_socket_name(const PortRef& owner) { return "bell." + text(owner); }

std::string bucket_name(std::uint32_t bucket) { return fmt::format("{:02x}", bucket); }

std::optional<std::uint32_t> parse_bucket_name(std::string_view name) noexcept {
  const auto value = parse_hex(name, 2);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::optional<NodeId> owner_of(std::string_view name) noexcept {
  NodeId node;
  if (next_part(name).empty() || !parse_node(name, node)) return std::nullopt;
  return node;
}

std::optional<PortFileName> parse_port_file_name(std::string_view name) noexcept {
  if (name.ends_with('.')) return std::nullopt;
  auto parsed = parse_port(name);
  if (!name.empty()) parsed.reset();
  return parsed;
}

std::optional<PortFileName> latched_port_in(std::string_view name) noexcept {
  auto parsed = parse_port(name);
  if (parsed && !parsed->latched) parsed.reset();
  return parsed;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
