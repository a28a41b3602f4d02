#include "domain/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <unordered_set>

#include <fmt/format.h>

#include "domain/file_names.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY;

Result<void> check_own(const posix::FileDescriptor& directory, const std::string& path) {
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return posix::system_failure(path, "cannot be examined", errno);
  if (status.st_uid != ::geteuid()) {
    return fail(Errc::permission, path,
                fmt::format("belongs to user {}, and this program runs as user {}", status.st_uid, ::geteuid()),
                "have it removed, or set another directory in [shared_memory]");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(Errc::permission, path, fmt::format("may be written by others (mode {:04o})", status.st_mode & 07777U),
                fmt::format("chmod 0700 {}", path));
  }
  return {};
}

tl::unexpected<Error> not_listed(const posix::FileDescriptor& directory, int os_errno) {
  return posix::system_failure(directory.path(), "cannot be listed", os_errno);
}

tl::unexpected<Error> not_removed(const std::string& path, int os_errno) {
  return fail(Errc::system, path, "cannot be removed", "remove it by hand", os_errno);
}

/// Generations are counted up from the time in microseconds: none is ever so late, and a name that says so is nobody's.
constexpr std::uint64_t kLastGeneration = std::uint64_t{1} << 62U;

/// Of the files of one bucket, those that stay when their publisher goes: of latched ones that had announced themselves
/// so. What one has that was killed before that, or whose announcement was removed already, goes with its node.
class Staying {
 public:
  explicit Staying(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      if (const auto port = parse_port_file_name(file); port && port->latched) announced_.insert(file);
    }
  }

  bool any() const noexcept { return !announced_.empty(); }
  bool has(const std::string& file) const {
    if (announced_.empty()) return false;
    const auto port = latched_port_in(file);
    return port && announced_.contains(latched_name(*port));
  }

 private:
  std::unordered_set<std::string> announced_;
};

// Removes the files that are meant, from the domain's directory and from its buckets: as many as it can, whatever else
// happens. The result is the first thing that could not be listed or removed.
template <class Meant>
Result<void> remove_if(const Directory& domain, Meant meant) {
  Result<void> first;
  const auto remove = [&](const posix::FileDescriptor& place, const std::string& path, const std::string& name) {
    if (!meant(name) || unlink_name(place, name)) return;
    if (const int error = errno; first) first = not_removed(path + "/" + name, error);
  };
  // What a directory has, or the name itself if it is a file of nobody's that happens to be called so.
  const auto remove_from = [&](const posix::FileDescriptor& above, const std::string& path, const std::string& name,
                               auto remove_each) {
    const auto directory = open_below(above, name);
    const auto files = directory ? list_names(*directory) : fail(directory.error());
    if (files) return remove_each(*directory, path + "/" + name, *files);
    const int error = files.error().os_errno();
    if (error == ENOTDIR || error == ELOOP) {
      remove(above, path, name);
    } else if (error != ENOENT && first) {
      first = fail(files.error());
    }
  };
  using Names = std::vector<std::string>;
  const auto remove_all = [&](const posix::FileDescriptor& readers, const std::string& path, const Names& files) {
    for (const std::string& file : files) remove(readers, path, file);
  };
  const auto remove_of_bucket = [&](const posix::FileDescriptor& bucket, const std::string& path, const Names& files) {
    const Staying staying(files);
    for (const std::string& file : files) {
      if (file == kReadersName) {
        remove_from(bucket, path, file, remove_all);
      } else if (!staying.has(file)) {
        remove(bucket, path, file);
      }
    }
  };
  auto names = list_names(domain.fd);
  if (!names) return fail(std::move(names).error());
  for (const std::string& name : *names) {
    if (parse_bucket_name(name)) {
      remove_from(domain.fd, domain.path, name, remove_of_bucket);
    } else {
      remove(domain.fd, domain.path, name);
    }
  }
  return first;
}

Result<std::vector<std::string>> list_bucket(const Directory& domain, const std::string& name) {
  const auto bucket = open_below(domain.fd, name);
  if (!bucket) return fail(bucket.error());
  return list_names(*bucket);
}

}  // namespace

