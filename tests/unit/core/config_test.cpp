#include "baton/config.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <gmock/gmock.h>

#include "config_data.hpp"

namespace baton {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The message for a text that must be refused, with the file called "f".
std::string refusal(std::string_view text) {
  const auto config = Config::parse(text, "f");
  if (config) return "accepted";
  EXPECT_EQ(config.error().code(), Errc::invalid_config);
  return config.error().message();
}

TEST(Config, sets_nothing_unless_a_file_does) {
  const Config config;
  EXPECT_EQ(config.file(), "");
  EXPECT_EQ(config.domain(), std::nullopt);
  EXPECT_EQ(config.log_level(), std::nullopt);
  EXPECT_EQ(config.topic("a").origin, "");
  EXPECT_EQ(config.domain_settings().directory, "/dev/shm");
  EXPECT_EQ(config.domain_settings().heartbeat, 1s);
  EXPECT_EQ(config.domain_settings().hung_after, 5s);
  EXPECT_EQ(config.domain_settings().memory.preset, MemoryPreset::default_);
  EXPECT_EQ(config.domain_settings().memory.max_node, MemorySettings::kUnlimited);
  EXPECT_EQ(config.domain_settings().memory.max_domain, MemorySettings::kUnlimited);
  EXPECT_FALSE(config.domain_settings().memory.prefault);
  EXPECT_FALSE(config.domain_settings().memory.huge_pages);
  EXPECT_FALSE(config.domain_settings().memory.preallocate);
  EXPECT_EQ(config.topic_defaults().max_memory, 1U << 30U);
  EXPECT_TRUE(Config::parse("", "f"));
  EXPECT_TRUE(Config::parse("\xEF\xBB\xBF# only a comment with a byte order mark\r\n", "f"));
}

TEST(Config, reads_every_key) {
  const Config config = Config::parse(R"(
domain = "robot_1"
[log]
level = "debug"
[shared_memory]
directory = "/run/baton"
[liveness]
heartbeat = "200 ms"
hung_after = "400 ms"
[memory]
preset = "large"
max_node = "128 MiB"
max_domain = "1 GiB"
prefault = true
huge_pages = false
preallocate = true
[[topic]]
match = "camera/**"
transport = "inproc"
depth = 16
overflow = "block"
block_timeout = "2s"
history = 3
max_held = 9
max_loans = 2
stamp = "monotonic"
max_memory = "64 MiB"
deadline = "100 ms"
lifespan = "1.5 s"
latched = true
notify = "semaphore"
spin = "20 us"
profile = "state"
)",
                                      "baton.toml")
                            .value();
  EXPECT_EQ(config.file(), "baton.toml");
  EXPECT_EQ(config.domain(), "robot_1");
  EXPECT_EQ(config.log_level(), LogLevel::debug);
  const auto topic = config.topic("camera/front");
  EXPECT_EQ(topic.origin, "baton.toml:17");
  EXPECT_EQ(topic.settings.transport, "inproc");
  EXPECT_EQ(topic.settings.depth, 16U);
  EXPECT_EQ(topic.settings.overflow, Overflow::block);
  EXPECT_EQ(topic.settings.block_timeout, 2s);
  EXPECT_EQ(topic.settings.history, 3U);
  EXPECT_EQ(topic.settings.max_held, 9U);
  EXPECT_EQ(topic.settings.max_loans, 2U);
  EXPECT_EQ(topic.settings.stamp, Stamp::monotonic);
  EXPECT_EQ(topic.settings.max_memory, 64U << 20U);
  EXPECT_EQ(topic.settings.deadline, 100ms);
  EXPECT_EQ(topic.settings.lifespan, 1500ms);
  EXPECT_EQ(topic.settings.latched, true);
  EXPECT_EQ(topic.settings.notify, Notify::semaphore);
  EXPECT_EQ(topic.settings.spin, 20us);
  EXPECT_EQ(topic.settings.profile, Profile::state);
  EXPECT_EQ(config.domain_settings().directory, "/run/baton");
  EXPECT_EQ(config.domain_settings().heartbeat, 200ms);
  EXPECT_EQ(config.domain_settings().hung_after, 400ms);
  const MemorySettings memory = config.domain_settings().memory;
  EXPECT_EQ(memory.preset, MemoryPreset::large);
  EXPECT_EQ(memory.max_node, 128U << 20U);
  EXPECT_EQ(memory.max_node_origin, "max_node of baton.toml:12");
  EXPECT_EQ(memory.max_domain, 1U << 30U);
  EXPECT_TRUE(memory.prefault);
  EXPECT_FALSE(memory.huge_pages);
  EXPECT_TRUE(memory.preallocate);
}

