#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace bench {

/// Zeroed memory that this process shares with those it forks. Pages are made when they are first touched.
class SharedArea {
 public:
  explicit SharedArea(std::size_t bytes) : bytes_(bytes) {
    address_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map shared memory");
  }
  SharedArea(SharedArea&& other) noexcept : address_(std::exchange(other.address_, nullptr)), bytes_(other.bytes_) {}
  SharedArea& operator=(SharedArea&&) = delete;
  ~SharedArea() {
    if (address_ != nullptr) ::munmap(address_, bytes_);
  }

  std::byte* data() const noexcept { return static_cast<std::byte*>(address_); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void* address_ = nullptr;
  std::size_t bytes_;
};

}  // namespace bench
