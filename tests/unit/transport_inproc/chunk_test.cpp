#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "chunk_pool.hpp"
#include "chunk_queue.hpp"

namespace baton::inproc {
namespace {

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

TEST(ChunkPool, gives_out_each_chunk_once_aligned_and_apart) {
  ChunkPool pool({.payload_bytes = 100, .max_bytes = kNoLimit});
  ASSERT_TRUE(pool.reserve(5));
  std::set<std::byte*> payloads;
  for (int i = 0; i < 5; ++i) {
    ChunkHeader* const chunk = pool.pop(1);
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(chunk->payload()) % 64, 0U);
    EXPECT_EQ(ChunkHeader::of(chunk->payload()), chunk);
    for (std::byte* const other : payloads) EXPECT_GE(std::abs(other - chunk->payload()), 128 + 64);
    EXPECT_TRUE(payloads.insert(chunk->payload()).second);
  }
  EXPECT_EQ(pool.pop(1), nullptr);
}

TEST(ChunkPool, reuses_what_a_reservation_gave_back_before_it_grows) {
  ChunkPool pool({.payload_bytes = 8, .max_bytes = kNoLimit});
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(pool.reserve(3));
    EXPECT_EQ(pool.size(), 3U);
    pool.unreserve(3);
  }
  ASSERT_TRUE(pool.reserve(4));
  EXPECT_EQ(pool.size(), 4U);
  EXPECT_EQ(pool.count_free(), 4U);
}

TEST(ChunkPool, says_what_its_limit_allows) {
  ChunkPool pool({.payload_bytes = 64, .max_bytes = 1'000});  // a chunk has 128 bytes
  EXPECT_EQ(pool.max_chunks(), 7U);
  EXPECT_TRUE(pool.allows(7));
  EXPECT_FALSE(pool.allows(8));
  ASSERT_TRUE(pool.reserve(5));
  EXPECT_TRUE(pool.allows(2));
  EXPECT_FALSE(pool.allows(3));
  pool.unreserve(1);
  EXPECT_TRUE(pool.allows(3));
}

TEST(ChunkPool, refuses_what_the_machine_does_not_have_and_stays_usable) {
  ChunkPool pool({.payload_bytes = 64 * 1024 * 1024, .max_bytes = kNoLimit});
  EXPECT_FALSE(pool.reserve(std::numeric_limits<std::uint64_t>::max() / 2));
  EXPECT_TRUE(pool.reserve(1));
  EXPECT_EQ(pool.size(), 1U);
}

TEST(ChunkPool, makes_chunks_of_the_size_asked_for_up_to_the_number_reserved) {
  ChunkPool pool({.payload_bytes = 64, .variable = true, .max_bytes = 1U << 20U});
  EXPECT_EQ(pool.pop(10), nullptr) << "nothing is reserved";
  ASSERT_TRUE(pool.reserve(2));
  ChunkHeader* const small = pool.pop(10);
  ChunkHeader* const large = pool.pop(100'000);
  ASSERT_NE(small, nullptr);
  ASSERT_NE(large, nullptr);
  EXPECT_GE(large->capacity, 100'000U);
  EXPECT_LT(small->capacity, 1'000U);
  EXPECT_EQ(pool.pop(10), nullptr);
  pool.put_back(small);
  EXPECT_EQ(pool.pop(20), small) << "the same class";
  pool.put_back(small);
  ChunkHeader* const other = pool.pop(3'000);
  ASSERT_NE(other, nullptr) << "the small one has given way";
  EXPECT_EQ(pool.size(), 2U);
  pool.put_back(large);
  pool.put_back(other);
}

TEST(ChunkPool, keeps_to_its_bytes_when_sizes_differ) {
  ChunkPool pool({.payload_bytes = 64, .variable = true, .max_bytes = 1U << 20U});
  ASSERT_TRUE(pool.reserve(100));
  EXPECT_EQ(pool.pop(2U << 20U), nullptr);
  ChunkHeader* const first = pool.pop(600'000);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(pool.pop(600'000), nullptr);
  pool.put_back(first);
  std::vector<ChunkHeader*> small;
  while (ChunkHeader* const chunk = pool.pop(1'000)) small.push_back(chunk);
  EXPECT_EQ(small.size(), 100U) << "the large one has given way, and then they are as many as are reserved";
  for (ChunkHeader* const chunk : small) pool.put_back(chunk);
  EXPECT_EQ(pool.count_free(), 100U);
}

TEST(ChunkPool, frees_a_chunk_with_its_last_reference_on_whatever_thread) {
  ChunkPool pool({.payload_bytes = 8, .max_bytes = kNoLimit});
  ASSERT_TRUE(pool.reserve(64));
  for (int round = 0; round < 200; ++round) {
    std::vector<ChunkHeader*> chunks;
    while (ChunkHeader* const chunk = pool.pop(1)) {
      chunk->references.store(3);
      chunks.push_back(chunk);
    }
    ASSERT_EQ(chunks.size(), 64U);
    std::thread one([&] {
      for (auto* chunk : chunks) pool.release(chunk);
    });
    std::thread two([&] {
      for (auto* chunk : chunks) pool.release(chunk);
    });
    for (auto* chunk : chunks) pool.release(chunk);
    one.join();
    two.join();
  }
}

TEST(ChunkQueue, is_first_in_first_out_over_many_laps) {
  ChunkQueue queue(3);
  std::vector<ChunkHeader> chunks(5);
  for (int lap = 0; lap < 1'000; ++lap) {
    EXPECT_EQ(queue.pop(), nullptr);
    for (std::size_t i = 0; i < 3; ++i) queue.push(&chunks[i]);
    EXPECT_EQ(queue.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), &chunks[i]);
  }
}

TEST(ChunkQueue, gives_each_chunk_to_exactly_one_when_both_sides_pop) {
  ChunkQueue queue(8);
  constexpr std::uint64_t kChunks = 200'000;
  std::vector<ChunkHeader> chunks(64);
  std::vector<std::uint64_t> taken;
  std::vector<std::uint64_t> dropped;
  std::atomic<bool> done{false};
  // The sequence is written before the push and read after the pop: the queue has to order the two.
  std::thread reader([&] {
    while (true) {
      const bool last = done.load();
      while (ChunkHeader* const chunk = queue.pop()) {
        taken.push_back(chunk->sequence);
        chunk->references.store(0, std::memory_order_release);
      }
      if (last) return;
    }
  });
  std::size_t next = 0;
  for (std::uint64_t number = 0; number < kChunks; ++number) {
    while (chunks[next].references.load(std::memory_order_acquire) != 0) next = (next + 1) % chunks.size();
    ChunkHeader* const chunk = &chunks[next];
    while (queue.size() >= 8) {
      if (ChunkHeader* const oldest = queue.pop()) {
        dropped.push_back(oldest->sequence);
        oldest->references.store(0, std::memory_order_relaxed);
      }
    }
    chunk->sequence = number;
    chunk->references.store(1, std::memory_order_relaxed);
    queue.push(chunk);
  }
  done = true;
  reader.join();
  EXPECT_EQ(taken.size() + dropped.size(), kChunks);
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
  EXPECT_TRUE(std::is_sorted(dropped.begin(), dropped.end()));
  std::vector<std::uint64_t> all(taken);
  all.insert(all.end(), dropped.begin(), dropped.end());
  std::sort(all.begin(), all.end());
  for (std::uint64_t number = 0; number < kChunks; ++number) ASSERT_EQ(all[number], number);
}

}  // namespace
}  // namespace baton::inproc