TEST(Config, gives_a_topic_the_first_section_that_fits_and_only_that) {
  const Config config = Config::parse(R"([[topic]]
match = "camera/front"
depth = 1
[[topic]]
match = "camera/*"
history = 2
[[topic]]
match = "**"
depth = 3
)",
                                      "f")
                            .value();
  EXPECT_EQ(config.topic("camera/front").origin, "f:1");
  EXPECT_EQ(config.topic("camera/front").settings.history, std::nullopt);
  EXPECT_EQ(config.topic("camera/back").origin, "f:4");
  EXPECT_EQ(config.topic("imu").settings.depth, 3U);
}

TEST(Config, accepts_the_example_of_every_key_it_documents) {
  for (const ConfigKey& key : config_keys()) {
    std::string text = fmt::format("{} = {}\n", key.name, key.example);
    if (!key.section.empty() && key.section != "topic") text = fmt::format("[{}]\n", key.section) + text;
    if (key.section == "topic") text = "[[topic]]\n" + text + (key.name == "match" ? "depth = 1\n" : "match = \"x\"\n");
    const auto config = Config::parse(text, "f");
    EXPECT_TRUE(config) << config.error();
  }
}

TEST(Config, reports_a_syntax_error_with_its_place) {
  EXPECT_THAT(refusal("domain = \"a\"\n[[topic]\n"), testing::StartsWith("f:2:"));
  EXPECT_THAT(refusal("depth 3"), testing::StartsWith("f:1:"));
  EXPECT_THAT(refusal("a = 1\na = 2\n"), testing::StartsWith("f:2:"));
}

TEST(Config, names_the_nearest_key_for_an_unknown_one) {
  EXPECT_EQ(refusal("[[topic]]\nmatch = \"a\"\ndpeth = 3\n"),
            "f:3:1: unknown key 'dpeth' in [[topic]]; did you mean 'depth'?");
  EXPECT_EQ(refusal("domian = \"a\"\n"), "f:1:1: unknown key 'domian' at the top level; did you mean 'domain'?");
  EXPECT_EQ(refusal("[log]\n  levle = \"warn\"\n"), "f:2:3: unknown key 'levle' in [log]; did you mean 'level'?");
}

TEST(Config, lists_the_keys_where_none_is_near_an_unknown_one) {
  EXPECT_EQ(refusal("[network]\nport = 1\n"),
            "f:1:2: unknown key 'network' at the top level; allowed are log, shared_memory, liveness, memory, topic, "
            "domain");
  EXPECT_EQ(refusal("[[topic]]\nmatch = \"a\"\ndepth = 2\nreliability = \"1 MiB\"\n"),
            "f:4:1: unknown key 'reliability' in [[topic]]; allowed are match, transport, profile, depth, overflow, "
            "block_timeout, history, max_held, max_loans, stamp, max_memory, deadline, lifespan, latched, notify, "
            "spin, capacity, checksum");
}

std::string in_topic(std::string_view line) { return refusal(fmt::format("[[topic]]\nmatch = \"a\"\n{}\n", line)); }

