#include "baton/posix/mapping.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/advice.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

Result<Mapping> Mapping::map(const SharedMemory& memory, std::uint64_t offset, std::uint64_t bytes, Access access,
                             Populate populate) {
  struct stat status {};
  if (::fstat(memory.fd().get(), &status) != 0) return system_failure(memory.label(), "cannot be examined", errno);
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0 || offset % page_bytes != 0) {
    return fail(Errc::invalid_argument, memory.label(),
                fmt::format("{} bytes at offset {} cannot be mapped", bytes, offset),
                fmt::format("map at least one byte, at a multiple of {}", page_bytes));
  }
  if (offset > file_bytes || bytes > file_bytes - offset) {
    return fail(Errc::invalid_argument, memory.label(),
                fmt::format("{} bytes at offset {} are beyond its {} bytes", bytes, offset, file_bytes), "");
  }
  const int protection = access == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  const int flags = populate == Populate::yes ? MAP_SHARED | MAP_POPULATE : MAP_SHARED;
  void* const data = ::mmap(nullptr, bytes, protection, flags, memory.fd().get(), static_cast<off_t>(offset));
  if (data == MAP_FAILED) {
    const int error = errno;
    const std::string cause = fmt::format("{} bytes cannot be mapped", bytes);
    if (error != ENOMEM) return system_failure(memory.label(), cause, error);
    return fail(Errc::no_space, memory.label(), cause,
                "raise the limit of the address space (ulimit -v) or of mappings (vm.max_map_count), or make the "
                "messages, depths or counts smaller",
                error);
  }
  return Mapping(static_cast<std::byte*>(data), bytes, access);
}

void Mapping::forget_memory() const noexcept {
  // If it fails, the memory stays, which is all that can be done.
  static_cast<void>(::mmap(data_, size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0));
}

void advise_huge_pages(std::span<const std::byte> mapped) noexcept {
  ::madvise(const_cast<std::byte*>(mapped.data()), mapped.size(), MADV_HUGEPAGE);
}

void populate(std::span<const std::byte> mapped, Access access) noexcept {
  const int advice = access == Access::read_write ? kPopulateWrite : kPopulateRead;
  if (::madvise(const_cast<std::byte*>(mapped.data()), mapped.size(), advice) == 0) return;
  // A read is enough for both: a page of a shared file that may be written is entered so.
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t at = 0; at < mapped.size(); at += page_bytes) {
    static_cast<void>(*const_cast<const volatile std::byte*>(mapped.data() + at));
  }
}

void Mapping::unmap() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
