#include "chunk_pool.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <unordered_set>
#include <utility>

namespace baton::inproc {

ChunkPool::ChunkPool(const Request& request) noexcept
    : request_{request.payload_bytes, request.variable,
               !request.variable          ? request.payload_bytes
               : request.max_payload != 0 ? request.max_payload
                                          : std::min<std::uint64_t>(request.max_bytes, size_classes::kLargest),
               request.max_bytes},
      max_chunks_(request.max_bytes / stride_of(request.payload_bytes)) {}

ChunkPool::~ChunkPool() {
  if (!request_.variable) return;
  collect();
  for (ChunkHeader* chunk : free_) {
    while (chunk != nullptr) std::free(std::exchange(chunk, chunk->next));
  }
}

void ChunkPool::FreeMemory::operator()(std::byte* memory) const noexcept { std::free(memory); }

bool ChunkPool::reserve(std::uint64_t chunks) noexcept {
  // relaxed, here and in unreserve: a sum of numbers; the chunks themselves travel over E3.
  const std::uint64_t wanted = reserved_.fetch_add(chunks, std::memory_order_relaxed) + chunks;
  if (request_.variable || wanted <= size() || make_chunks(wanted - size())) return true;
  unreserve(chunks);
  return false;
}

bool ChunkPool::make_chunks(std::uint64_t count) noexcept {
  const std::size_t stride = chunk_bytes();
  if (count > std::numeric_limits<std::ptrdiff_t>::max() / stride) return false;
  auto* const memory = static_cast<std::byte*>(std::aligned_alloc(alignof(ChunkHeader), count * stride));
  if (memory == nullptr) return false;
  try {
    slabs_.emplace_back(memory);
  } catch (const std::bad_alloc&) {
    std::free(memory);
    return false;
  }
  ChunkHeader* first = nullptr;
  ChunkHeader* last = nullptr;
  for (std::uint64_t index = count; index-- > 0;) {
    auto* const chunk = ::new (memory + index * stride) ChunkHeader;
    chunk->capacity = stride - sizeof(ChunkHeader);
    chunk->next = first;
    first = chunk;
    if (last == nullptr) last = chunk;
  }
  push_returned(first, last);
  size_.store(size() + count, std::memory_order_relaxed);
  return true;
}

void ChunkPool::unreserve(std::uint64_t chunks) noexcept { reserved_.fetch_sub(chunks, std::memory_order_relaxed); }

ChunkHeader* ChunkPool::pop_sized(std::size_t bytes) noexcept {
  const std::uint32_t size_class = size_classes::of(bytes);
  ChunkHeader*& free = free_[size_class];
  if (free == nullptr) collect();
  if (free == nullptr) return make_sized(size_class);
  ChunkHeader* const chunk = free;
  free = chunk->next;
  return chunk;
}

/// A new chunk, for which others give way where the limits ask for it; or null.
ChunkHeader* ChunkPool::make_sized(std::uint32_t size_class) noexcept {
  const std::size_t stride = stride_of(size_classes::bytes(size_class));
  while (size() >= reserved() || sized_bytes_ + stride > request_.max_bytes) {
    if (!free_another(size_class)) return nullptr;
  }
  void* memory = std::aligned_alloc(alignof(ChunkHeader), stride);
  while (memory == nullptr && free_another(size_class)) memory = std::aligned_alloc(alignof(ChunkHeader), stride);
  if (memory == nullptr) return nullptr;
  auto* const chunk = ::new (memory) ChunkHeader;
  chunk->size_class = size_class;
  chunk->capacity = stride - sizeof(ChunkHeader);
  sized_bytes_ += stride;
  size_.store(size() + 1, std::memory_order_relaxed);
  return chunk;
}

/// Frees the largest chunk that nobody uses, of another class. False if there is none.
bool ChunkPool::free_another(std::uint32_t size_class) noexcept {
  for (std::uint32_t other = size_classes::kCount; other-- > 0;) {
    ChunkHeader* const chunk = free_[other];
    if (chunk == nullptr || other == size_class) continue;
    free_[other] = chunk->next;
    sized_bytes_ -= sizeof(ChunkHeader) + chunk->capacity;
    size_.store(size() - 1, std::memory_order_relaxed);
    std::free(chunk);
    return true;
  }
  return false;
}

void ChunkPool::push_returned(ChunkHeader* first, ChunkHeader* last) noexcept {
  ChunkHeader* top = returned_.load(std::memory_order_relaxed);  // only a guess; the exchange below decides
  do {
    last->next = top;
    // E3, release: the chunk and its link before the top. The publisher takes the whole stack at once, so no push can
    // mistake a top for one that was away meanwhile.
  } while (!returned_.compare_exchange_weak(top, first, std::memory_order_release, std::memory_order_relaxed));
}

/// Takes what has come back into the free lists.
void ChunkPool::collect() noexcept {
  ChunkHeader* chunk = returned_.exchange(nullptr, std::memory_order_acquire);  // E3
  if (!request_.variable && free_[0] == nullptr) {
    free_[0] = chunk;  // the whole list at once
    return;
  }
  while (chunk != nullptr) put_back(std::exchange(chunk, chunk->next));
}

bool ChunkPool::each_is_free_once() {
  collect();
  std::unordered_set<const ChunkHeader*> seen;
  for (const ChunkHeader* chunk : free_) {
    for (; chunk != nullptr; chunk = chunk->next) {
      if (!seen.insert(chunk).second) return false;  // a list that runs in a circle ends here, too
    }
  }
  return true;
}

std::uint64_t ChunkPool::count_free() noexcept {
  collect();
  std::uint64_t count = 0;
  for (const ChunkHeader* chunk : free_) {
    for (; chunk != nullptr; chunk = chunk->next) ++count;
  }
  return count;
}

}  // namespace baton::inproc
