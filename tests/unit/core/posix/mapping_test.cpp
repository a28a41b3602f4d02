#include "baton/posix/mapping.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "unnamed_memory.hpp"

namespace baton::posix {
namespace {

using testing_support::unnamed_memory;

TEST(Mapping, shows_in_one_place_what_is_written_in_another) {
  const SharedMemory memory = unnamed_memory(8192);
  const Mapping writer = Mapping::map(memory, Access::read_write).value();
  const Mapping reader = Mapping::map(memory, Access::read_only).value();
  const Mapping second_page = Mapping::map(memory, 4096, 4096, Access::read_only).value();
  ASSERT_EQ(writer.writable_bytes().size(), 8192U);
  writer.writable_bytes()[5000] = std::byte{42};
  EXPECT_EQ(reader.bytes()[5000], std::byte{42});
  EXPECT_EQ(second_page.bytes()[904], std::byte{42});
}

TEST(Mapping, that_is_read_only_gives_nothing_to_write) {
  const SharedMemory memory = unnamed_memory(4096);
  const Mapping reader = Mapping::map(memory, Access::read_only).value();
  EXPECT_EQ(reader.bytes().size(), 4096U);
  EXPECT_TRUE(reader.writable_bytes().empty());
}

TEST(Mapping, keeps_its_place_when_it_is_moved_and_outlives_the_descriptor) {
  Mapping mapping;
  EXPECT_TRUE(mapping.bytes().empty());
  {
    const SharedMemory memory = unnamed_memory(4096);
    Mapping made = Mapping::map(memory, Access::read_write, Mapping::Populate::yes).value();
    const auto* const place = made.bytes().data();
    mapping = std::move(made);
    EXPECT_EQ(mapping.bytes().data(), place);
    EXPECT_TRUE(made.bytes().empty());
  }
  mapping.writable_bytes()[4095] = std::byte{1};
  EXPECT_EQ(mapping.bytes()[4095], std::byte{1});
}

TEST(Mapping, beyond_the_file_is_refused_instead_of_raising_a_signal_later) {
  const SharedMemory memory = unnamed_memory(4096);
  EXPECT_EQ(Mapping::map(memory, 0, 4097, Access::read_only).error().message(),
            memory.label() + ": 4097 bytes at offset 0 are beyond its 4096 bytes");
  EXPECT_FALSE(Mapping::map(memory, 4096, 1, Access::read_only));
  EXPECT_FALSE(Mapping::map(memory, 8192, ~std::uint64_t{0} - 4096, Access::read_only));
  ASSERT_EQ(::ftruncate(memory.fd().get(), 100), 0);  // somebody else made it smaller
  EXPECT_EQ(Mapping::map(memory, Access::read_only).error().message(),
            memory.label() + ": 4096 bytes at offset 0 are beyond its 100 bytes");
}

TEST(Mapping, of_nothing_or_at_an_odd_offset_is_refused) {
  const SharedMemory memory = unnamed_memory(8192);
  EXPECT_EQ(Mapping::map(memory, 0, 0, Access::read_only).error().message(),
            memory.label() + ": 0 bytes at offset 0 cannot be mapped; map at least one byte, at a multiple of 4096");
  EXPECT_FALSE(Mapping::map(memory, 100, 10, Access::read_only));
}

/// How many pages have an entry in this process's page table, so that touching them is no fault. Nothing if the system
/// does not say.
std::optional<std::size_t> entered_pages(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kPresent = std::uint64_t{1} << 63U;
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  std::vector<std::uint64_t> entries(bytes.size() / 4096);
  const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(bytes.data()) / 4096 * 8);
  const auto size = static_cast<ssize_t>(entries.size() * 8);
  const bool is_read = ::pread(pagemap, entries.data(), static_cast<std::size_t>(size), at) == size;
  ::close(pagemap);
  if (!is_read) return std::nullopt;
  return static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](std::uint64_t entry) { return (entry & kPresent) != 0; }));
}

TEST(Mapping, that_was_populated_is_entered_in_the_page_table_before_it_is_touched) {
  const SharedMemory memory = unnamed_memory(1U << 20U);
  const Mapping writer = Mapping::map(memory, Access::read_write).value();
  const auto before = entered_pages(writer.bytes());
  if (!before) GTEST_SKIP() << "/proc/self/pagemap cannot be read";
  EXPECT_EQ(before, 0U);
  populate(writer.bytes(), Access::read_write);
  EXPECT_EQ(entered_pages(writer.bytes()), 256U);
  const Mapping reader = Mapping::map(memory, Access::read_only).value();
  EXPECT_EQ(entered_pages(reader.bytes()), 0U);
  populate(reader.bytes(), Access::read_only);
  EXPECT_EQ(entered_pages(reader.bytes()), 256U);
}

}  // namespace
}  // namespace baton::posix
