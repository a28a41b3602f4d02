#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "chunk_pool.hpp"

namespace baton::shm {

/// The last few messages of a publisher, oldest first. Allocates at construction only.
class ChunkHistory {
 public:
  explicit ChunkHistory(std::size_t limit) : ring_(limit) {}

  std::size_t limit() const noexcept { return ring_.size(); }
  std::size_t size() const noexcept { return count_; }
  ChunkPool::Number operator[](std::size_t index) const noexcept { return ring_[(first_ + index) % ring_.size()]; }

  /// Appends a chunk; returns the one that had to go for it, or kNone. Only with a limit above 0.
  ChunkPool::Number push(ChunkPool::Number chunk) noexcept {
    if (count_ < ring_.size()) {
      ring_[(first_ + count_++) % ring_.size()] = chunk;
      return ChunkPool::kNone;
    }
    const ChunkPool::Number oldest = ring_[first_];
    ring_[first_] = chunk;
    first_ = (first_ + 1) % ring_.size();
    return oldest;
  }

 private:
  std::vector<ChunkPool::Number> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace baton::shm
