#include "baton/config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>

#include <fmt/format.h>

#include "baton/names.hpp"
#include "baton/posix/file_descriptor.hpp"
#include "config_data.hpp"

namespace baton {
inline namespace v1 {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;
constexpr const char* kDefaultFile = "baton.toml";

Result<std::string> read_file(const std::string& path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  auto file = posix::FileDescriptor::open(path, O_RDONLY | O_NONBLOCK);
  if (!file) {
    return fail(Errc::invalid_config, path, "cannot be opened", "check the path and its permissions",
                file.error().os_errno());
  }
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return fail(Errc::invalid_config, path, "cannot be examined", "", errno);
  if (S_ISDIR(status.st_mode)) {
    return fail(Errc::invalid_config, path, "is a directory", "name the file in it, as in 'directory/baton.toml'");
  }
  if (!S_ISREG(status.st_mode)) return fail(Errc::invalid_config, path, "is not a regular file", "name a plain file");

  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t count = ::read(file->get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Errc::invalid_config, path, "cannot be read", "", errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  if (used > kMaxFileBytes) {
    return fail(Errc::invalid_config, path, "is larger than 1 MiB", "is it a baton configuration file?");
  }
  text.resize(used);
  return text;
}

std::shared_ptr<const Config::Data> built_in() {
  static const auto data = std::make_shared<const Config::Data>();
  return data;
}

}  // namespace

Config::Config() : data_(built_in()) {}

Config::Config(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}

Result<Config> Config::find() {
  if (const char* path = std::getenv("BATON_CONFIG"); path != nullptr && *path != '\0') {
    if (::access(path, F_OK) != 0) {
      return fail(Errc::invalid_config, fmt::format("BATON_CONFIG={}", path), "the file cannot be found",
                  "correct the variable or unset it", errno);
    }
    return load(path);
  }
  // Anything but "does not exist" is for load() to report: a file that is there is meant to be used.
  if (::access(kDefaultFile, F_OK) != 0 && errno == ENOENT) return Config();
  return load(kDefaultFile);
}

Result<Config> Config::load(const std::string& path) try {
  auto text = read_file(path);
  if (!text) return fail(text.error());
  return parse(*text, path);
} catch (const std::exception& exception) {
  return fail(Errc::invalid_config, path, "cannot be read", exception.what());
}

Result<Config> Config::parse(std::string_view text, std::string_view file_name) {
  auto data = parse_config(text, file_name);
  if (!data) return fail(data.error());
  return Config(std::make_shared<const Data>(std::move(*data)));
}

const std::string& Config::file() const noexcept { return data_->file; }
const std::optional<std::string>& Config::domain() const noexcept { return data_->domain; }
std::optional<LogLevel> Config::log_level() const noexcept { return data_->log_level; }

domain::Settings Config::domain_settings() const {
  domain::Settings settings;
  settings.directory = data_->directory.value_or(settings.directory);
  settings.heartbeat = data_->heartbeat.value_or(settings.heartbeat);
  settings.hung_after = data_->hung_after.value_or(settings.hung_after);
  settings.memory = data_->memory;
  return settings;
}

const Qos& Config::topic_defaults() const noexcept { return data_->topic_defaults; }

Config::TopicSettings Config::topic(std::string_view name) const {
  for (const Data::Topic& topic : data_->topics) {
    if (topic_matches(topic.match, name)) return {topic.settings, topic.origin};
  }
  return {};
}

}  // namespace v1
}  // namespace baton
