#include "reference.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace {

using baton::shm::QueueShape;
using baton::shm::Reference;

TEST(Reference, keeps_segment_generation_and_chunk_apart_at_their_limits) {
  for (const std::uint32_t segment : {0U, 1U, Reference::kMaxSegments - 1}) {
    for (const std::uint32_t generation : {0U, 1U, 1023U}) {
      for (const std::uint32_t chunk : {0U, 1U, Reference::kMaxChunks - 1}) {
        const Reference reference = Reference::make(segment, generation, chunk);
        EXPECT_EQ(reference.segment(), segment);
        EXPECT_EQ(reference.generation(), generation);
        EXPECT_EQ(reference.chunk(), chunk);
        EXPECT_EQ(reference.bits >> Reference::kBits, 0U);
      }
    }
  }
  EXPECT_EQ(Reference::make(1, 1024 + 5, 7), Reference::make(1, 5, 7)) << "generations come round";
}

TEST(QueueShape, takes_a_zeroed_entry_for_none_at_the_first_lap) {
  const QueueShape queue(4);
  for (std::uint64_t position = 0; position < queue.entries(); ++position) EXPECT_FALSE(queue.is_at(0, position));
}

TEST(QueueShape, knows_an_entry_at_its_position_only_and_not_a_lap_before_or_after) {
  const QueueShape queue(3);
  const Reference reference = Reference::make(3, 17, 12'345);
  // Around the first laps, and around the lap that comes round to 0 and 1 again.
  const std::uint64_t around = (std::uint64_t{1} << 24) * queue.entries();
  for (const std::uint64_t base : {std::uint64_t{0}, around - 3 * queue.entries(), around}) {
    for (std::uint64_t position = base; position < base + 4 * queue.entries(); ++position) {
      const std::uint64_t entry = queue.entry(position, reference);
      EXPECT_TRUE(queue.is_at(entry, position));
      EXPECT_EQ(QueueShape::reference(entry), reference);
      EXPECT_FALSE(queue.is_at(entry, position + queue.entries())) << "a stale entry is not the next one";
      if (position >= queue.entries()) {
        EXPECT_FALSE(queue.is_at(entry, position - queue.entries()));
      }
    }
  }
}

TEST(QueueShape, comes_round_after_two_to_the_24_laps) {
  const QueueShape queue(4);
  const std::uint64_t position = 5;
  const std::uint64_t entry = queue.entry(position, {});
  EXPECT_TRUE(queue.is_at(entry, position + (std::uint64_t{1} << 24) * queue.entries()));
  EXPECT_FALSE(queue.is_at(entry, position + (std::uint64_t{1} << 23) * queue.entries()));
}

}  // namespace