TEST(Config, says_which_type_a_value_has_and_which_is_expected) {
  EXPECT_EQ(in_topic("depth = \"3\""), "f:3:9: depth is a string, expected an integer");
  EXPECT_EQ(in_topic("depth = 3.0"), "f:3:9: depth is a floating-point number, expected an integer");
  EXPECT_EQ(in_topic("depth = nan"), "f:3:9: depth is a floating-point number, expected an integer");
  EXPECT_EQ(in_topic("depth = true"), "f:3:9: depth is a boolean, expected an integer");
  EXPECT_EQ(in_topic("depth = 2020-01-01"), "f:3:9: depth is a date, expected an integer");
  EXPECT_EQ(in_topic("depth = [1]"), "f:3:9: depth is an array, expected an integer");
  EXPECT_EQ(in_topic("overflow = 1"), "f:3:12: overflow is an integer, expected a string");
  EXPECT_EQ(in_topic("transport = {}"), "f:3:13: transport is a table, expected a string");
  EXPECT_EQ(in_topic("latched = 1"), "f:3:11: latched is an integer, expected true or false");
  EXPECT_EQ(in_topic("latched = \"true\""), "f:3:11: latched is a string, expected true or false");
  EXPECT_EQ(in_topic("profile = true"), "f:3:11: profile is a boolean, expected a string");
  EXPECT_EQ(refusal("domain = 1"), "f:1:10: domain is an integer, expected a string");
  EXPECT_EQ(refusal("log = 1"), "f:1:7: log is an integer, expected a section: [log]");
  EXPECT_EQ(refusal("[topic]\nmatch = \"a\"\n"),
            "f:1:1: topic is a table, expected sections: [[topic]], with two brackets");
  EXPECT_EQ(refusal("topic = [1]"), "f:1:10: topic is an integer, expected a section: [[topic]]");
}

TEST(Config, wants_a_unit_with_a_size) {
  EXPECT_EQ(in_topic("max_memory = 64"), "f:3:14: max_memory is a number without a unit; write for example \"64 MiB\"");
  EXPECT_EQ(in_topic("max_memory = \"64\""), "f:3:14: max_memory '64' has no unit; write for example '64 MiB'");
  EXPECT_EQ(in_topic("max_memory = \"64 MB\""),
            "f:3:14: max_memory '64 MB' has an unknown unit; known are B, KiB, MiB, GiB, TiB");
  EXPECT_EQ(in_topic("max_memory = \"1023 B\""), "f:3:14: max_memory is 1023 B, allowed are 1 KiB to 1 TiB");
  EXPECT_EQ(in_topic("max_memory = \"2 TiB\""), "f:3:14: max_memory is 2 TiB, allowed are 1 KiB to 1 TiB");
}

TEST(Config, wants_a_heartbeat_well_within_the_time_after_which_a_node_is_hung) {
  EXPECT_EQ(refusal("[liveness]\nheartbeat = \"9 ms\"\n"), "f:2:13: heartbeat is 9 ms, at least 10 ms is needed");
  EXPECT_EQ(refusal("[liveness]\nheartbeat = \"2 h\"\nhung_after = \"4 h\"\n"),
            "f:2:13: heartbeat is 2 h, at most 1 h is allowed");
  EXPECT_EQ(refusal("[liveness]\nheartbeat = 1\n"),
            "f:2:13: heartbeat is a number without a unit; write for example \"100 ms\"");
  EXPECT_EQ(refusal("[liveness]\nhung_after = \"1 s\"\n"),
            "f:2:14: hung_after is 1 s and heartbeat is 1 s: a node would be called hung between two heartbeats; make "
            "hung_after at least 2 s");
  EXPECT_EQ(refusal("[liveness]\nheartbeat = \"3 s\"\n"),
            "f:2:13: hung_after is 5 s and heartbeat is 3 s: a node would be called hung between two heartbeats; make "
            "hung_after at least 6 s");
  EXPECT_EQ(refusal("[liveness]\nheartbeat = \"3 s\"\nhung_after = \"6 s\"\n"), "accepted");
  EXPECT_EQ(refusal("liveness = 1"), "f:1:12: liveness is an integer, expected a section: [liveness]");
}

TEST(Config, wants_the_whole_path_of_a_directory) {
  EXPECT_EQ(refusal("[shared_memory]\ndirectory = \"shm\"\n"),
            "f:2:13: directory is 'shm'; write a path that begins with '/': programs in other directories have to find "
            "it too");
  EXPECT_EQ(refusal("shared_memory = 1"), "f:1:17: shared_memory is an integer, expected a section: [shared_memory]");
}

