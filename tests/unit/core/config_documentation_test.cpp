// docs/configuration.md documents the keys that the parser knows, with the same values and defaults, and its error
// examples are what is really printed.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <gmock/gmock.h>

#include "config_data.hpp"
#include "qos_ranges.hpp"
#include "size.hpp"

namespace baton {
namespace {

std::string documentation() {
  const auto path = std::filesystem::path(BATON_SOURCE_DIR) / "docs/configuration.md";
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What stands between two markers, each a line of its own.
std::string between(const std::string& text, const std::string& first, const std::string& last) {
  const std::size_t begin = text.find(first);
  if (begin == std::string::npos) return {};
  const std::size_t start = begin + first.size();
  return text.substr(start, text.find(last, start) - start);
}

TEST(ConfigDocumentation, has_a_row_for_every_key_and_no_other) {
  std::string expected;
  for (const ConfigKey& key : config_keys()) {
    const std::string section = key.section.empty()      ? "top level"
                                : key.section == "topic" ? "`[[topic]]`"
                                                         : fmt::format("`[{}]`", key.section);
    const std::string initial = key.default_value == "-" ? "-" : fmt::format("`{}`", key.default_value);
    expected += fmt::format("| {} | `{}` | {} | {} | {} | {} | `{} = {}` |\n", section, key.name, key.values, initial,
                            key.layers, key.side, key.name, key.example);
  }
  EXPECT_EQ(between(documentation(), "| --- | --- | --- | --- | --- | --- | --- |\n", "\n\n") + "\n", expected);
}

TEST(ConfigDocumentation, says_what_every_key_means) {
  const std::string text = documentation();
  for (const ConfigKey& key : config_keys()) {
    EXPECT_THAT(text, testing::HasSubstr(fmt::format("\n- `{}`: ", key.name)));
  }
}

TEST(ConfigDocumentation, shows_the_errors_that_its_faulty_file_gives) {
  const std::string text = documentation();
  const std::string faulty = between(text, "<!-- faulty file -->\n```toml\n", "```\n");
  const std::string errors = between(text, "<!-- its errors -->\n```text\n", "```\n");
  ASSERT_NE(faulty, "");
  const auto config = Config::parse(faulty, "baton.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message() + "\n", errors);
}

TEST(ConfigDocumentation, shows_a_complete_file_that_is_accepted) {
  const std::string complete = between(documentation(), "<!-- complete file -->\n```toml\n", "```\n");
  ASSERT_NE(complete, "");
  const auto config = Config::parse(complete, "baton.toml");
  EXPECT_TRUE(config) << config.error();
}

TEST(ConfigDocumentation, has_the_values_of_every_preset) {
  struct Row {
    std::string_view setting;
    std::string (*value)(const MemorySettings&, const Qos&);
  };
  const auto limit = [](std::uint64_t bytes) {
    return bytes == MemorySettings::kUnlimited ? "none" : size_text(bytes);
  };
  static const auto text_of = +limit;
  const Row rows[] = {
      {"max_node", [](const MemorySettings& memory, const Qos&) { return text_of(memory.max_node); }},
      {"max_domain", [](const MemorySettings& memory, const Qos&) { return text_of(memory.max_domain); }},
      {"prefault", [](const MemorySettings& memory, const Qos&) { return fmt::format("{}", memory.prefault); }},
      {"huge_pages", [](const MemorySettings& memory, const Qos&) { return fmt::format("{}", memory.huge_pages); }},
      {"preallocate", [](const MemorySettings& memory, const Qos&) { return fmt::format("{}", memory.preallocate); }},
      {"max_memory", [](const MemorySettings&, const Qos& qos) { return size_text(qos.max_memory); }},
      {"max_held", [](const MemorySettings&, const Qos& qos) { return fmt::format("{}", qos.max_held); }},
      {"max_loans", [](const MemorySettings&, const Qos& qos) { return fmt::format("{}", qos.max_loans); }},
  };
  std::string expected;
  for (const Row& row : rows) {
    expected += fmt::format("| `{}` |", row.setting);
    for (const MemoryPreset preset : kMemoryPresets) {
      expected += fmt::format(" {} |", row.value(memory_settings_of(preset), topic_defaults_of(preset)));
    }
    expected += "\n";
  }
  EXPECT_EQ(between(documentation(),
                    "<!-- presets -->\n| setting | `minimal` | `default` | `standard` | `large` |\n"
                    "| :-- | --: | --: | --: | --: |\n",
                    "\n\n") +
                "\n",
            expected);
}

TEST(ConfigDocumentation, says_which_section_a_topic_gets) {
  const std::string text = documentation();
  const std::string groups = between(text, "<!-- groups -->\n```toml\n", "```\n");
  const Config config = Config::parse(groups, "baton.toml").value();
  std::istringstream rows(between(text, "| topic | section |\n| :-- | :-- |\n", "\n\n") + "\n");
  std::size_t count = 0;
  for (std::string row; std::getline(rows, row); ++count) {
    const std::string topic = row.substr(3, row.find('`', 3) - 3);
    const std::string origin = config.topic(topic).origin;
    std::string section = "-";
    if (!origin.empty()) {
      std::istringstream lines(groups);  // the line after that of the origin has the pattern
      for (int line = std::stoi(origin.substr(origin.find(':') + 1)); line >= 0; --line) std::getline(lines, section);
      section = fmt::format("`{}`", section);
    }
    EXPECT_EQ(row, fmt::format("| `{}` | {} |", topic, section));
  }
  EXPECT_GE(count, 5U);
}

}  // namespace
}  // namespace baton
