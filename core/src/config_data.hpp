// What a configuration file is parsed into, and the keys it may have. Shared by config.cpp (files and look-up),
// config_parse.cpp (TOML to settings) and the test that compares docs/configuration.md with the table of keys.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baton/config.hpp"

namespace baton {
inline namespace v1 {

struct Config::Data {
  struct Topic {
    std::string match;
    QosSettings settings;
    std::string origin;
  };

  std::string file;
  std::optional<std::string> domain;
  std::optional<LogLevel> log_level;
  std::optional<std::string> directory;
  std::optional<std::chrono::nanoseconds> heartbeat;
  std::optional<std::chrono::nanoseconds> hung_after;
  MemorySettings memory;
  Qos topic_defaults;         // by the preset of `memory`, and no more than its limits
  std::vector<Topic> topics;  // in the file's order
};

/// One key of the file, as it is documented.
struct ConfigKey {
  std::string_view section;  // "" (top level), "log", "shared_memory", "liveness", "memory" or "topic"
  std::string_view name;
  std::string_view values;         // the type and range, as docs/configuration.md has it
  std::string_view default_value;  // as docs/configuration.md has it; "-" if there is none
  std::string_view example;        // a TOML value that is not the default
  std::string_view layers;         // who else may set it, the lowest first, as docs/configuration.md has it
  std::string_view side;  // whose setting counts: "publisher", "subscriber" or "both"; "-" where no port has it
};

/// All keys, in the order of the documentation. The parser knows no others.
BATON_API std::span<const ConfigKey> config_keys() noexcept;

/// Parses and checks a file's text. Does not throw.
Result<Config::Data> parse_config(std::string_view text, std::string_view file_name);

}  // namespace v1
}  // namespace baton
