// TOML text to Config::Data, strictly: whatever is not understood is a problem, and all problems are reported at once.
// The only source that sees toml++; its exceptions end here.
#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "baton/names.hpp"
#include "config_data.hpp"
#include "config_guard.hpp"
#include "duration.hpp"
#include "qos_ranges.hpp"
#include "quoted.hpp"
#include "size.hpp"

namespace baton {
inline namespace v1 {
namespace {

constexpr std::array kKeys{
    ConfigKey{"", "domain", "string: a domain name", "\"default\"", "\"robot_1\"", "file, environment, code", "-"},
    ConfigKey{"log", "level", "off, fatal, error, warn, info, debug, trace", "\"warn\"", "\"info\"",
              "code, file, environment", "-"},
    ConfigKey{"shared_memory", "directory", "string: the path of a directory", "\"/dev/shm\"", "\"/run/baton\"", "file",
              "-"},
    ConfigKey{"liveness", "heartbeat", "string: 10 ms to 1 h", "\"1 s\"", "\"100 ms\"", "file", "-"},
    ConfigKey{"liveness", "hung_after", "string: 20 ms to 24 h", "\"5 s\"", "\"10 s\"", "file", "-"},
    ConfigKey{"memory", "preset", "minimal, default, standard, large", "\"default\"", "\"minimal\"", "file", "-"},
    ConfigKey{"memory", "max_node", "none, or string: 64 KiB to 1 TiB", "\"none\"", "\"256 MiB\"", "file", "-"},
    ConfigKey{"memory", "max_domain", "none, or string: 256 KiB to 1 TiB", "\"none\"", "\"1 GiB\"", "file", "-"},
    ConfigKey{"memory", "prefault", "true, false", "false", "true", "file", "-"},
    ConfigKey{"memory", "huge_pages", "true, false", "false", "true", "file", "-"},
    ConfigKey{"memory", "preallocate", "true, false", "false", "true", "file", "-"},
    ConfigKey{"topic", "match", "string: a topic pattern", "-", "\"camera/**\"", "file", "-"},
    ConfigKey{"topic", "transport", "string: a transport's name, or auto", "\"auto\"", "\"inproc\"", "code, file",
              "both"},
    ConfigKey{"topic", "profile", "sensor, command, state, log", "-", "\"sensor\"", "code, file", "both"},
    ConfigKey{"topic", "depth", "1 to 65536", "8", "16", "IDL, code, file", "subscriber"},
    ConfigKey{"topic", "overflow", "drop_oldest, drop_newest, reject, block", "\"drop_oldest\"", "\"block\"",
              "IDL, code, file", "both"},
    ConfigKey{"topic", "block_timeout", "string: 0 ms to 1 h", "\"100 ms\"", "\"2 s\"", "code, file", "publisher"},
    ConfigKey{"topic", "history", "0 to 65536", "0", "1", "IDL, code, file", "both"},
    ConfigKey{"topic", "max_held", "1 to 65536", "8", "16", "code, file", "subscriber"},
    ConfigKey{"topic", "max_loans", "1 to 1024", "4", "1", "code, file", "publisher"},
    ConfigKey{"topic", "stamp", "tsc, monotonic, off", "\"tsc\"", "\"off\"", "code, file", "publisher"},
    ConfigKey{"topic", "max_memory", "string: 1 KiB to 1 TiB", "\"1 GiB\"", "\"64 MiB\"", "code, file", "publisher"},
    ConfigKey{"topic", "deadline", "string: 0 ms, or 1 ms to 24 h", "\"0 ms\"", "\"100 ms\"", "code, file", "both"},
    ConfigKey{"topic", "lifespan", "string: 0 ms to 24 h", "\"0 ms\"", "\"1 s\"", "code, file", "both"},
    ConfigKey{"topic", "latched", "true, false", "false", "true", "code, file", "both"},
    ConfigKey{"topic", "notify", "futex, semaphore, socket, poll", "\"futex\"", "\"socket\"", "code, file",
              "subscriber"},
    ConfigKey{"topic", "spin", "adaptive, off, or string: 0 ns to 10 ms", "\"adaptive\"", "\"50 us\"", "code, file",
              "subscriber"},
    ConfigKey{"topic", "capacity", "string: 4 KiB to 1 TiB", "\"64 MiB\"", "\"512 MiB\"", "code, file", "publisher"},
    ConfigKey{"topic", "checksum", "none, crc32c", "\"none\"", "\"crc32c\"", "code, file", "publisher"},
};

constexpr std::chrono::nanoseconds kMinHeartbeat = std::chrono::milliseconds(10);
constexpr std::chrono::nanoseconds kMaxHeartbeat = std::chrono::hours(1);

constexpr std::array kLogLevels{LogLevel::off,  LogLevel::fatal, LogLevel::error, LogLevel::warn,
                                LogLevel::info, LogLevel::debug, LogLevel::trace};

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a floating-point number";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::date: return "a date";
    case toml::node_type::time: return "a time";
    case toml::node_type::date_time: return "a date with a time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

// "; did you mean 'depth'?", or the list of what is allowed.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (const std::string_view near = nearest(word, candidates); !near.empty()) {
    return fmt::format("; did you mean '{}'?", near);
  }
  return fmt::format("; allowed are {}", fmt::join(candidates, ", "));
}

class Reader {
 public:
  explicit Reader(std::string_view file) { data_.file = file; }

