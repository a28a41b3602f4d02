#include "chunk_pool.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

namespace baton::shm {
namespace {

/// How much of the caches the chunks in rotation may take; measured in docs/adr/0006-publisher-owned-chunks.md.
constexpr std::uint64_t kRotationBytes = 8U << 20U;
constexpr std::uint64_t kLeastRotation = 4;
/// Chunks of this size and up are collected early, before their rotation is empty.
constexpr std::uint64_t kLargeChunkBytes = 64U << 10U;

}  // namespace

ChunkPool::ChunkPool(const Request& request)
    : request_(request),
      max_payload_(!request.variable          ? request.payload_bytes
                   : request.max_payload != 0 ? request.max_payload
                                              : std::min(request.max_bytes, size_classes::kLargest)) {}

void ChunkPool::add(Segment segment) {
  const std::uint32_t size_class = request_.variable ? size_classes::of(segment.payload_bytes()) : 0;
  const std::uint64_t chunk_bytes = shm::chunk_bytes_for(segment.payload_bytes());
  if (rotations_[size_class] == nullptr) rotations_[size_class] = std::make_unique<Rotation>();
  Rotation& rotation = *rotations_[size_class];
  const std::uint64_t in_class = rotation.chunks + segment.chunks();
  const Number first = find_room_for(segment.chunks());
  const std::uint64_t total = std::max<std::uint64_t>(chunks_.size(), first + segment.chunks());
  std::vector<Number> ring(std::bit_ceil(in_class + rotation.retired));
  for (std::uint64_t i = 0; i < rotation.count; ++i) ring[i] = rotation.ring[(rotation.begin + i) & rotation.mask];
  rotation.reserve.reserve(in_class + rotation.retired);
  chunks_.reserve(total);
  more_holders_.reserve(total * more_words_);
  segments_.reserve(segments_.size() + 1);

  // Nothing throws from here on.
  rotation.ring = std::move(ring);
  rotation.mask = rotation.ring.size() - 1;
  rotation.begin = 0;
  rotation.touched_end = 0;
  rotation.chunks = in_class;
  set_limit(rotation, chunk_bytes);
  size_ += segment.chunks();
  bytes_ += segment.chunks() * chunk_bytes;
  const auto reference = [&](std::uint32_t chunk) {
    return Reference::make(segment.number(), segment.generation(), chunk);
  };
  const Number end = first + segment.chunks();
  places_[segment.number()] = {reference(0), first, segment.chunks(), size_class, false};
  rotation_ = &rotation;
  chunks_.resize(total);
  more_holders_.resize(total * more_words_, 0);
  for (std::uint32_t i = 0; i < segment.chunks(); ++i) {
    chunks_[first + i] = {segment.payload(i), segment.head(i), reference(i), 0};
  }
  segments_.push_back(std::move(segment));
  for (Number chunk = first; chunk < end; ++chunk) put(chunk);
}

/// As many as the caches hold; chunks of some size are collected before the last one is lent.
void ChunkPool::set_limit(Rotation& rotation, std::uint64_t chunk_bytes) noexcept {
  rotation.limit = std::min(rotation.chunks, std::max(kLeastRotation, kRotationBytes / chunk_bytes));
  rotation.low_water = chunk_bytes >= kLargeChunkBytes ? rotation.limit / 2 : 0;
}

/// Where so many chunks side by side have numbers that are nobody's.
ChunkPool::Number ChunkPool::find_room_for(std::uint32_t chunks) const {
  std::vector<const Place*> taken;
  for (const Place& place : places_) {
    if (place.chunks != 0) taken.push_back(&place);
  }
  std::sort(taken.begin(), taken.end(), [](const Place* a, const Place* b) { return a->first < b->first; });
  Number first = 0;
  for (const Place* const place : taken) {
    if (place->first - first >= chunks) break;
    first = place->first + place->chunks;
  }
  return first;
}

void ChunkPool::retire(const Segment& segment) noexcept {
  Place& place = places_[segment.number()];
  Rotation& rotation = *rotations_[place.size_class];
  const auto stays = [&](Number chunk) { return chunk < place.first || chunk >= place.first + place.chunks; };
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; i < rotation.count; ++i) {
    const Number chunk = rotation.ring[(rotation.begin + i) & rotation.mask];
    if (stays(chunk)) rotation.ring[(rotation.begin + kept++) & rotation.mask] = chunk;
  }
  rotation.count = kept;
  std::erase_if(rotation.reserve, [&](Number chunk) { return !stays(chunk); });
  rotation.chunks -= place.chunks;
  rotation.retired += place.chunks;
  rotation.touched_end = 0;
  set_limit(rotation, shm::chunk_bytes_for(segment.payload_bytes()));
  while (rotation.count > rotation.limit) {
    rotation.reserve.push_back(rotation.ring[(rotation.begin + --rotation.count) & rotation.mask]);
  }
  size_ -= place.chunks;
  place.retired = true;
  for (Number chunk = place.first; chunk < place.first + place.chunks; ++chunk) hold(chunk, kRetired);
}

