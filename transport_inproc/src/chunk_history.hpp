#pragma once

#include <cstddef>
#include <vector>

#include "chunk_pool.hpp"

namespace baton::inproc {

/// The last few messages of a publisher, oldest first; each holds a reference. Allocates at construction only.
class ChunkHistory {
 public:
  explicit ChunkHistory(std::size_t limit) : ring_(limit) {}

  std::size_t limit() const noexcept { return ring_.size(); }
  std::size_t size() const noexcept { return count_; }

  ChunkHeader* operator[](std::size_t index) const noexcept { return ring_[(first_ + index) % ring_.size()]; }

  /// Appends a chunk; returns the one that had to go for it, or null. Only with a limit above 0.
  ChunkHeader* push(ChunkHeader* chunk) noexcept {
    if (count_ < ring_.size()) {
      ring_[(first_ + count_++) % ring_.size()] = chunk;
      return nullptr;
    }
    ChunkHeader* const oldest = ring_[first_];
    ring_[first_] = chunk;
    first_ = (first_ + 1) % ring_.size();
    return oldest;
  }

  /// Removes and returns the newest chunk, or null.
  ChunkHeader* pop() noexcept { return count_ == 0 ? nullptr : (*this)[--count_]; }

 private:
  std::vector<ChunkHeader*> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace baton::inproc