  Result<Config::Data> read(const toml::table& root) {
    check_keys(root, "", "at the top level", {"log", "shared_memory", "liveness", "memory", "topic"});
    if (const auto domain = string(root, "domain")) {
      if (const auto valid = check_domain_name(*domain); !valid) problem(*root.get("domain"), valid.error().message());
      data_.domain = domain;
    }
    if (const toml::node* log = root.get("log")) read_log(*log);
    if (const toml::node* section = root.get("shared_memory")) read_shared_memory(*section);
    if (const toml::node* section = root.get("liveness")) read_liveness(*section);
    if (const toml::node* section = root.get("memory")) read_memory(*section);
    if (const toml::node* topics = root.get("topic")) read_topics(*topics);
    return finish();
  }

 private:
  void problem(toml::source_position at, const std::string& text) {
    problems_.emplace_back(at.line, at.column, fmt::format("{}:{}:{}", data_.file, at.line, at.column), text);
  }
  void problem(const toml::node& at, const std::string& text) { problem(at.source().begin, text); }

  void wrong_type(std::string_view key, const toml::node& node, std::string_view expected) {
    problem(node, fmt::format("{} is {}, expected {}", key, type_name(node), expected));
  }

  void check_keys(const toml::table& table, std::string_view section, std::string_view where,
                  std::vector<std::string_view> known) {
    for (const ConfigKey& key : kKeys) {
      if (key.section == section) known.push_back(key.name);
    }
    for (auto&& [key, value] : table) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      problem(key.source().begin,
              fmt::format("unknown key {} {}{}", quoted(key.str()), where, suggestion(key.str(), known)));
    }
  }

  std::optional<std::string> string(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    if (const auto value = node->value_exact<std::string>()) return value;
    wrong_type(key, *node, "a string");
    return std::nullopt;
  }