std::string in_memory(std::string_view lines) { return refusal(fmt::format("[memory]\n{}\n", lines)); }

TEST(Config, says_what_is_wrong_with_a_key_of_memory) {
  EXPECT_EQ(refusal("memory = 1"), "f:1:10: memory is an integer, expected a section: [memory]");
  EXPECT_EQ(in_memory("preset = \"larg\""), "f:2:10: preset is 'larg'; did you mean 'large'?");
  EXPECT_EQ(in_memory("preset = 1"), "f:2:10: preset is an integer, expected a string");
  EXPECT_EQ(in_memory("presett = \"large\""), "f:2:1: unknown key 'presett' in [memory]; did you mean 'preset'?");
  EXPECT_EQ(in_memory("max_node = 64"), "f:2:12: max_node is a number without a unit; write for example \"64 MiB\"");
  EXPECT_EQ(in_memory("max_node = \"63 KiB\""), "f:2:12: max_node is 63 KiB, allowed are 64 KiB to 1 TiB");
  EXPECT_EQ(in_memory("max_node = \"nothing\""),
            "f:2:12: max_node 'nothing' is not a number with a unit; write for example '64 MiB'");
  EXPECT_EQ(in_memory("max_node = \"17179869184 GiB\""),
            "f:2:12: max_node '17179869184 GiB' is too large to be represented");
  EXPECT_EQ(in_memory("max_domain = \"255 KiB\""), "f:2:14: max_domain is 255 KiB, allowed are 256 KiB to 1 TiB");
  EXPECT_EQ(in_memory("max_domain = \"2 TiB\""), "f:2:14: max_domain is 2 TiB, allowed are 256 KiB to 1 TiB");
  EXPECT_EQ(in_memory("prefault = 1"), "f:2:12: prefault is an integer, expected true or false");
  EXPECT_EQ(in_memory("max_node = \"none\"\nmax_domain = \"none\""), "accepted");
}

TEST(Config, names_both_of_two_limits_that_contradict_each_other) {
  EXPECT_EQ(in_memory("max_node = \"2 GiB\"\nmax_domain = \"1 GiB\""),
            "f:2:12: max_node is 2 GiB, and max_domain of f:3 is 1 GiB: a node could never have so much; lower "
            "max_node, or raise max_domain");
  EXPECT_EQ(
      in_memory("preset = \"minimal\"\nmax_node = \"1 GiB\""),
      "f:3:12: max_node is 1 GiB, and max_domain, by preset \"minimal\" of f:2 is 64 MiB: a node could never have "
      "so much; lower max_node, or raise max_domain");
  EXPECT_EQ(in_memory("max_node = \"none\"\nmax_domain = \"1 GiB\""), "accepted");
  EXPECT_EQ(in_memory("max_node = \"1 MiB\"\n[[topic]]\nmatch = \"a\"\nmax_memory = \"2 MiB\""),
            "f:5:14: max_memory is 2 MiB, and max_node of f:2 is 1 MiB: a publisher could never have so much; lower "
            "max_memory, or raise the other");
  EXPECT_EQ(in_memory("max_domain = \"1 MiB\"\n[[topic]]\nmatch = \"a\"\nmax_memory = \"2 MiB\""),
            "f:5:14: max_memory is 2 MiB, and max_domain of f:2 is 1 MiB: a publisher could never have so much; lower "
            "max_memory, or raise the other");
  EXPECT_EQ(
      refusal("[[topic]]\nmatch = \"a\"\nmax_memory = \"32 MiB\"\n[memory]\npreset = \"minimal\"\n"),
      "f:3:14: max_memory is 32 MiB, and max_node, by preset \"minimal\" of f:5 is 16 MiB: a publisher could never "
      "have so much; lower max_memory, or raise the other");
  EXPECT_EQ(in_memory("prefault = false\npreallocate = true"),
            "f:2:12: prefault = false leaves the page faults that preallocate = true is to take away; remove one of "
            "the two");
}

