#include "baton/memory.hpp"

namespace baton {
inline namespace v1 {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

}  // namespace

std::string_view to_string(MemoryPreset preset) noexcept {
  switch (preset) {
    case MemoryPreset::minimal: return "minimal";
    case MemoryPreset::default_: return "default";
    case MemoryPreset::standard: return "standard";
    case MemoryPreset::large: return "large";
  }
  return "unknown";
}

MemorySettings memory_settings_of(MemoryPreset preset) {
  MemorySettings settings;
  settings.preset = preset;
  switch (preset) {
    case MemoryPreset::minimal:
      settings.max_node = 16 * kMiB;
      settings.max_domain = 64 * kMiB;
      break;
    case MemoryPreset::default_: break;
    case MemoryPreset::standard:
      settings.max_node = kGiB;
      settings.max_domain = 4 * kGiB;
      settings.prefault = true;
      break;
    case MemoryPreset::large:
      settings.prefault = true;
      settings.huge_pages = true;
      break;
  }
  return settings;
}

Qos topic_defaults_of(MemoryPreset preset) {
  Qos qos;
  switch (preset) {
    case MemoryPreset::minimal:
      qos.max_held = 2;
      qos.max_loans = 2;
      qos.max_memory = 4 * kMiB;
      break;
    case MemoryPreset::default_: break;
    case MemoryPreset::standard: qos.max_memory = 256 * kMiB; break;
    case MemoryPreset::large: qos.max_memory = 16 * kGiB; break;
  }
  return qos;
}

}  // namespace v1
}  // namespace baton
