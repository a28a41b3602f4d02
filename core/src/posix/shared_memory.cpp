#include "baton/posix/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <limits>

#include "posix/advice.hpp"
#include "posix/memory_cgroup.hpp"
#include "posix/mounts.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace posix {
namespace {

tl::unexpected<Error> no_space(const FileDescriptor& file, const std::string& label, std::uint64_t bytes,
                               int os_errno) {
  std::string available = "an unknown number of";
  struct statvfs status {};
  if (::fstatvfs(file.get(), &status) == 0) available = std::to_string(status.f_bavail * status.f_frsize);
  return fail(Errc::no_space, label, fmt::format("{} bytes were asked for, {} bytes are available", bytes, available),
              "make the messages, depths or counts smaller, or the shared memory larger", os_errno);
}

/// A memory cgroup at its limit has a process killed, so it is asked before. Not each time: of what it leaves a quarter
/// can be had before it is asked again, by then others may have taken some.
Result<void> check_cgroup(const std::string& label, std::uint64_t bytes) {
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{1} << 30U;  // limits may change
  static std::atomic<std::uint64_t> known_to_be_left{0};
  std::uint64_t before = known_to_be_left.load(std::memory_order_relaxed);  // a guess, as the limit is
  while (before >= bytes) {
    if (known_to_be_left.compare_exchange_weak(before, before - bytes, std::memory_order_relaxed)) return {};
  }
  const auto group = tightest_memory_cgroup();
  if (group && bytes > group->left) {
    return fail(Errc::no_space, label,
                fmt::format("{} bytes were asked for, and the memory cgroup {} leaves {} of its {} bytes", bytes,
                            group->path, group->left, group->limit),
                "raise its limit (MemoryMax of a systemd unit, --memory of a container), or make the messages, depths "
                "or counts smaller");
  }
  known_to_be_left.store(group ? std::min(kMostAtOnce, (group->left - bytes) / 4) : kMostAtOnce,
                         std::memory_order_relaxed);
  return {};
}

/// Whether so much can be had at all now; what cannot is refused before anything of it is taken from others.
Result<void> check_available(const FileDescriptor& file, const std::string& label, std::uint64_t bytes) {
  struct statvfs status {};
  if (::fstatvfs(file.get(), &status) == 0 && status.f_blocks != 0 && bytes / status.f_frsize > status.f_bavail) {
    return no_space(file, label, bytes, ENOSPC);
  }
  return check_cgroup(label, bytes);
}

/// That this process may make.
std::uint64_t largest_file() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

/// Asking for a larger one would end the program, by SIGXFSZ.
Result<void> check_file_size(const std::string& label, std::uint64_t bytes) {
  if (bytes <= largest_file()) return {};
  return fail(Errc::no_space, label,
              fmt::format("{} bytes were asked for, files of this program may have {} bytes", bytes, largest_file()),
              "raise the limit of file sizes (ulimit -f)", EFBIG);
}

/// Reserves from `done` to `end`, and returns why it could not, or 0; `done` is then how far it came. In steps: a
/// signal makes the kernel undo the one that it interrupts, so that one step for all of a large file might never end
/// where a timer ticks.
int reserve_range(const FileDescriptor& file, std::uint64_t& done, std::uint64_t end) noexcept {
  constexpr std::uint64_t kStep = 16U << 20U;
  while (done < end) {
    const std::uint64_t step = std::min(kStep, end - done);
    const int error = ::posix_fallocate(file.get(), static_cast<off_t>(done), static_cast<off_t>(step));
    if (error != 0 && error != EINTR) return error;
    if (error == 0) done += step;
  }
  return 0;
}

bool says_no_space(int os_errno) noexcept { return os_errno == ENOSPC || os_errno == EFBIG || os_errno == ENOMEM; }

/// How many bytes of the file have pages.
std::optional<std::uint64_t> backed_bytes(const FileDescriptor& file) noexcept {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

// Reserves every page.
Result<void> reserve_all(const FileDescriptor& file, const std::string& label, std::uint64_t bytes,
                         std::uint64_t reserved = 0) {
  if (bytes == 0) return fail(Errc::invalid_argument, label, "a size of 0 bytes", "ask for at least one byte");
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return no_space(file, label, bytes, 0);
  if (auto allowed = check_file_size(label, bytes); !allowed) return allowed;
  const std::uint64_t has = std::min(bytes, backed_bytes(file).value_or(reserved));
  if (auto available = check_available(file, label, bytes - has); !available) return available;
  std::uint64_t done = reserved;
  const int error = reserve_range(file, done, bytes);
  if (error == 0) return {};
  if (!says_no_space(error)) return system_failure(label, "cannot be reserved", error);
  // Given back first, so that the message counts it as available. If that fails, the message says less.
  static_cast<void>(::ftruncate(file.get(), static_cast<off_t>(reserved)) == 0);
  return no_space(file, label, bytes - reserved, error);
}

/// Makes what fits of huge pages. A file system that gives them when it is advised to looks at the mapping by which a
/// page is first asked for; `fallocate` has none, and fills in afterwards what is missing.
void prepare_huge_pages(const FileDescriptor& file, std::uint64_t bytes) {
  const std::uint64_t huge_bytes = bytes / kHugePageBytes * kHugePageBytes;
  struct statvfs status {};
  if (huge_bytes == 0 || bytes > largest_file() ||
      bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) || ::fstatvfs(file.get(), &status) != 0 ||
      huge_bytes / status.f_frsize > status.f_bavail || ::ftruncate(file.get(), static_cast<off_t>(huge_bytes)) != 0) {
    return;
  }
  void* const data = ::mmap(nullptr, huge_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return;
  if (::madvise(data, huge_bytes, MADV_HUGEPAGE) == 0) ::madvise(data, huge_bytes, kPopulateWrite);
  ::munmap(data, huge_bytes);
}

/// What a file of /proc or /sys says; empty if it cannot be read.
std::string content_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Where the file system of the directory is mounted.
std::optional<Mount> mount_of(const FileDescriptor& directory) {
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return std::nullopt;
  const std::string device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  std::ifstream lines("/proc/self/mountinfo");
  for (std::string line; std::getline(lines, line);) {
    if (Mount mount(line); mount.device == device) return mount;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_no_huge_pages(const FileDescriptor& directory) {
  const char* const kFile = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
  const std::string shmem = content_of(kFile);
  if (shmem.empty()) return "this system has none for shared memory";
  if (shmem.find("[force]") != std::string::npos) return std::nullopt;
  if (shmem.find("[deny]") != std::string::npos) {
    return fmt::format("{0} is 'deny'; write 'never' or 'advise' to it", kFile);
  }
  const auto mount = mount_of(directory);
  if (!mount) return std::nullopt;
  for (const char* const allows : {"huge=advise", "huge=within_size", "huge=always"}) {
    if (mount->has_option(allows)) return std::nullopt;
  }
  return fmt::format("the file system at {0} gives none; allow it to: mount -o remount,huge=advise {0}", mount->point);
}

std::uint64_t file_system_bytes(const FileDescriptor& directory) noexcept {
  struct statvfs status {};
  return ::fstatvfs(directory.get(), &status) == 0 ? status.f_blocks * status.f_frsize : 0;
}

Result<SharedMemory> SharedMemory::create(const FileDescriptor& directory, std::uint64_t bytes, Pages pages) {
  const std::string label = "unnamed shared memory in " + directory.path();
  auto file = FileDescriptor::open_at(directory, ".", O_TMPFILE | O_RDWR, 0600);
  if (!file) return system_failure(label, "cannot be created", file.error().os_errno());
  if (pages == Pages::huge) prepare_huge_pages(*file, bytes);
  if (auto reserved = reserve_all(*file, label, bytes); !reserved) return fail(reserved.error());
  return SharedMemory(std::move(*file), bytes, label);
}

Result<SharedMemory> SharedMemory::create_unreserved(const FileDescriptor& directory, std::uint64_t bytes) {
  const std::string label = "unnamed shared memory in " + directory.path();
  auto file = FileDescriptor::open_at(directory, ".", O_TMPFILE | O_RDWR, 0600);
  if (!file) return system_failure(label, "cannot be created", file.error().os_errno());
  if (auto allowed = check_file_size(label, bytes); !allowed) return fail(allowed.error());
  if (auto available = check_available(*file, label, bytes); !available) return fail(available.error());
  if (::ftruncate(file->get(), static_cast<off_t>(bytes)) != 0) {
    return no_space(*file, label, bytes, errno);
  }
  return SharedMemory(std::move(*file), bytes, label);
}

Result<void> SharedMemory::reserve(std::uint64_t offset, std::uint64_t bytes) const {
  if (auto available = check_available(fd_, label_, bytes); !available) return available;
  std::uint64_t done = offset;
  const int error = reserve_range(fd_, done, offset + bytes);
  if (error == 0) return {};
  if (!says_no_space(error)) return system_failure(label_, "cannot be reserved", error);
  return no_space(fd_, label_, offset + bytes - done, error);
}

bool SharedMemory::is_reserved() const noexcept { return backed_bytes(fd_).value_or(0) >= bytes_; }

Result<SharedMemory> SharedMemory::open(const FileDescriptor& directory, const std::string& name, Access access,
                                        uid_t owner, std::uint64_t min_bytes) {
  std::string path = path_in(directory, name);
  // Without O_NONBLOCK, opening a pipe that somebody put there would wait for its other end.
  const int flags = (access == Access::read_write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK;
  auto file = FileDescriptor::open_at(directory, name, flags);
  if (!file) {
    switch (const int error = file.error().os_errno()) {
      case ELOOP: return fail(Errc::permission, path, "is a symbolic link, which is refused", "remove it", error);
      case ENXIO:  // a socket
      case EISDIR: return fail(Errc::permission, path, "is not a regular file", "remove it");
      case EACCES:
      case EPERM:
        return fail(Errc::permission, path, "may not be opened", "remove it, or give its user the right", error);
      default: return fail(file.error());
    }
  }
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return system_failure(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::permission, path, "is not a regular file", "remove it");
  if (status.st_uid != owner) {
    return fail(Errc::permission, path, fmt::format("belongs to user {}, expected {}", status.st_uid, owner),
                "have it removed");
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes < min_bytes) {
    return fail(Errc::corrupt, path, fmt::format("has {} bytes, at least {} expected", bytes, min_bytes),
                "end the program that it belongs to, and start it again");
  }
  return SharedMemory(std::move(*file), bytes, std::move(path));
}

Result<void> SharedMemory::grow(std::uint64_t bytes) {
  if (auto reserved = reserve_all(fd_, label_, bytes, bytes_); !reserved) return reserved;
  bytes_ = bytes;
  return {};
}

Result<void> SharedMemory::link(const FileDescriptor& directory, const std::string& name) const {
  // By way of /proc, because naming a descriptor itself (AT_EMPTY_PATH) takes a privilege.
  const std::string source = fmt::format("/proc/self/fd/{}", fd_.get());
  if (::linkat(AT_FDCWD, source.c_str(), directory.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  const int error = errno;
  if (error == ENOENT && ::access("/proc/self/fd", F_OK) != 0) {
    // Not ENOENT, which says that the directory is gone.
    return fail(Errc::system, path_in(directory, name), "cannot be given its name, because there is no /proc/self/fd",
                "mount /proc where this program runs");
  }
  return system_failure(path_in(directory, name), "shared memory cannot be given this name", error);
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