  std::optional<std::uint32_t> count(const toml::table& table, std::string_view key, CountRange range) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value_exact<std::int64_t>();
    if (!value) {
      wrong_type(key, *node, "an integer");
    } else if (*value < range.min || *value > range.max) {
      problem(*node, fmt::format("{} is {}, allowed are {} to {}", key, *value, range.min, range.max));
    } else {
      return static_cast<std::uint32_t>(*value);
    }
    return std::nullopt;
  }

  std::optional<bool> flag(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value_exact<bool>();
    if (!value) wrong_type(key, *node, "true or false");
    return value;
  }

  template <class Enum, std::size_t kCount>
  std::optional<Enum> choice(const toml::table& table, std::string_view key, const std::array<Enum, kCount>& values) {
    const auto text = string(table, key);
    if (!text) return std::nullopt;
    std::array<std::string_view, kCount> names;
    for (std::size_t i = 0; i < kCount; ++i) {
      names[i] = to_string(values[i]);
      if (names[i] == *text) return values[i];
    }
    problem(*table.get(key), fmt::format("{} is {}{}", key, quoted(*text), suggestion(*text, names)));
    return std::nullopt;
  }

  std::optional<std::string> transport(const toml::table& table) {
    auto name = string(table, "transport");
    if (name && !is_transport_name(*name)) {
      problem(*table.get("transport"),
              fmt::format("transport is {}; a transport's name is lower-case letters, digits and '_', and begins with "
                          "a letter",
                          quoted(*name)));
    }
    return name;
  }

  // The text of a value with a unit; a number has none.
  std::optional<std::string> with_unit(const toml::table& table, std::string_view key, std::string_view example) {
    const toml::node* node = table.get(key);
    if (node == nullptr || !node->is_number()) return string(table, key);
    problem(*node, fmt::format("{} is a number without a unit; write for example \"{}\"", key, example));
    return std::nullopt;
  }

  std::optional<std::chrono::nanoseconds> duration(const toml::table& table, std::string_view key,
                                                   std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
    const auto text = with_unit(table, key, "100 ms");
    if (!text) return std::nullopt;
    const toml::node& node = *table.get(key);
    const auto value = parse_duration(*text);
    if (!value) {
      problem(node, fmt::format("{} {} {}", key, quoted(*text), value.error()));
    } else if (*value > most) {
      problem(node, fmt::format("{} is {}, at most {} is allowed", key, to_text(*value), to_text(most)));
    } else if (*value < least) {
      problem(node, fmt::format("{} is {}, at least {} is needed", key, to_text(*value), to_text(least)));
    } else {
      return *value;
    }
    return std::nullopt;
  }

  std::optional<std::chrono::nanoseconds> deadline(const toml::table& table) {
    const auto value = duration(table, "deadline", {}, Qos::kMaxDeadline);
    if (!value || is_deadline(*value)) return value;
    problem(*table.get("deadline"), fmt::format("deadline is {}, at least {} is needed, or 0 ms for none",
                                                to_text(*value), to_text(Qos::kMinDeadline)));
    return std::nullopt;
  }

  std::optional<std::uint64_t> size(const toml::table& table, std::string_view key, std::uint64_t least,
                                    std::uint64_t most) {
    const auto text = with_unit(table, key, "64 MiB");
    if (!text) return std::nullopt;
    const toml::node& node = *table.get(key);
    const auto value = parse_size(*text);
    if (!value) {
      problem(node, fmt::format("{} {} {}", key, quoted(*text), value.error()));
    } else if (*value < least || *value > most) {
      problem(node,
              fmt::format("{} is {}, allowed are {} to {}", key, size_text(*value), size_text(least), size_text(most)));
    } else {
      return *value;
    }
    return std::nullopt;
  }

  void read_log(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong_type("log", node, "a section: [log]");
    check_keys(*table, "log", "in [log]", {});
    data_.log_level = choice(*table, "level", kLogLevels);
  }

  void read_shared_memory(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong_type("shared_memory", node, "a section: [shared_memory]");
    check_keys(*table, "shared_memory", "in [shared_memory]", {});
    data_.directory = string(*table, "directory");
    if (data_.directory && data_.directory->substr(0, 1) != "/") {
      problem(*table->get("directory"), fmt::format("directory is {}; write a path that begins with '/': programs in "
                                                    "other directories have to find it too",
                                                    quoted(*data_.directory)));
    }
  }

  void read_liveness(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong_type("liveness", node, "a section: [liveness]");
    check_keys(*table, "liveness", "in [liveness]", {});
    data_.heartbeat = duration(*table, "heartbeat", kMinHeartbeat, kMaxHeartbeat);
    data_.hung_after = duration(*table, "hung_after", 2 * kMinHeartbeat, 24 * kMaxHeartbeat);
    const domain::Settings defaults;
    const auto heartbeat = data_.heartbeat.value_or(defaults.heartbeat);
    const auto hung_after = data_.hung_after.value_or(defaults.hung_after);
    if (hung_after >= 2 * heartbeat) return;
    const toml::node* const at = table->get(data_.hung_after ? "hung_after" : "heartbeat");
    problem(*at,
            fmt::format("hung_after is {} and heartbeat is {}: a node would be called hung between two heartbeats; "
                        "make hung_after at least {}",
                        to_text(hung_after), to_text(heartbeat), to_text(2 * heartbeat)));
  }

  std::optional<std::uint64_t> limit(const toml::table& table, std::string_view key, std::uint64_t least) {
    const toml::node* const node = table.get(key);
    const auto* const text = node == nullptr ? nullptr : node->as_string();
    if (text != nullptr && text->get() == "none") return MemorySettings::kUnlimited;
    return size(table, key, least, MemorySettings::kMaxLimit);
  }

  std::string place_of(const toml::node& node) const {
    return fmt::format("{}:{}", data_.file, node.source().begin.line);
  }

  void read_memory(const toml::node& node) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) return wrong_type("memory", node, "a section: [memory]");
    check_keys(*table, "memory", "in [memory]", {});
    const auto preset = choice(*table, "preset", kMemoryPresets).value_or(MemoryPreset::default_);
    MemorySettings& memory = data_.memory;
    memory = memory_settings_of(preset);
    const auto origin_of = [&](const char* key) {
      if (const toml::node* const own = table->get(key)) return fmt::format("{} of {}", key, place_of(*own));
      if (!table->contains("preset")) return std::string(key);
      return fmt::format("{}, by preset \"{}\" of {}", key, to_string(preset), place_of(*table->get("preset")));
    };
    const auto max_node = limit(*table, "max_node", MemorySettings::kMinNode);
    const auto max_domain = limit(*table, "max_domain", MemorySettings::kMinDomain);
    memory.max_domain = max_domain.value_or(memory.max_domain);
    memory.max_domain_origin = origin_of("max_domain");
    memory.max_node = max_node.value_or(memory.max_node);
    memory.max_node_origin = origin_of("max_node");
    if (memory.max_node > memory.max_domain && max_node && memory.max_node != MemorySettings::kUnlimited) {
      problem(*table->get("max_node"),
              fmt::format("max_node is {}, and {} is {}: a node could never have so much; lower max_node, or raise "
                          "max_domain",
                          size_text(memory.max_node), memory.max_domain_origin, size_text(memory.max_domain)));
    }
    if (memory.max_node > memory.max_domain) {  // what is open, or unlimited, goes as far as the domain's does
      memory.max_node = memory.max_domain;
      memory.max_node_origin = memory.max_domain_origin;
    }
    memory.prefault = flag(*table, "prefault").value_or(memory.prefault);
    memory.huge_pages = flag(*table, "huge_pages").value_or(memory.huge_pages);
    memory.preallocate = flag(*table, "preallocate").value_or(memory.preallocate);
    memory.preallocate_origin = origin_of("preallocate");
    if (memory.preallocate && table->contains("prefault") && !memory.prefault) {
      problem(*table->get("prefault"),
              "prefault = false leaves the page faults that preallocate = true is to take away; remove one of the two");
    }
    memory.prefault |= memory.preallocate;
    data_.topic_defaults = topic_defaults_of(preset);
    data_.topic_defaults.max_memory = std::min(data_.topic_defaults.max_memory, memory.max_node);
  }

  void read_topics(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return wrong_type("topic", node, "sections: [[topic]], with two brackets");
    for (const toml::node& element : *array) {
      if (const toml::table* table = element.as_table()) {
        read_topic(*table);
      } else {
        wrong_type("topic", element, "a section: [[topic]]");
      }
    }
  }

  std::optional<std::chrono::nanoseconds> spin(const toml::table& table) {
    const toml::node* const node = table.get("spin");
    const auto* const text = node == nullptr ? nullptr : node->as_string();
    if (text != nullptr && text->get() == "adaptive") return Qos::kAdaptiveSpin;
    if (text != nullptr && text->get() == "off") return std::chrono::nanoseconds::zero();
    return duration(table, "spin", {}, Qos::kMaxSpin);
  }

  void read_topic(const toml::table& table) {
    check_keys(table, "topic", "in [[topic]]", {});
    Config::Data::Topic topic;
    topic.origin = fmt::format("{}:{}", data_.file, table.source().begin.line);
    topic.settings = {
        .transport = transport(table),
        .depth = count(table, "depth", kDepthRange),
        .overflow = choice(table, "overflow", kOverflows),
        .block_timeout = duration(table, "block_timeout", {}, Qos::kMaxBlockTimeout),
        .history = count(table, "history", kHistoryRange),
        .max_held = count(table, "max_held", kMaxHeldRange),
        .max_loans = count(table, "max_loans", kMaxLoansRange),
        .stamp = choice(table, "stamp", kStamps),
        .max_memory = size(table, "max_memory", Qos::kMinMemory, Qos::kMaxMemory),
        .deadline = deadline(table),
        .lifespan = duration(table, "lifespan", {}, Qos::kMaxLifespan),
        .latched = flag(table, "latched"),
        .notify = choice(table, "notify", kNotifies),
        .spin = spin(table),
        .capacity = size(table, "capacity", Qos::kMinCapacity, Qos::kMaxCapacity),
        .checksum = choice(table, "checksum", kChecksums),
        .profile = choice(table, "profile", kProfiles),
    };
    check_together(table, topic.settings);
    if (!table.contains("match")) {
      problem(table, "this [[topic]] has no match; add for example match = \"camera/**\"");
    } else if (table.size() == 1) {
      problem(table, "this [[topic]] sets nothing; add a setting or remove the section");
    }
    if (const auto match = string(table, "match")) add(*table.get("match"), *match, std::move(topic));
  }

  // What contradicts itself within one section does so for every port, whatever the layers beneath say: the section's
  // settings lie above them.
  void check_together(const toml::table& table, const QosSettings& settings) {
    if (settings.overflow && *settings.overflow != Overflow::block && table.contains("block_timeout")) {
      problem(*table.get("block_timeout"), fmt::format("block_timeout has no effect with overflow = \"{}\"; remove it, "
                                                       "or set overflow = \"block\"",
                                                       to_string(*settings.overflow)));
    }
    if (settings.latched.value_or(false) && settings.history == 0U) {
      problem(*table.get("latched"),
              "latched = true has nothing to keep with history = 0; set history to at least 1, "
              "or remove latched");
    }
    if (settings.max_memory.value_or(0) > data_.memory.max_node) {
      problem(
          *table.get("max_memory"),
          fmt::format("max_memory is {}, and {} is {}: a publisher could never have so much; lower max_memory, or "
                      "raise the other",
                      size_text(*settings.max_memory), data_.memory.max_node_origin, size_text(data_.memory.max_node)));
    }
    if (settings.stamp != Stamp::off) return;
    const auto needs_stamps = [&](const char* key, const std::optional<std::chrono::nanoseconds>& value) {
      if (value.value_or(std::chrono::nanoseconds::zero()) == std::chrono::nanoseconds::zero()) return;
      problem(*table.get(key), fmt::format("{0} needs stamps, and stamp is \"off\"; set stamp = \"tsc\" or "
                                           "\"monotonic\", or remove {0}",
                                           key));
    };
    needs_stamps("deadline", settings.deadline);
    needs_stamps("lifespan", settings.lifespan);
  }

  // Takes a section whose pattern is valid and not hidden by the sections before it.
  void add(const toml::node& at, const std::string& match, Config::Data::Topic topic) {
    if (const auto valid = check_topic_pattern(match); !valid) return problem(at, valid.error().message());
    topic.match = match;
    for (const Config::Data::Topic& earlier : data_.topics) {
      if (earlier.match == match) {
        return problem(at, fmt::format("match {} is that of {} too; the first section that fits wins: merge the two",
                                       quoted(match), earlier.origin));
      }
      if (covers(earlier.match, match)) {
        return problem(at, fmt::format("this [[topic]] never applies: {} of {} fits whatever {} does; put this section "
                                       "before that one",
                                       quoted(earlier.match), earlier.origin, quoted(match)));
      }
    }
    data_.topics.push_back(std::move(topic));
  }

  // Whether every name that `later` fits is surely fitted by `earlier`. With no "**" in `later`, its '*' can be read as
  // a character that only a wildcard fits, and a wildcard that takes it takes whatever it stands for.
  static bool covers(std::string_view earlier, std::string_view later) {
    if (earlier == "**") return true;
    return later.find("**") == std::string_view::npos && topic_matches(earlier, later);
  }

  Result<Config::Data> finish() {
    if (problems_.empty()) return std::move(data_);
    std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    std::string text = std::get<3>(problems_.front());
    for (std::size_t i = 1; i < problems_.size(); ++i) {
      text += fmt::format("\n{}: {}", std::get<2>(problems_[i]), std::get<3>(problems_[i]));
    }
    return fail(Errc::invalid_config, std::get<2>(problems_.front()), text, "");
  }

  using Problem = std::tuple<toml::source_index, toml::source_index, std::string, std::string>;

  Config::Data data_;
  std::vector<Problem> problems_;  // line, column, "file:line:column", text
};

}  // namespace

std::span<const ConfigKey> config_keys() noexcept { return kKeys; }

Result<Config::Data> parse_config(std::string_view text, std::string_view file_name) try {
  if (auto guarded = guard_toml(text, file_name); !guarded) return fail(guarded.error());
  const toml::table root = toml::parse(text, file_name);
  return Reader(file_name).read(root);
} catch (const toml::parse_error& error) {
  const auto at = error.source().begin;
  return fail(Errc::invalid_config, fmt::format("{}:{}:{}", file_name, at.line, at.column), error.description(), "");
} catch (const std::exception& exception) {
  return fail(Errc::invalid_config, file_name, "cannot be parsed", exception.what());
}

}  // namespace v1
}  // namespace baton