Result<posix::FileDescriptor> open_own_directory(const posix::FileDescriptor& parent, const std::string& name,
                                                 const std::string& path) {
  auto directory = posix::FileDescriptor::open_at(parent, name, kDirectoryFlags | O_NOFOLLOW);
  if (!directory && directory.error().os_errno() == ENOENT) {
    if (::mkdirat(parent.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
      return posix::system_failure(path, "cannot be made", errno);
    }
    directory = posix::FileDescriptor::open_at(parent, name, kDirectoryFlags | O_NOFOLLOW);
  }
  if (!directory) {
    const int error = directory.error().os_errno();
    if (error == ELOOP || error == ENOTDIR) {
      return fail(Errc::permission, path, "is not a directory, or is a symbolic link, which is refused",
                  "remove it, or set another directory in [shared_memory]", error);
    }
    if (error == EACCES) {
      return fail(Errc::permission, path, "cannot be opened", fmt::format("chmod 0700 {}", path), error);
    }
    return posix::system_failure(path, "cannot be opened", error);
  }
  if (auto own = check_own(*directory, path); !own) return fail(std::move(own).error());
  return directory;
}

std::string Directory::path_of(const std::string& parent, const std::string& domain) {
  return fmt::format("{}/baton-{}/{}", parent, ::geteuid(), domain);
}

Result<Directory> Directory::open(const std::string& parent, const std::string& domain) {
  Directory directory;
  directory.user_name = fmt::format("baton-{}", ::geteuid());
  directory.name = domain;
  const std::string user_path = parent + "/" + directory.user_name;
  directory.path = path_of(parent, domain);

  auto opened = posix::FileDescriptor::open(parent, kDirectoryFlags);
  if (!opened) {
    return fail(Errc::system, fmt::format("directory '{}'", parent),
                fmt::format("cannot be opened, so that domain '{}' has no place", domain),
                "make it, or set another directory in [shared_memory]", opened.error().os_errno());
  }
  directory.parent = *std::move(opened);
  auto user = open_own_directory(directory.parent, directory.user_name, user_path);
  if (!user) return fail(std::move(user).error());
  directory.user = *std::move(user);
  auto fd = open_own_directory(directory.user, domain, directory.path);
  if (!fd) return fail(std::move(fd).error());
  directory.fd = *std::move(fd);
  return directory;
}

void Directory::remove_if_empty() const noexcept {
  ::unlinkat(user.get(), name.c_str(), AT_REMOVEDIR);
  ::unlinkat(parent.get(), user_name.c_str(), AT_REMOVEDIR);
}

Result<std::vector<std::string>> list_names(const posix::FileDescriptor& directory, std::string_view prefix) {
  // A description of its own, because reading moves its position.
  auto own = posix::FileDescriptor::open_at(directory, ".", kDirectoryFlags);
  if (!own) return fail(std::move(own).error());
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own->get()), ::closedir);
  if (stream == nullptr) return not_listed(directory, errno);
  static_cast<void>(own->release());
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != ".." && name.substr(0, prefix.size()) == prefix) names.emplace_back(name);
  }
  if (errno != 0) return not_listed(directory, errno);
  return names;
}

Result<posix::FileDescriptor> open_below(const posix::FileDescriptor& directory, const std::string& name) {
  return posix::FileDescriptor::open_at(directory, name, kDirectoryFlags | O_NOFOLLOW);
}

bool unlink_name(const posix::FileDescriptor& directory, const std::string& name) noexcept {
  return ::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT;
}

Result<std::uint64_t> latest_generation_left(const Directory& directory) {
  auto names = list_names(directory.fd);
  if (!names) return fail(std::move(names).error());
  std::uint64_t latest = 0;
  for (const std::string& name : *names) {
    if (!parse_bucket_name(name)) continue;
    const auto files = list_bucket(directory, name);
    if (!files) continue;  // whoever needs it is told why
    for (const std::string& file : *files) {
      const auto port = latched_port_in(file);
      if (!port || port->owner.node.generation > kLastGeneration) continue;
      latest = std::max(latest, port->owner.node.generation);
    }
  }
  return latest;
}

Result<void> remove_files(const Directory& directory) {
  auto removed = remove_if(directory, [](const std::string& name) { return name != kRegistryName; });
  if (!removed) return removed;
  auto names = list_names(directory.fd);
  if (!names) return fail(std::move(names).error());
  for (const std::string& name : *names) {
    if (!parse_bucket_name(name)) continue;
    ::unlinkat(directory.fd.get(), (name + "/" + kReadersName).c_str(), AT_REMOVEDIR);  // else the bucket's says so
    if (::unlinkat(directory.fd.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
    const int error = errno;
    auto files = list_bucket(directory, name);
    if (!files) return fail(std::move(files).error());
    if (!Staying(*files).any()) return not_removed(directory.path + "/" + name, error);
  }
  if (!unlink_name(directory.fd, kRegistryName)) return not_removed(directory.path + "/" + kRegistryName, errno);
  return {};
}

Result<void> remove_files_of(const Directory& directory, std::uint32_t slot, std::optional<std::uint64_t> generation) {
  return remove_if(directory, [&](const std::string& name) {
    const auto owner = owner_of(name);
    return owner && owner->slot == slot && (!generation || owner->generation == *generation);
  });
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