TEST(Config, lays_a_preset_beneath_the_single_keys_and_lowers_what_is_open_to_the_limits) {
  const Config config =
      Config::parse("[memory]\npreset = \"standard\"\nmax_domain = \"512 MiB\"\nprefault = false\n", "f").value();
  const MemorySettings memory = config.domain_settings().memory;
  EXPECT_EQ(memory.max_domain, 512U << 20U);
  EXPECT_EQ(memory.max_node, 512U << 20U) << "1 GiB by the preset";
  EXPECT_EQ(memory.max_node_origin, "max_domain of f:3");
  EXPECT_FALSE(memory.prefault) << "true by the preset";
  EXPECT_EQ(config.topic_defaults().max_memory, 256U << 20U);

  const Config small = Config::parse("[memory]\nmax_node = \"1 MiB\"\n", "f").value();
  EXPECT_EQ(small.topic_defaults().max_memory, 1U << 20U);
  EXPECT_TRUE(Config::parse("[memory]\npreallocate = true\n", "f").value().domain_settings().memory.prefault);
}

TEST(Config, says_the_range_of_a_number_outside_of_it) {
  EXPECT_EQ(in_topic("depth = 0"), "f:3:9: depth is 0, allowed are 1 to 65536");
  EXPECT_EQ(in_topic("depth = 65537"), "f:3:9: depth is 65537, allowed are 1 to 65536");
  EXPECT_EQ(in_topic("history = -1"), "f:3:11: history is -1, allowed are 0 to 65536");
  EXPECT_EQ(in_topic("max_held = 0"), "f:3:12: max_held is 0, allowed are 1 to 65536");
  EXPECT_EQ(in_topic("max_loans = 1025"), "f:3:13: max_loans is 1025, allowed are 1 to 1024");
  EXPECT_EQ(in_topic("depth = 9223372036854775807"), "f:3:9: depth is 9223372036854775807, allowed are 1 to 65536");
  EXPECT_THAT(in_topic("depth = 99999999999999999999999999"), testing::StartsWith("f:3:"));
}

TEST(Config, names_the_nearest_of_an_unknown_choice) {
  EXPECT_EQ(in_topic("overflow = \"drop_oldset\""), "f:3:12: overflow is 'drop_oldset'; did you mean 'drop_oldest'?");
  EXPECT_EQ(in_topic("overflow = \"wait\""),
            "f:3:12: overflow is 'wait'; allowed are drop_oldest, drop_newest, reject, block");
  EXPECT_EQ(in_topic("profile = \"sensors\""), "f:3:11: profile is 'sensors'; did you mean 'sensor'?");
  EXPECT_EQ(in_topic("profile = \"reliable\""),
            "f:3:11: profile is 'reliable'; allowed are sensor, command, state, log");
  EXPECT_EQ(in_topic("stamp = \"none\""), "f:3:9: stamp is 'none'; allowed are tsc, monotonic, off");
  EXPECT_EQ(refusal("[log]\nlevel = \"warning\""),
            "f:2:9: level is 'warning'; allowed are off, fatal, error, warn, "
            "info, debug, trace");
  EXPECT_EQ(refusal("[log]\nlevel = \"wran\""), "f:2:9: level is 'wran'; did you mean 'warn'?");
}

