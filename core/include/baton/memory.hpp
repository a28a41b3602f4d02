#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "baton/export.hpp"
#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

/// Values for a kind of machine. A preset takes the place of the built-in defaults, and so lies beneath a topic's
/// profile, the single keys of `[memory]`, and every setting of a topic that is given explicitly, in whatever layer. It
/// concerns memory only: what is delivered (depth, overflow, history) it leaves alone. docs/configuration.md has the
/// values.
enum class MemoryPreset : std::uint8_t {
  minimal,   ///< little memory: narrow limits, few loans and held samples
  default_,  ///< "default": memory when it is needed, and no limits but those of each topic
  standard,  ///< a machine that runs for long: limits for each topic, node and domain, and no page fault on the way
  large,     ///< large messages: wide limits, huge pages
};

BATON_API std::string_view to_string(MemoryPreset preset) noexcept;

/// What a node may do with shared memory: the section `[memory]` of a configuration file, complete. A value.
struct MemorySettings {
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t kMinNode = std::uint64_t{64} << 10;
  static constexpr std::uint64_t kMinDomain = std::uint64_t{256} << 10;
  static constexpr std::uint64_t kMaxLimit = std::uint64_t{1} << 40;

  MemoryPreset preset = MemoryPreset::default_;
  std::uint64_t max_node = kUnlimited;    ///< bytes that all files of a node may take
  std::uint64_t max_domain = kUnlimited;  ///< bytes that all files of all nodes of the domain may take
  bool prefault = false;     ///< segments are entered into the page tables of both sides when they are mapped
  bool huge_pages = false;   ///< segments of 2 MiB and more are made of huge pages, where the system allows it
  bool preallocate = false;  ///< all that the largest messages take is made when ports open and match, never later
  /// Where they are from, for errors: "max_node of baton.toml:4", or "max_node, by preset "minimal" of baton.toml:2".
  std::string max_node_origin = "max_node";
  std::string max_domain_origin = "max_domain";
  std::string preallocate_origin = "preallocate";
};

/// The settings of `[memory]` that a preset stands for.
BATON_API MemorySettings memory_settings_of(MemoryPreset preset);

/// What holds for a topic's settings where neither a profile nor a layer says anything.
BATON_API Qos topic_defaults_of(MemoryPreset preset);

}  // namespace v1
}  // namespace baton
