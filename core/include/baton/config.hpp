#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "baton/domain/settings.hpp"
#include "baton/error.hpp"
#include "baton/log.hpp"
#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

/// What a configuration file (`baton.toml`) says. docs/configuration.md lists its keys.
///
/// An immutable value: copies share what they hold, and may be read from any thread. A file is accepted whole or not
/// at all; the error (`Errc::invalid_config`) lists every problem found, one line each, as "file:line:column: what".
class BATON_API Config {
 public:
  /// The built-in defaults: nothing is set.
  Config();

  /// The file named by the environment variable BATON_CONFIG if that is set and not empty (it must exist then); else
  /// "baton.toml" in the working directory if it exists; else the built-in defaults.
  static Result<Config> find();

  static Result<Config> load(const std::string& path);

  /// Reads a file's text. `file_name` only names it in errors and origins.
  static Result<Config> parse(std::string_view text, std::string_view file_name);

  /// The file as it was named, or empty for the built-in defaults.
  const std::string& file() const noexcept;

  const std::optional<std::string>& domain() const noexcept;
  std::optional<LogLevel> log_level() const noexcept;

  /// Where domains lie, when a node is called hung, and what memory it may take; what the file leaves open has its
  /// built-in default.
  domain::Settings domain_settings() const;

  /// What holds for a topic where neither its section nor the program says anything: by `[memory]`'s preset, and within
  /// its limits.
  const Qos& topic_defaults() const noexcept;

  struct TopicSettings {
    QosSettings settings;
    std::string origin;  ///< the section the settings are from, as "baton.toml:12", or empty if none fits
  };

  /// The settings of the first `[[topic]]` section whose `match` fits the name.
  TopicSettings topic(std::string_view name) const;

  /// What a file is parsed into; not for users.
  struct Data;

 private:
  explicit Config(std::shared_ptr<const Data> data) noexcept;

  std::shared_ptr<const Data> data_;
};

}  // namespace v1
}  // namespace baton