TEST(Config, wants_a_unit_with_a_duration) {
  EXPECT_EQ(in_topic("block_timeout = 100"),
            "f:3:17: block_timeout is a number without a unit; write for example \"100 ms\"");
  EXPECT_EQ(in_topic("block_timeout = \"100\""), "f:3:17: block_timeout '100' has no unit; write for example '100 ms'");
  EXPECT_EQ(in_topic("block_timeout = \"1 day\""),
            "f:3:17: block_timeout '1 day' has an unknown unit; known are ns, us, ms, s, min, h");
  EXPECT_EQ(in_topic("block_timeout = \"2 h\""), "f:3:17: block_timeout is 2 h, at most 1 h is allowed");
  EXPECT_EQ(in_topic("block_timeout = true"), "f:3:17: block_timeout is a boolean, expected a string");
  EXPECT_EQ(in_topic("deadline = 100"), "f:3:12: deadline is a number without a unit; write for example \"100 ms\"");
  EXPECT_EQ(in_topic("deadline = \"25 h\""), "f:3:12: deadline is 25 h, at most 24 h is allowed");
  EXPECT_EQ(in_topic("deadline = \"10 us\""), "f:3:12: deadline is 10 us, at least 1 ms is needed, or 0 ms for none");
  EXPECT_EQ(in_topic("deadline = \"0 ms\""), "accepted");
  EXPECT_EQ(in_topic("lifespan = \"-1 s\""),
            "f:3:12: lifespan '-1 s' is not a number with a unit; write for example '100 ms'");
  EXPECT_EQ(in_topic("lifespan = \"25 h\""), "f:3:12: lifespan is 25 h, at most 24 h is allowed");
  EXPECT_EQ(in_topic("spin = \"11 ms\""), "f:3:8: spin is 11 ms, at most 10 ms is allowed");
  EXPECT_EQ(in_topic("spin = 5"), "f:3:8: spin is a number without a unit; write for example \"100 ms\"");
  EXPECT_EQ(in_topic("spin = \"off\""), "accepted");
  EXPECT_EQ(in_topic("spin = \"adaptive\""), "accepted");
  EXPECT_EQ(in_topic("notify = \"condvar\""),
            "f:3:10: notify is 'condvar'; allowed are futex, semaphore, socket, poll");
}

TEST(Config, refuses_names_that_cannot_be) {
  EXPECT_EQ(refusal("domain = \"a/b\""),
            "f:1:10: domain name 'a/b': has '/' at position 2, which is not allowed; use letters, digits, '_', '.' and "
            "'-'");
  EXPECT_EQ(in_topic("transport = \"SHM\""),
            "f:3:13: transport is 'SHM'; a transport's name is lower-case letters, digits and '_', and begins with a "
            "letter");
  EXPECT_EQ(refusal("[[topic]]\nmatch = \"a/b**\"\ndepth = 1\n"),
            "f:2:9: topic pattern 'a/b**': has '**' inside a segment at position 4; use '*' within a segment, or '**' "
            "as a segment of its own");
}

TEST(Config, refuses_what_contradicts_itself) {
  EXPECT_EQ(in_topic("overflow = \"reject\"\nblock_timeout = \"1 s\""),
            "f:4:17: block_timeout has no effect with overflow = \"reject\"; remove it, or set overflow = \"block\"");
  EXPECT_EQ(in_topic("block_timeout = \"1 s\""), "accepted");
  EXPECT_EQ(
      in_topic("history = 0\nlatched = true"),
      "f:4:11: latched = true has nothing to keep with history = 0; set history to at least 1, or remove latched");
  EXPECT_EQ(in_topic("latched = true"), "accepted");
  EXPECT_EQ(in_topic("history = 0\nlatched = false"), "accepted");
  EXPECT_EQ(in_topic("stamp = \"off\"\ndeadline = \"1 s\"\nlifespan = \"1 s\""),
            "f:4:12: deadline needs stamps, and stamp is \"off\"; set stamp = \"tsc\" or \"monotonic\", or remove "
            "deadline\n"
            "f:5:12: lifespan needs stamps, and stamp is \"off\"; set stamp = \"tsc\" or \"monotonic\", or remove "
            "lifespan");
  EXPECT_EQ(in_topic("stamp = \"off\"\ndeadline = \"0 s\""), "accepted");
  EXPECT_EQ(in_topic("stamp = \"monotonic\"\nlifespan = \"1 s\""), "accepted");
  EXPECT_EQ(refusal("[[topic]]\nmatch = \"a\"\n"),
            "f:1:1: this [[topic]] sets nothing; add a setting or remove the section");
  EXPECT_EQ(refusal("[[topic]]\ndepth = 1\n"),
            "f:1:1: this [[topic]] has no match; add for example match = "
            "\"camera/**\"");
}

