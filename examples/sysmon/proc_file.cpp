#include "proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace sysmon {
namespace {

constexpr std::size_t kFirstBytes = 16 << 10;
constexpr std::size_t kMostBytes = 4 << 20;  // what lies beyond is not read: no file of /proc that we know comes near

}  // namespace

std::optional<std::string_view> ProcFile::read() {
  if (!file_) {
    file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) return std::nullopt;
    if (buffer_.empty()) buffer_.resize(kFirstBytes);
  }
  // The kernel gives a file of /proc in pieces of its own choice; only an empty piece is the end.
  std::size_t size = 0;
  while (true) {
    if (size == buffer_.size()) {
      if (size >= kMostBytes) break;
      buffer_.resize(2 * size);
    }
    const ssize_t piece = ::pread(file_.get(), buffer_.data() + size, buffer_.size() - size, static_cast<off_t>(size));
    if (piece == 0) break;
    if (piece < 0 && errno == EINTR) continue;
    if (piece < 0) {
      file_ = Descriptor();
      return std::nullopt;
    }
    size += static_cast<std::size_t>(piece);
  }
  return std::string_view(buffer_.data(), size);
}

}  // namespace sysmon
