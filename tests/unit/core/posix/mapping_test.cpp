#include "baton/posix/mapping.hpp"

#include <sys/resource.h>
#include <unistd.h>

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

long faults_of_touching(std::span<const std::byte> bytes, bool write) {
  rusage before{};
  ::getrusage(RUSAGE_THREAD, &before);
  for (std::size_t at = 0; at < bytes.size(); at += 4096) {
    auto& byte = *const_cast<volatile std::byte*>(bytes.data() + at);
    const std::byte value = byte;
    if (write) byte = value;
  }
  rusage after{};
  ::getrusage(RUSAGE_THREAD, &after);
  return after.ru_minflt - before.ru_minflt;
}

TEST(Mapping, that_was_populated_is_touched_without_a_page_fault) {
  const SharedMemory memory = unnamed_memory(1U << 20U);
  const Mapping plain = Mapping::map(memory, Access::read_write).value();
  EXPECT_GE(faults_of_touching(plain.bytes(), true), 16);
  const Mapping writer = Mapping::map(memory, Access::read_write).value();
  populate(writer.bytes(), Access::read_write);
  EXPECT_EQ(faults_of_touching(writer.bytes(), true), 0);
  const Mapping reader = Mapping::map(memory, Access::read_only).value();
  populate(reader.bytes(), Access::read_only);
  EXPECT_EQ(faults_of_touching(reader.bytes(), false), 0);
}

}  // namespace
}  // namespace baton::posix
