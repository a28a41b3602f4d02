#include "baton/qos.hpp"

#include <type_traits>

#include <gmock/gmock.h>

namespace baton {
namespace {

using namespace std::chrono_literals;

// Settings of which only one is set.
template <class T>
QosSettings with(std::optional<T> QosSettings::*member, std::type_identity_t<T> value) {
  QosSettings settings;
  settings.*member = std::move(value);
  return settings;
}

TEST(Qos, resolves_nothing_to_the_built_in_defaults) {
  const Qos qos = resolve({}, "topic 'a'").value();
  EXPECT_EQ(qos.transport, "auto");
  EXPECT_EQ(qos.depth, 8U);
  EXPECT_EQ(qos.overflow, Overflow::drop_oldest);
  EXPECT_EQ(qos.block_timeout, 100ms);
  EXPECT_EQ(qos.history, 0U);
  EXPECT_EQ(qos.max_held, 8U);
  EXPECT_EQ(qos.max_loans, 4U);
  EXPECT_EQ(qos.stamp, Stamp::tsc);
  EXPECT_EQ(qos.max_memory, 1U << 30U);
  EXPECT_EQ(qos.capacity, 64U << 20U);
  EXPECT_EQ(qos.checksum, Checksum::none);
  EXPECT_EQ(qos.deadline, 0ns);
  EXPECT_EQ(qos.lifespan, 0ns);
  EXPECT_FALSE(qos.latched);
}

TEST(Qos, lays_the_upper_settings_over_the_lower_ones_one_by_one) {
  QosSettings lower;
  lower.transport = "shm";
  lower.depth = 3;
  lower.overflow = Overflow::block;
  lower.history = 2;
  QosSettings upper;
  upper.depth = 5;
  upper.block_timeout = 2s;
  upper.max_held = 6;
  upper.max_loans = 7;
  upper.stamp = Stamp::off;
  upper.max_memory = 4096;
  lower.deadline = 5s;
  upper.deadline = 10ms;
  lower.lifespan = 6s;
  lower.latched = true;
  upper.stamp = Stamp::monotonic;
  const Qos qos = resolve(overlay(lower, upper), "topic 'a'").value();
  EXPECT_EQ(qos.transport, "shm");
  EXPECT_EQ(qos.depth, 5U);
  EXPECT_EQ(qos.overflow, Overflow::block);
  EXPECT_EQ(qos.block_timeout, 2s);
  EXPECT_EQ(qos.history, 2U);
  EXPECT_EQ(qos.max_held, 6U);
  EXPECT_EQ(qos.max_loans, 7U);
  EXPECT_EQ(qos.stamp, Stamp::monotonic);
  EXPECT_EQ(qos.max_memory, 4096U);
  EXPECT_EQ(qos.deadline, 10ms);
  EXPECT_EQ(qos.lifespan, 6s);
  EXPECT_TRUE(qos.latched);
}

TEST(Qos, takes_the_profile_of_the_uppermost_layer_in_place_of_the_built_in_defaults) {
  EXPECT_EQ(resolve({.profile = Profile::command}, "a").value().overflow, Overflow::block);
  const QosSettings lower{.depth = 3, .profile = Profile::command};
  const Qos qos = resolve(overlay(lower, {.profile = Profile::state}), "a").value();
  EXPECT_EQ(qos.overflow, Overflow::drop_oldest) << "nothing is left of the other profile";
  EXPECT_EQ(qos.history, 1U);
  EXPECT_TRUE(qos.latched);
  EXPECT_EQ(qos.depth, 3U) << "an explicit setting of a lower layer lies above a profile of an upper one";
  EXPECT_EQ(resolve(overlay({.profile = Profile::log}, {.depth = 5}), "a").value().depth, 5U);
}

TEST(Qos, asks_for_what_is_explicit_and_not_for_what_a_profile_says) {
  EXPECT_EQ(asks_of({.depth = 3, .profile = Profile::command}), QosAsks{});
  EXPECT_EQ(asks_of({.overflow = Overflow::block, .history = 0, .deadline = 0ns, .lifespan = 1s, .latched = false}),
            (QosAsks{true, true, true, true, true}));
  EXPECT_EQ(asks_of({.lifespan = 1s}), QosAsks{.lifespan = true});
}

TEST(Qos, keeps_one_message_of_a_latched_port_whose_history_is_left_open) {
  EXPECT_EQ(resolve({.latched = true}, "a").value().history, 1U);
  EXPECT_EQ(resolve({.latched = true, .profile = Profile::sensor}, "a").value().history, 1U);
  EXPECT_EQ(resolve({.history = 4, .latched = true}, "a").value().history, 4U);
  EXPECT_EQ(resolve({.latched = false}, "a").value().history, 0U);
}

TEST(Qos, lets_settings_go_together_that_only_seem_to_contradict_each_other) {
  EXPECT_TRUE(resolve({.stamp = Stamp::off, .deadline = 0ns, .lifespan = 0ns}, "a"));
  EXPECT_TRUE(resolve({.history = 0, .latched = false, .profile = Profile::state}, "a"));
  EXPECT_TRUE(resolve({.overflow = Overflow::reject, .block_timeout = 1s}, "a")) << "of two layers, perhaps";
}

TEST(Qos, accepts_both_ends_of_every_range) {
  for (const std::uint32_t depth : {1U, Qos::kMaxDepth}) {
    EXPECT_TRUE(resolve(with(&QosSettings::depth, depth), "a"));
  }
  for (const std::uint32_t history : {0U, Qos::kMaxHistory}) {
    EXPECT_TRUE(resolve(with(&QosSettings::history, history), "a"));
  }
  for (const std::uint32_t held : {1U, Qos::kMaxHeld}) {
    EXPECT_TRUE(resolve(with(&QosSettings::max_held, held), "a"));
  }
  for (const std::uint32_t loans : {1U, Qos::kMaxLoans}) {
    EXPECT_TRUE(resolve(with(&QosSettings::max_loans, loans), "a"));
  }
  for (const std::uint64_t memory : {Qos::kMinMemory, Qos::kMaxMemory}) {
    EXPECT_TRUE(resolve(with(&QosSettings::max_memory, memory), "a"));
  }
  for (const std::chrono::nanoseconds timeout : {0ns, Qos::kMaxBlockTimeout}) {
    EXPECT_TRUE(resolve(with(&QosSettings::block_timeout, timeout), "a"));
  }
  for (const std::chrono::nanoseconds deadline : {0ns, Qos::kMinDeadline, Qos::kMaxDeadline}) {
    EXPECT_TRUE(resolve(with(&QosSettings::deadline, deadline), "a"));
  }
  for (const std::chrono::nanoseconds lifespan : {0ns, 1ns, Qos::kMaxLifespan}) {
    EXPECT_TRUE(resolve(with(&QosSettings::lifespan, lifespan), "a"));
  }
}

struct Refusal {
  QosSettings settings;
  const char* message;
};

class QosRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(QosRefusal, names_the_port_the_key_the_value_and_the_range) {
  const auto result = resolve(GetParam().settings, "publisher 'imu/raw'");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::invalid_argument);
  EXPECT_EQ(result.error().message(), std::string("publisher 'imu/raw': ") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Qos, QosRefusal,
    testing::Values(
        Refusal{with(&QosSettings::depth, 0), "depth is 0; allowed are 1 to 65536"},
        Refusal{with(&QosSettings::depth, 65'537), "depth is 65537; allowed are 1 to 65536"},
        Refusal{with(&QosSettings::history, 65'537), "history is 65537; allowed are 0 to 65536"},
        Refusal{with(&QosSettings::max_held, 0), "max_held is 0; allowed are 1 to 65536"},
        Refusal{with(&QosSettings::max_held, 65'537), "max_held is 65537; allowed are 1 to 65536"},
        Refusal{with(&QosSettings::max_loans, 0), "max_loans is 0; allowed are 1 to 1024"},
        Refusal{with(&QosSettings::max_loans, 1'025), "max_loans is 1025; allowed are 1 to 1024"},
        Refusal{with(&QosSettings::capacity, 4'095), "capacity is 4095 B; allowed are 4 KiB to 1 TiB"},
        Refusal{with(&QosSettings::checksum, static_cast<Checksum>(9)),
                "checksum is the number 9; allowed are none, crc32c"},
        Refusal{with(&QosSettings::max_memory, 1'023), "max_memory is 1023 B; allowed are 1 KiB to 1 TiB"},
        Refusal{with(&QosSettings::max_memory, Qos::kMaxMemory + 1),
                "max_memory is 1099511627777 B; allowed are 1 KiB to 1 TiB"},
        Refusal{with(&QosSettings::block_timeout, -1ns), "block_timeout is -1 ns; allowed are 0 to 1 h"},
        Refusal{with(&QosSettings::block_timeout, 1h + 1ns), "block_timeout is 3600000000001 ns; allowed are 0 to 1 h"},
        Refusal{with(&QosSettings::deadline, -1ns), "deadline is -1 ns; allowed are 0, for none, and 1 ms to 24 h"},
        Refusal{with(&QosSettings::deadline, 1ms - 1ns),
                "deadline is 999999 ns; allowed are 0, for none, and 1 ms to 24 h"},
        Refusal{with(&QosSettings::deadline, 25h), "deadline is 25 h; allowed are 0, for none, and 1 ms to 24 h"},
        Refusal{with(&QosSettings::lifespan, -1ns), "lifespan is -1 ns; allowed are 0 to 24 h"},
        Refusal{with(&QosSettings::lifespan, 25h), "lifespan is 25 h; allowed are 0 to 24 h"},
        Refusal{with(&QosSettings::profile, static_cast<Profile>(8)),
                "profile is the number 8; allowed are sensor, command, state, log"},
        Refusal{{.history = 0, .latched = true},
                "latched is true and history is 0: there would be nothing to keep; set history to at least 1, or "
                "latched to false"},
        Refusal{{.history = 0, .profile = Profile::state},
                "latched is true, by profile state, and history is 0: there would be nothing to keep; set history to "
                "at least 1, or latched to false"},
        Refusal{{.stamp = Stamp::off, .deadline = 1s},
                "deadline is 1 s and stamp is off, but it needs stamps; set stamp to tsc or monotonic, or deadline to "
                "0"},
        Refusal{{.stamp = Stamp::off, .lifespan = 20ms},
                "lifespan is 20 ms and stamp is off, but it needs stamps; set stamp to tsc or monotonic, or lifespan "
                "to 0"},
        Refusal{with(&QosSettings::transport, ""),
                "transport is ''; a transport's name is lower-case letters, digits and '_', and begins with a letter"},
        Refusal{with(&QosSettings::transport, "Shm"),
                "transport is 'Shm'; a transport's name is lower-case letters, digits and '_', and begins with a "
                "letter"},
        Refusal{with(&QosSettings::overflow, static_cast<Overflow>(9)),
                "overflow is the number 9; allowed are drop_oldest, drop_newest, reject, block"},
        Refusal{with(&QosSettings::stamp, static_cast<Stamp>(7)),
                "stamp is the number 7; allowed are tsc, monotonic, off"}));

TEST(Qos, spells_its_enumerators_as_the_configuration_file_does) {
  EXPECT_EQ(to_string(Overflow::drop_oldest), "drop_oldest");
  EXPECT_EQ(to_string(Overflow::drop_newest), "drop_newest");
  EXPECT_EQ(to_string(Overflow::reject), "reject");
  EXPECT_EQ(to_string(Overflow::block), "block");
  EXPECT_EQ(to_string(Stamp::tsc), "tsc");
  EXPECT_EQ(to_string(Stamp::monotonic), "monotonic");
  EXPECT_EQ(to_string(Stamp::off), "off");
  EXPECT_EQ(to_string(Profile::sensor), "sensor");
  EXPECT_EQ(to_string(Profile::command), "command");
  EXPECT_EQ(to_string(Profile::state), "state");
  EXPECT_EQ(to_string(Profile::log), "log");
}

}  // namespace
}  // namespace baton
