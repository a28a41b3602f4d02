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
  const Qos qos = resolve(overlay(lower, upper), "topic 'a'").value();
  EXPECT_EQ(qos.transport, "shm");
  EXPECT_EQ(qos.depth, 5U);
  EXPECT_EQ(qos.overflow, Overflow::block);
  EXPECT_EQ(qos.block_timeout, 2s);
  EXPECT_EQ(qos.history, 2U);
  EXPECT_EQ(qos.max_held, 6U);
  EXPECT_EQ(qos.max_loans, 7U);
  EXPECT_EQ(qos.stamp, Stamp::off);
  EXPECT_EQ(qos.max_memory, 4096U);
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
        Refusal{with(&QosSettings::max_memory, 1'023), "max_memory is 1023 B; allowed are 1 KiB to 1 TiB"},
        Refusal{with(&QosSettings::max_memory, Qos::kMaxMemory + 1),
                "max_memory is 1099511627777 B; allowed are 1 KiB to 1 TiB"},
        Refusal{with(&QosSettings::block_timeout, -1ns), "block_timeout is -1 ns; allowed are 0 to 1 h"},
        Refusal{with(&QosSettings::block_timeout, 1h + 1ns), "block_timeout is 3600000000001 ns; allowed are 0 to 1 h"},
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
}

}  // namespace
}  // namespace baton
