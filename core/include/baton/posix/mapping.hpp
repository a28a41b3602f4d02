#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "baton/posix/shared_memory.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

/// How a file is mapped.
struct MapOptions {
  bool populate = false;       ///< all pages are entered into the page tables at once, not each at its first access
  Pages pages = Pages::small;  ///< those of the file: whether they may be entered as huge ones
};

/// Has the huge pages of a file entered as such, from now on. A hint: where they are not, nothing happens.
BATON_API void advise_huge_pages(std::span<const std::byte> mapped) noexcept;

/// Enters all pages of a mapping into the page tables. They must be reserved. What cannot be entered now is at its
/// first access.
BATON_API void populate(std::span<const std::byte> mapped, Access access) noexcept;

/// A shared mapping of a part of a file; it outlives the file's descriptor. Moving it does not move the memory. The
/// object is for one thread at a time; the memory is for whom its users agree on.
class BATON_API Mapping {
 public:
  /// Whether the page tables are filled in at once (MAP_POPULATE) or page by page at the first access.
  enum class Populate : std::uint8_t { no, yes };

  Mapping() noexcept = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), access_(other.access_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      unmap();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      access_ = other.access_;
    }
    return *this;
  }
  ~Mapping() { unmap(); }

  /// Maps `bytes` bytes from `offset`, a multiple of the page size. Both must lie within the file as it is now:
  /// touching a page beyond its end would raise SIGBUS. Who may shrink the file afterwards is the caller's concern.
  static Result<Mapping> map(const SharedMemory& memory, std::uint64_t offset, std::uint64_t bytes, Access access,
                             Populate populate = Populate::no);

  /// Maps the whole file.
  static Result<Mapping> map(const SharedMemory& memory, Access access, Populate populate = Populate::no) {
    return map(memory, 0, memory.bytes(), access, populate);
  }

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// From now on the addresses are those of nothing: they read as zero, and the file's memory is not in use here any
  /// more. For who cannot rule out that somebody still reads.
  void forget_memory() const noexcept;

  /// The same for writing; empty if the mapping is read-only.
  std::span<std::byte> writable_bytes() const noexcept { return {data_, access_ == Access::read_write ? size_ : 0}; }

 private:
  Mapping(std::byte* data, std::size_t size, Access access) noexcept : data_(data), size_(size), access_(access) {}
  void unmap() noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  Access access_ = Access::read_only;
};

}  // namespace posix
}  // namespace v1
}  // namespace baton
