#include "chunk_pool.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace baton::shm {
namespace {

/// How much of the caches the chunks in rotation may take; measured in docs/adr/0006-publisher-owned-chunks.md.
constexpr std::uint64_t kRotationBytes = 8U << 20U;
constexpr std::uint64_t kLeastRotation = 4;
/// Chunks of this size and up are collected early, before their rotation is empty.
constexpr std::uint64_t kLargeChunkBytes = 64U << 10U;

}  // namespace

ChunkPool::ChunkPool(std::uint64_t payload_bytes) noexcept : payload_bytes_(payload_bytes) {}

void ChunkPool::add(Segment segment) {
  const std::uint64_t total = chunks_.size() + segment.chunks();
  std::vector<Number> rotation(std::bit_ceil(total));
  for (std::uint64_t i = 0; i < rotation_count_; ++i) rotation[i] = rotation_[(rotation_begin_ + i) & rotation_mask_];
  chunks_.reserve(total);
  more_holders_.reserve(total * more_words_);
  reserve_.reserve(total);
  segments_.reserve(segments_.size() + 1);

  // Nothing throws from here on.
  rotation_ = std::move(rotation);
  rotation_mask_ = rotation_.size() - 1;
  rotation_begin_ = 0;
  touched_end_ = 0;
  rotation_limit_ = std::min(total, std::max(kLeastRotation, kRotationBytes / chunk_bytes()));
  low_water_ = chunk_bytes() >= kLargeChunkBytes ? rotation_limit_ / 2 : 0;
  const auto first = static_cast<Number>(chunks_.size());
  const auto reference = [&](std::uint32_t chunk) {
    return Reference::make(segment.number(), segment.generation(), chunk);
  };
  places_[segment.number()] = {reference(0), first, segment.chunks()};
  for (std::uint32_t i = 0; i < segment.chunks(); ++i) {
    chunks_.push_back({segment.payload(i), segment.head(i), reference(i), 0});
  }
  more_holders_.resize(total * more_words_, 0);
  segments_.push_back(std::move(segment));
  for (Number chunk = first; chunk < total; ++chunk) put(chunk);
}

ChunkPool::Number ChunkPool::pop() noexcept {
  if (rotation_count_ != 0) return pop_in_rotation();
  if (reserve_.empty()) return kNone;
  const Number chunk = reserve_.back();
  reserve_.pop_back();
  hold(chunk, kLoan);
  return chunk;
}

ChunkPool::Holder ChunkPool::take_holder() {
  for (std::uint32_t word = 0;; ++word) {
    if (word == used_holders_.size()) add_holder_word();
    if (used_holders_[word] == UINT64_MAX) continue;
    const std::uint64_t bit = std::uint64_t{1} << std::countr_one(used_holders_[word]);
    used_holders_[word] |= bit;
    return {word, bit};
  }
}

/// Makes room for 64 holders more.
void ChunkPool::add_holder_word() {
  const std::uint32_t words = more_words_ + 1;
  std::vector<std::uint64_t> wider(chunks_.size() * words, 0);
  used_holders_.push_back(0);
  for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    std::copy_n(more_holders_.begin() + static_cast<std::ptrdiff_t>(chunk * more_words_), more_words_,
                wider.begin() + static_cast<std::ptrdiff_t>(chunk * words));
  }
  more_holders_ = std::move(wider);
  more_words_ = words;
}

/// Whether nobody holds a chunk, of more than 64 possible holders.
bool ChunkPool::is_free(Number chunk) const noexcept {
  if (chunks_[chunk].holders != 0) return false;
  for (std::uint32_t i = 0; i < more_words_; ++i) {
    if (more_holders_[chunk * more_words_ + i] != 0) return false;
  }
  return true;
}

std::uint64_t ChunkPool::give_back_holder(Holder holder) noexcept {
  std::uint64_t had = 0;
  for (Number chunk = 0; chunk < chunks_.size(); ++chunk) {
    if (release(chunk, holder)) ++had;
  }
  used_holders_[holder.word] &= ~holder.bit;
  return had;
}

}  // namespace baton::shm
