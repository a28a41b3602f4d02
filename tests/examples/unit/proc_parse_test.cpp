#include "proc_parse.hpp"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sysmon {
namespace {

using namespace std::string_view_literals;

TEST(ParseStat, reads_the_total_and_each_core) {
  Cpu cpu{};
  parse_stat(
      "cpu  4031 7 2643 307805 1327 3 48 13 0 0\n"
      "cpu0 1498 0 862 155574 50 0 11 2 0 0\n"
      "cpu1 2533 7 1781 152230 1277 3 36 10 0 0\n"
      "intr 263946 0 0\nctxt 516797\nbtime 1700000000\n",
      cpu);
  EXPECT_EQ(cpu.source, Source::READ);
  EXPECT_EQ(cpu.total.user, 4031u);
  EXPECT_EQ(cpu.total.nice, 7u);
  EXPECT_EQ(cpu.total.system, 2643u);
  EXPECT_EQ(cpu.total.idle, 307805u);
  EXPECT_EQ(cpu.total.iowait, 1327u);
  EXPECT_EQ(cpu.total.irq, 3u);
  EXPECT_EQ(cpu.total.softirq, 48u);
  EXPECT_EQ(cpu.total.steal, 13u);
  ASSERT_EQ(cpu.cores.size(), 2u);
  EXPECT_EQ(cpu.cores[1].number, 1u);
  EXPECT_EQ(cpu.cores[1].ticks.user, 2533u);
  EXPECT_EQ(cpu.left_out, 0u);
}

TEST(ParseStat, keeps_the_numbers_of_cores_when_some_are_switched_off) {
  Cpu cpu{};
  parse_stat("cpu 1 2 3 4\ncpu0 1 2 3 4\ncpu7 5 6 7 8\n", cpu);
  ASSERT_EQ(cpu.cores.size(), 2u);
  EXPECT_EQ(cpu.cores[1].number, 7u);
}

TEST(ParseStat, takes_what_an_old_kernel_has) {
  Cpu cpu{};
  parse_stat("cpu  10 20 30 40\ncpu0 10 20 30 40", cpu);
  EXPECT_EQ(cpu.source, Source::READ);
  EXPECT_EQ(cpu.total.idle, 40u);
  EXPECT_EQ(cpu.total.iowait, 0u);
  EXPECT_EQ(cpu.cores.size(), 1u);
}

TEST(ParseStat, counts_the_cores_that_it_has_no_room_for) {
  std::string text = "cpu 1 2 3 4\n";
  for (unsigned core = 0; core < MAX_CPUS + 5; ++core) text += fmt::format("cpu{} 1 2 3 4\n", core);
  Cpu cpu{};
  parse_stat(text, cpu);
  EXPECT_EQ(cpu.cores.size(), MAX_CPUS);
  EXPECT_EQ(cpu.left_out, 5u);
}

TEST(ParseStat, passes_over_lines_that_it_does_not_understand) {
  Cpu cpu{};
  parse_stat("cpu  1 2 three 4\ncpufreq 1 2 3 4\ncpu0 1 2 3\ncpu1 -1 2 3 4\ncpu2 99999999999999999999 2 3 4\n\n\n",
             cpu);
  EXPECT_EQ(cpu.source, Source::MALFORMED);
  EXPECT_EQ(cpu.cores.size(), 0u);
}

TEST(ParseStat, calls_nothing_at_all_malformed) {
  Cpu cpu{};
  parse_stat("", cpu);
  EXPECT_EQ(cpu.source, Source::MALFORMED);
}

TEST(ParseLoadavg, reads_three_averages) {
  Cpu cpu{};
  parse_loadavg("0.34 1.08 12.02 8/94 9274\n", cpu);
  EXPECT_DOUBLE_EQ(cpu.load[0], 0.34);
  EXPECT_DOUBLE_EQ(cpu.load[1], 1.08);
  EXPECT_DOUBLE_EQ(cpu.load[2], 12.02);
}

TEST(ParseLoadavg, gives_zero_for_what_is_not_there) {
  Cpu cpu{};
  parse_loadavg("0.5 x", cpu);
  EXPECT_DOUBLE_EQ(cpu.load[0], 0.5);
  EXPECT_DOUBLE_EQ(cpu.load[1], 0);
  EXPECT_DOUBLE_EQ(cpu.load[2], 0);
}

TEST(ParseMeminfo, reads_kibibytes_as_bytes) {
  Memory memory{};
  parse_meminfo(
      "MemTotal:       24684084 kB\nMemFree:        23972412 kB\nMemAvailable:   24318236 kB\n"
      "Buffers:            2644 kB\nCached:           495084 kB\nSwapCached:            7 kB\n"
      "SwapTotal:          2048 kB\nSwapFree:           1024 kB\nDirty:             96124 kB\n"
      "HugePages_Total:       0\n",
      memory);
  EXPECT_EQ(memory.source, Source::READ);
  EXPECT_EQ(memory.total_bytes, 24684084ull * 1024);
  EXPECT_EQ(memory.free_bytes, 23972412ull * 1024);
  EXPECT_EQ(memory.available_bytes, 24318236ull * 1024);
  EXPECT_EQ(memory.buffers_bytes, 2644ull * 1024);
  EXPECT_EQ(memory.cached_bytes, 495084ull * 1024);
  EXPECT_EQ(memory.dirty_bytes, 96124ull * 1024);
  EXPECT_EQ(memory.swap_total_bytes, 2048ull * 1024);
  EXPECT_EQ(memory.swap_free_bytes, 1024ull * 1024);
}

TEST(ParseMeminfo, estimates_what_an_old_kernel_does_not_say) {
  Memory memory{};
  parse_meminfo("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 3 kB\n", memory);
  EXPECT_EQ(memory.available_bytes, 123u * 1024);
}

TEST(ParseMeminfo, never_has_more_available_than_there_is) {
  Memory memory{};
  parse_meminfo("MemTotal: 1000 kB\nMemAvailable: 5000 kB\n", memory);
  EXPECT_EQ(memory.available_bytes, 1000u * 1024);
}

TEST(ParseMeminfo, passes_over_what_is_no_number) {
  Memory memory{};
  parse_meminfo("MemTotal: lots kB\nMemFree:\nMemFree: 18446744073709551615 kB\n", memory);
  EXPECT_EQ(memory.source, Source::MALFORMED);
  EXPECT_EQ(memory.free_bytes, 0u);
}

constexpr std::string_view kNetHeading =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier\n";

TEST(ParseNetDev, reads_each_interface) {
  Io io{};
  parse_net_dev(std::string(kNetHeading) +
                    "    lo:    3293      31    0    0    0     0          0         0     3293"
                    "      31    0    0    0     0       0          0\n"
                    "  eth0:115901470    3743    1    2    0     0          0         0   243323"
                    "    3041    3    4    0     0       0          0\n",
                io);
  EXPECT_EQ(io.interfaces_source, Source::READ);
  ASSERT_EQ(io.interfaces.size(), 2u);
  EXPECT_EQ(io.interfaces[0].name, "lo");
  EXPECT_EQ(io.interfaces[1].name, "eth0");
  EXPECT_EQ(io.interfaces[1].received_bytes, 115901470u);
  EXPECT_EQ(io.interfaces[1].received_packets, 3743u);
  EXPECT_EQ(io.interfaces[1].receive_errors, 3u);
  EXPECT_EQ(io.interfaces[1].sent_bytes, 243323u);
  EXPECT_EQ(io.interfaces[1].sent_packets, 3041u);
  EXPECT_EQ(io.interfaces[1].send_errors, 7u);
}

TEST(ParseNetDev, passes_over_lines_that_are_cut_off_or_have_no_name) {
  Io io{};
  parse_net_dev(std::string(kNetHeading) + " : 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n eth0: 1 2 3 4 5\n eth1:", io);
  EXPECT_EQ(io.interfaces_source, Source::MALFORMED);
  EXPECT_EQ(io.interfaces.size(), 0u);
}

TEST(ParseNetDev, counts_the_interfaces_that_it_has_no_room_for) {
  std::string text(kNetHeading);
  for (unsigned veth = 0; veth < MAX_INTERFACES + 3; ++veth)
    text += fmt::format("veth{}: 1 2 3 4 5 6 7 8 9 10 11 12\n", veth);
  Io io{};
  parse_net_dev(text, io);
  EXPECT_EQ(io.interfaces.size(), MAX_INTERFACES);
  EXPECT_EQ(io.interfaces_left_out, 3u);
}

TEST(ParseNetDev, cuts_a_name_that_is_too_long) {
  Io io{};
  parse_net_dev(std::string(100, 'x') + ": 1 2 3 4 5 6 7 8 9 10 11 12\n", io);
  ASSERT_EQ(io.interfaces.size(), 1u);
  EXPECT_EQ(io.interfaces[0].name, std::string(MAX_NAME, 'x'));
}

TEST(ParseDiskstats, reads_what_was_ever_used) {
  Io io{};
  parse_diskstats(
      "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
      " 254       0 vda 93098 30442 4456554 27856 13436 14877 894616 4153 0 15692 32288 3822 40 237072 239\n"
      " 254       1 vda1 9 0 90 0 5 0 50 0 0 7 0\n"
      " 253       0 zram0 0 0 0 0 1 0 8 0 0 0 0\n",
      io);
  EXPECT_EQ(io.disks_source, Source::READ);
  ASSERT_EQ(io.disks.size(), 3u);
  EXPECT_EQ(io.disks[0].name, "vda");
  EXPECT_EQ(io.disks[0].kind, DiskKind::PHYSICAL);
  EXPECT_EQ(io.disks[0].reads, 93098u);
  EXPECT_EQ(io.disks[0].read_bytes, 4456554u * 512);
  EXPECT_EQ(io.disks[0].writes, 13436u);
  EXPECT_EQ(io.disks[0].written_bytes, 894616u * 512);
  EXPECT_EQ(io.disks[0].busy_ms, 15692u);
  EXPECT_EQ(io.disks[1].kind, DiskKind::PARTITION);
  EXPECT_EQ(io.disks[2].kind, DiskKind::VIRTUAL);
}

TEST(ParseDiskstats, accepts_a_machine_without_disks) {
  Io io{};
  parse_diskstats("", io);
  EXPECT_EQ(io.disks_source, Source::READ);
}

TEST(ParseDiskstats, passes_over_the_short_lines_of_old_partitions_and_accepts_a_negative_queue) {
  Io io{};
  parse_diskstats("   8 1 sda1 1 2 3 4\n   8 0 sda 1 2 3 4 5 6 7 8 -1 10 11\n", io);
  ASSERT_EQ(io.disks.size(), 1u);
  EXPECT_EQ(io.disks[0].name, "sda");
  EXPECT_EQ(io.disks[0].busy_ms, 10u);
}

TEST(ParseDiskstats, counts_the_disks_that_it_has_no_room_for) {
  std::string text;
  for (unsigned disk = 0; disk < MAX_DISKS + 2; ++disk)
    text += fmt::format("8 {} disk{}x 1 2 3 4 5 6 7 8 9 10 11\n", disk, disk);
  Io io{};
  parse_diskstats(text, io);
  EXPECT_EQ(io.disks.size(), MAX_DISKS);
  EXPECT_EQ(io.disks_left_out, 2u);
}

TEST(ParseDiskstats, calls_something_else_malformed) {
  Io io{};
  parse_diskstats("\0\xff\x80 garbage\n\n\t\t\t\n"sv, io);
  EXPECT_EQ(io.disks_source, Source::MALFORMED);
}

TEST(DiskKind, follows_the_kernels_names_of_partitions) {
  EXPECT_EQ(disk_kind("sda", ""), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("sda1", "sda"), DiskKind::PARTITION);
  EXPECT_EQ(disk_kind("sdaa", "sda"), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("sdap1", "sda"), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("sda", "sda"), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("nvme0n1", "sda"), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("nvme0n1p12", "nvme0n1"), DiskKind::PARTITION);
  EXPECT_EQ(disk_kind("nvme0n12", "nvme0n1"), DiskKind::PHYSICAL);
  EXPECT_EQ(disk_kind("loop10", "loop1"), DiskKind::VIRTUAL);
  EXPECT_EQ(disk_kind("dm-0", "sda"), DiskKind::VIRTUAL);
}

}  // namespace
}  // namespace sysmon
