#include <gtest/gtest.h>

#include "../posix/unnamed_memory.hpp"
#include "place.hpp"

namespace baton::domain {
namespace {

using baton::testing_support::unnamed_memory;
using posix::Access;
using posix::SharedMemory;

TEST(SharedMapping, is_the_same_memory_for_all_who_ask_for_the_same_bytes) {
  const SharedMemory memory = unnamed_memory(3 * kPageBytes);
  const auto first = map_shared(memory, 0, kPageBytes, Access::read_write).value();
  EXPECT_EQ(map_shared(memory, 0, kPageBytes, Access::read_write).value(), first);
  EXPECT_EQ(map_shared(memory, 0, kPageBytes, Access::read_only).value(), first) << "writable serves for reading";
  EXPECT_NE(map_shared(memory, kPageBytes, kPageBytes, Access::read_write).value(), first);
  EXPECT_NE(map_shared(memory, 0, 2 * kPageBytes, Access::read_write).value(), first);
  const SharedMemory other = unnamed_memory(3 * kPageBytes);
  EXPECT_NE(map_shared(other, 0, kPageBytes, Access::read_write).value(), first);
}

TEST(SharedMapping, that_is_read_only_does_not_serve_for_writing) {
  const SharedMemory memory = unnamed_memory(kPageBytes);
  const auto reader = map_shared(memory, 0, kPageBytes, Access::read_only).value();
  const auto writer = map_shared(memory, 0, kPageBytes, Access::read_write).value();
  EXPECT_TRUE(reader->writable_bytes().empty());
  ASSERT_EQ(writer->writable_bytes().size(), kPageBytes);
  writer->writable_bytes()[5] = std::byte{7};
  EXPECT_EQ(reader->bytes()[5], std::byte{7});
  EXPECT_EQ(map_shared(memory, 0, kPageBytes, Access::read_only).value(), writer) << "the one that serves both stays";
}

TEST(SharedMapping, goes_with_the_last_who_has_it) {
  const SharedMemory memory = unnamed_memory(kPageBytes);
  auto first = map_shared(memory, 0, kPageBytes, Access::read_write).value();
  const std::weak_ptr<const posix::Mapping> watched = first;
  first.reset();
  EXPECT_TRUE(watched.expired());
  EXPECT_TRUE(map_shared(memory, 0, kPageBytes, Access::read_write));
}

TEST(SharedMapping, that_cannot_be_made_is_an_error) {
  const SharedMemory memory = unnamed_memory(kPageBytes);
  EXPECT_FALSE(map_shared(memory, 0, 2 * kPageBytes, Access::read_write));
  EXPECT_TRUE(map_shared(memory, 0, kPageBytes, Access::read_write));
}

TEST(SharedMapping, survives_many_threads_that_take_it_and_let_it_go) {
  const SharedMemory memory = unnamed_memory(kPageBytes);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        const auto access = i % 3 == 0 ? Access::read_only : Access::read_write;
        ASSERT_TRUE(map_shared(memory, 0, kPageBytes, access));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace baton::domain
