#include "rates.hpp"

#include <gtest/gtest.h>

namespace sysmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

void add_interface(Io& io, std::string_view name, std::uint64_t received, std::uint64_t sent) {
  Interface interface {};
  interface.name = name;
  interface.received_bytes = received;
  interface.sent_bytes = sent;
  io.interfaces.push_back(interface);
}

void add_disk(Io& io, std::string_view name, std::uint64_t read, std::uint64_t busy_ms) {
  Disk disk{};
  disk.name = name;
  disk.read_bytes = read;
  disk.busy_ms = busy_ms;
  io.disks.push_back(disk);
}

TEST(CounterDelta, is_the_difference) {
  EXPECT_EQ(counter_delta(5, 12), 7u);
  EXPECT_EQ(counter_delta(5, 5), 0u);
  EXPECT_EQ(counter_delta(0, UINT64_MAX), UINT64_MAX);
}

TEST(CounterDelta, goes_on_over_the_end_of_32_bits) {
  EXPECT_EQ(counter_delta(0xffff'ff00, 0x10), 0x110u);
  EXPECT_EQ(counter_delta(0xffff'ffff, 0), 1u);
}

TEST(CounterDelta, is_nothing_where_a_counter_went_backward_or_began_anew) {
  EXPECT_EQ(counter_delta(1'000, 999), 0u);
  EXPECT_EQ(counter_delta(0x8000'0000, 3), 0u);
  EXPECT_EQ(counter_delta(0x1'0000'0001, 3), 0u);
  EXPECT_EQ(counter_delta(UINT64_MAX, 0), 0u);
}

TEST(CpuShare, splits_the_ticks_between_two_readings) {
  CpuTicks from{};
  CpuTicks to{};
  from.idle = 1'000;
  to.idle = 1'050;  // 50
  to.user = 20;     // user 25
  to.nice = 5;
  to.system = 10;  // system 15
  to.irq = 2;
  to.softirq = 3;
  to.steal = 4;
  to.iowait = 6;
  const auto share = cpu_share(from, to);
  ASSERT_TRUE(share);
  EXPECT_DOUBLE_EQ(share->busy, 44);
  EXPECT_DOUBLE_EQ(share->user, 25);
  EXPECT_DOUBLE_EQ(share->system, 15);
  EXPECT_DOUBLE_EQ(share->iowait, 6);
}

TEST(CpuShare, is_unknown_if_no_tick_has_passed) { EXPECT_FALSE(cpu_share(CpuTicks{}, CpuTicks{})); }

TEST(CpuShare, ignores_a_counter_that_went_backward) {
  CpuTicks from{};
  CpuTicks to{};
  from.iowait = 100;
  to.iowait = 99;
  to.user = 10;
  to.idle = 10;
  EXPECT_DOUBLE_EQ(cpu_share(from, to)->busy, 50);
  EXPECT_DOUBLE_EQ(cpu_share(from, to)->iowait, 0);
}

TEST(MemoryPercent, counts_what_is_not_available) {
  Memory memory{};
  EXPECT_DOUBLE_EQ(memory_percent(memory), 0);
  memory.total_bytes = 1'000;
  memory.available_bytes = 250;
  EXPECT_DOUBLE_EQ(memory_percent(memory), 75);
  memory.available_bytes = 2'000;
  EXPECT_DOUBLE_EQ(memory_percent(memory), 0);
}

TEST(InterfaceRates, are_by_name_and_per_second) {
  Io from{};
  Io to{};
  from.stamp_ns = kSecond;
  to.stamp_ns = 3 * kSecond;
  add_interface(from, "gone", 1, 1);
  add_interface(from, "eth0", 100, 1'000);
  add_interface(to, "eth0", 300, 5'000);
  add_interface(to, "new", 1'000'000, 0);
  const auto rates = interface_rates(from, to);
  ASSERT_EQ(rates.size(), 1u);
  EXPECT_EQ(rates[0].name, "eth0");
  EXPECT_DOUBLE_EQ(rates[0].received_per_second, 100);
  EXPECT_DOUBLE_EQ(rates[0].sent_per_second, 2'000);
}

TEST(DiskRates, are_at_most_fully_busy) {
  Io from{};
  Io to{};
  to.stamp_ns = kSecond;
  add_disk(from, "sda", 0, 0xffff'ffff - 99);
  add_disk(from, "sdb", 0, 0);
  add_disk(to, "sda", 512, 400);
  add_disk(to, "sdb", 0, 1'010);
  const auto rates = disk_rates(from, to);
  ASSERT_EQ(rates.size(), 2u);
  EXPECT_DOUBLE_EQ(rates[0].read_per_second, 512);
  EXPECT_DOUBLE_EQ(rates[0].busy_percent, 50);
  EXPECT_DOUBLE_EQ(rates[1].busy_percent, 100);
}

TEST(Rates, are_unknown_if_no_time_has_passed) {
  Io io{};
  io.stamp_ns = kSecond;
  add_interface(io, "eth0", 1, 1);
  add_disk(io, "sda", 1, 1);
  EXPECT_TRUE(interface_rates(io, io).empty());
  EXPECT_TRUE(disk_rates(io, io).empty());
}

}  // namespace
}  // namespace sysmon
