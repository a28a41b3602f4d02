#include "baton/posix/mapping.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
    return system_failure(memory.label(), fmt::format("{} bytes cannot be mapped", bytes), errno);
  }
  return Mapping(static_cast<std::byte*>(data), bytes, access);
}

void Mapping::unmap() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