TEST(Config, refuses_sections_that_can_never_apply) {
  const auto two = [](const char* first, const char* second) {
    return refusal(
        fmt::format("[[topic]]\nmatch = \"{}\"\ndepth = 1\n[[topic]]\nmatch = \"{}\"\ndepth = 2\n", first, second));
  };
  EXPECT_EQ(two("a/*", "a/*"),
            "f:5:9: match 'a/*' is that of f:1 too; the first section that fits wins: merge the two");
  EXPECT_EQ(
      two("**", "a"),
      "f:5:9: this [[topic]] never applies: '**' of f:1 fits whatever 'a' does; put this section before that one");
  EXPECT_THAT(two("**", "camera/**"), HasSubstr("never applies"));
  EXPECT_THAT(two("camera/**", "camera/front"), HasSubstr("never applies"));
  EXPECT_THAT(two("camera/**", "camera/*"), HasSubstr("never applies"));
  EXPECT_EQ(two("camera/*", "camera/**"), "accepted");
  EXPECT_EQ(two("camera/front", "camera/**"), "accepted");
  EXPECT_EQ(two("*/a", "b/*"), "accepted");
}

TEST(Config, reports_all_problems_at_once_in_the_order_of_the_file) {
  EXPECT_EQ(refusal(R"(domain = 3
[[topic]]
match = "a"
stamp = "never"
depth = 0
[log]
lvl = "warn"
)"),
            "f:1:10: domain is an integer, expected a string\n"
            "f:4:9: stamp is 'never'; allowed are tsc, monotonic, off\n"
            "f:5:9: depth is 0, allowed are 1 to 65536\n"
            "f:7:1: unknown key 'lvl' in [log]; allowed are level");
}

TEST(Config, prints_a_hostile_value_on_one_short_line) {
  const std::string text = in_topic("overflow = \"a\\nb\\u0000" + std::string(500, 'x') + "\"");
  EXPECT_THAT(text, testing::StartsWith("f:3:12: overflow is 'a?b?xxx"));
  EXPECT_THAT(text, testing::Not(HasSubstr("\n")));
  EXPECT_LT(text.size(), 250U);
}

TEST(Config, refuses_text_that_is_not_utf8) {
  EXPECT_EQ(refusal("# caf\xE9\n"), "f:1:6: byte 0xe9 is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(refusal("# ok \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\n"), "accepted");
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80", "\xF0\x80\x80\x80"}) {
    EXPECT_THAT(refusal(std::string("# ") + bad), HasSubstr("f:1:3: byte 0x")) << bad;
  }
  EXPECT_EQ(refusal(std::string_view("#\0", 2)), "f:1:2: control character 0x00; remove it");
  EXPECT_EQ(refusal("# a\rb"), "f:1:4: control character 0x0d; remove it");
}

