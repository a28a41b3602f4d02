#include "chunk_pool.hpp"

#include <cstdlib>
#include <limits>
#include <new>

namespace baton::inproc {

ChunkPool::ChunkPool(std::size_t payload_bytes, std::uint64_t max_bytes) noexcept
    : payload_bytes_(payload_bytes),
      stride_(sizeof(ChunkHeader) + (payload_bytes + 63) / 64 * 64),
      max_chunks_(max_bytes / stride_) {}

void ChunkPool::FreeMemory::operator()(std::byte* memory) const noexcept { std::free(memory); }

bool ChunkPool::reserve(std::uint64_t chunks) noexcept {
  // relaxed, here and in unreserve: a sum of numbers; the chunks themselves travel over E3.
  const std::uint64_t wanted = reserved_.fetch_add(chunks, std::memory_order_relaxed) + chunks;
  const std::uint64_t have = size();
  if (wanted <= have) return true;

  const std::uint64_t missing = wanted - have;
  std::byte* memory = nullptr;
  if (missing <= std::numeric_limits<std::ptrdiff_t>::max() / stride_) {
    memory = static_cast<std::byte*>(std::aligned_alloc(alignof(ChunkHeader), missing * stride_));
  }
  if (memory == nullptr) {
    unreserve(chunks);
    return false;
  }
  try {
    slabs_.emplace_back(memory);
  } catch (const std::bad_alloc&) {
    std::free(memory);
    unreserve(chunks);
    return false;
  }

  ChunkHeader* first = nullptr;
  ChunkHeader* last = nullptr;
  for (std::uint64_t index = missing; index-- > 0;) {
    auto* const chunk = ::new (memory + index * stride_) ChunkHeader;
    chunk->next = first;
    first = chunk;
    if (last == nullptr) last = chunk;
  }
  push_returned(first, last);
  size_.store(wanted, std::memory_order_relaxed);
  return true;
}

void ChunkPool::unreserve(std::uint64_t chunks) noexcept { reserved_.fetch_sub(chunks, std::memory_order_relaxed); }

void ChunkPool::push_returned(ChunkHeader* first, ChunkHeader* last) noexcept {
  ChunkHeader* top = returned_.load(std::memory_order_relaxed);  // only a guess; the exchange below decides
  do {
    last->next = top;
    // E3, release: the chunk and its link before the top. The publisher takes the whole stack at once, so no push can
    // mistake a top for one that was away meanwhile.
  } while (!returned_.compare_exchange_weak(top, first, std::memory_order_release, std::memory_order_relaxed));
}

void ChunkPool::collect() noexcept {
  free_ = returned_.exchange(nullptr, std::memory_order_acquire);  // E3
}

std::uint64_t ChunkPool::count_free() noexcept {
  ChunkHeader** end = &free_;
  std::uint64_t count = 0;
  while (*end != nullptr) {
    ++count;
    end = &(*end)->next;
  }
  *end = returned_.exchange(nullptr, std::memory_order_acquire);  // E3
  for (ChunkHeader* chunk = *end; chunk != nullptr; chunk = chunk->next) ++count;
  return count;
}

}  // namespace baton::inproc