void ChunkPool::restore(const Segment& segment) noexcept {
  Place& place = places_[segment.number()];
  Rotation& rotation = *rotations_[place.size_class];
  rotation.chunks += place.chunks;  // the ring has room for them
  rotation.retired -= place.chunks;
  rotation.touched_end = 0;
  set_limit(rotation, shm::chunk_bytes_for(segment.payload_bytes()));
  size_ += place.chunks;
  place.retired = false;
  for (Number chunk = place.first; chunk < place.first + place.chunks; ++chunk) release(chunk, kRetired);
}

bool ChunkPool::is_in_use(const Segment& segment) const noexcept {
  const Place& place = places_[segment.number()];
  for (Number chunk = place.first; chunk < place.first + place.chunks; ++chunk) {
    if ((chunks_[chunk].holders & ~kRetired.bit) != 0 || has_more_holders(chunk)) return true;
  }
  return false;
}

Segment ChunkPool::remove(std::uint32_t number) noexcept {
  const auto found = std::find_if(segments_.begin(), segments_.end(),
                                  [&](const Segment& segment) { return segment.number() == number; });
  Segment removed = std::move(*found);
  segments_.erase(found);
  Place& place = places_[number];
  for (Number chunk = place.first; chunk < place.first + place.chunks; ++chunk) {
    chunks_[chunk] = {nullptr, nullptr, {}, kRetired.bit};
  }
  rotations_[place.size_class]->retired -= place.chunks;
  place = {};
  bytes_ -= removed.chunks() * shm::chunk_bytes_for(removed.payload_bytes());
  Number end = 0;
  for (const Place& other : places_) {
    if (other.chunks != 0) end = std::max(end, other.first + other.chunks);
  }
  chunks_.resize(end);
  more_holders_.resize(std::uint64_t{end} * more_words_);
  return removed;
}

std::uint64_t ChunkPool::count_free() const noexcept {
  std::uint64_t count = 0;
  for (const auto& rotation : rotations_) {
    if (rotation) count += rotation->count + rotation->reserve.size();
  }
  return count;
}

std::uint64_t ChunkPool::size_for(std::uint64_t bytes) const noexcept {
  const Rotation* const rotation = rotation_for(bytes);
  return rotation == nullptr ? 0 : rotation->chunks;
}

ChunkPool::Number ChunkPool::pop(std::uint64_t bytes) noexcept {
  Rotation* const rotation = rotation_for(bytes);
  if (rotation == nullptr) return kNone;
  rotation_ = rotation;
  if (rotation->count != 0) return pop_ready();
  if (rotation->reserve.empty()) return kNone;
  const Number chunk = rotation->reserve.back();
  rotation->reserve.pop_back();
  hold(chunk, kLoan);
  return chunk;
}

ChunkPool::Number ChunkPool::pop_larger(std::uint64_t bytes) noexcept {
  for (std::uint32_t size_class = size_classes::of(bytes) + 1; size_class < size_classes::kCount; ++size_class) {
    if (const Number chunk = pop(size_classes::bytes(size_class)); chunk != kNone) return chunk;
  }
  return kNone;
}

std::uint64_t ChunkPool::count_held(Holder holder) const noexcept {
  std::uint64_t count = 0;
  for (Number chunk = 0; chunk < chunks_.size(); ++chunk) count += is_held(chunk, holder) ? 1 : 0;
  return count;
}

void ChunkPool::audit(std::vector<std::string>& findings) const {
  std::vector<std::uint32_t> times(chunks_.size(), 0);  // in the free lists
  for (const auto& rotation : rotations_) {
    if (rotation == nullptr) continue;
    for (std::uint64_t i = 0; i < rotation->count; ++i) ++times[rotation->ring[(rotation->begin + i) & rotation->mask]];
    for (const Number chunk : rotation->reserve) ++times[chunk];
  }
  for (Number chunk = 0; chunk < chunks_.size(); ++chunk) {
    if (times[chunk] == (is_free(chunk) ? 1U : 0U)) continue;
    findings.push_back(fmt::format("chunk {} has the holders {:x} and is {} times in the list of free ones", chunk,
                                   chunks_[chunk].holders, times[chunk]));
  }
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

/// Whether one of the holders beyond the first 64 has a chunk.
bool ChunkPool::has_more_holders(Number chunk) const noexcept {
  const auto first = more_holders_.begin() + static_cast<std::ptrdiff_t>(std::size_t{chunk} * more_words_);
  return std::any_of(first, first + more_words_, [](std::uint64_t word) { return word != 0; });
}

bool ChunkPool::is_free(Number chunk) const noexcept { return chunks_[chunk].holders == 0 && !has_more_holders(chunk); }

std::uint64_t ChunkPool::give_back_holder(Holder holder) noexcept {
  std::uint64_t had = 0;
  for (Number chunk = 0; chunk < chunks_.size(); ++chunk) {
    if (release(chunk, holder)) ++had;
  }
  used_holders_[holder.word] &= ~holder.bit;
  return had;
}

}  // namespace baton::shm