TEST(Config, survives_deep_nesting) {
  const auto repeated = [](const char* part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  EXPECT_EQ(refusal("[" + repeated("a.", 300'000) + "a]\n"), "f:1:67: nested too deeply; no key is like this");
  EXPECT_EQ(refusal("a = " + repeated("[", 500'000)), "f:1:21: nested too deeply; no key is like this");
  EXPECT_THAT(refusal("a = " + repeated("{b=\n", 200'000)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("a = " + repeated("[{a.b.c.d.e.f.g.h=[\n", 200)), HasSubstr("nested too deeply"));
  EXPECT_EQ(refusal("a = \"\"\"x\n\"\"\""),
            "f:1:5: a string over several lines is not used here; write it in one line");
  EXPECT_EQ(refusal("# " + repeated(".[", 1'000)), "accepted");
  EXPECT_THAT(refusal("domain = \"" + repeated(".", 60) + "\""), "accepted");
}

TEST(Config, survives_random_damage) {
  const std::string good = R"(domain = "d"
[log]
level = "warn"
[[topic]]
match = "a/*"
block_timeout = "1 s"
depth = 2
topic.x = { a = [1, 2.5, 1979-05-27T07:32:00Z], 'b' = inf }
)";
  std::mt19937 random(7);
  const std::string_view bytes = "\"'[]{}=.#,\n\r\t \\abu0123456789-+_eTZ:\xC3\xA9\x7F";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (std::size_t n = 0; n < 1 + random() % 8; ++n) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = bytes[random() % bytes.size()]; break;
        case 1: text.erase(at, random() % 4); break;
        default: text.insert(at, 1 + random() % 3, bytes[random() % bytes.size()]); break;
      }
      if (text.empty()) text = " ";
    }
    static_cast<void>(Config::parse(text, "f"));
  }
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    char path[] = "/tmp/baton_config_test_XXXXXX";
    directory_ = ::mkdtemp(path);
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(directory_);
    ::unsetenv("BATON_CONFIG");
  }
  ~ConfigFile() override {
    ::unsetenv("BATON_CONFIG");
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(directory_);
  }
  static void write(const std::string& name, std::string_view text) { std::ofstream(name) << text; }

  std::filesystem::path directory_, before_;
};

TEST_F(ConfigFile, is_found_by_the_environment_then_in_the_working_directory_then_built_in) {
  EXPECT_EQ(Config::find().value().file(), "");
  write("baton.toml", "domain = \"here\"\n");
  EXPECT_EQ(Config::find().value().domain(), "here");
  EXPECT_EQ(Config::find().value().file(), "baton.toml");
  write("other.toml", "domain = \"other\"\n");
  ::setenv("BATON_CONFIG", "other.toml", 1);
  EXPECT_EQ(Config::find().value().domain(), "other");
  ::setenv("BATON_CONFIG", "", 1);
  EXPECT_EQ(Config::find().value().domain(), "here");
}

TEST_F(ConfigFile, that_the_environment_names_must_exist) {
  ::setenv("BATON_CONFIG", "missing.toml", 1);
  const auto config = Config::find();
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(),
            "BATON_CONFIG=missing.toml: the file cannot be found (No such file or directory); correct the variable or "
            "unset it");
}

TEST_F(ConfigFile, is_refused_if_it_is_no_plain_readable_file) {
  EXPECT_EQ(Config::load("none.toml").error().message(),
            "none.toml: cannot be opened (No such file or directory); check the path and its permissions");
  std::filesystem::create_directory("baton.toml");
  EXPECT_EQ(Config::find().error().message(),
            "baton.toml: is a directory; name the file in it, as in 'directory/baton.toml'");
  ASSERT_EQ(::mkfifo("pipe.toml", 0600), 0);
  EXPECT_EQ(Config::load("pipe.toml").error().message(), "pipe.toml: is not a regular file; name a plain file");
  EXPECT_EQ(Config::load("none.toml").error().code(), Errc::invalid_config);
}

TEST_F(ConfigFile, is_refused_if_it_may_not_be_read) {
  write("secret.toml", "");
  ::chmod("secret.toml", 0);
  const uid_t user = ::geteuid();
  if (user == 0) {  // who may read every file
    ASSERT_EQ(::seteuid(65'534), 0);
  }
  const auto config = Config::load("secret.toml");
  if (user == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(),
            "secret.toml: cannot be opened (Permission denied); check the path and its permissions");
}

TEST_F(ConfigFile, may_be_one_mebibyte_long_and_no_longer) {
  write("large.toml", "#" + std::string((1U << 20U) - 1, 'x'));
  EXPECT_TRUE(Config::load("large.toml"));
  write("large.toml", "#" + std::string(1U << 20U, 'x'));
  EXPECT_EQ(Config::load("large.toml").error().message(),
            "large.toml: is larger than 1 MiB; is it a baton configuration file?");
}

TEST_F(ConfigFile, is_named_in_its_errors_and_origins_as_it_was_given) {
  write("a.toml", "[[topic]]\nmatch = \"**\"\ndepth = 3\n");
  EXPECT_EQ(Config::load("./a.toml").value().topic("x").origin, "./a.toml:1");
  write("a.toml", "x = 1\n");
  EXPECT_THAT(Config::load("./a.toml").error().message(), testing::StartsWith("./a.toml:1:1: unknown key 'x'"));
}

}  // namespace
}  // namespace baton
