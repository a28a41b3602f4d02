#include "domain/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>

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

// Calls `remove(directory, name)` for each file of the domain's directory and of its buckets. True if all of it could
// be listed and all calls returned true.
template <class Remove>
bool for_each_file(const posix::FileDescriptor& domain, Remove remove) {
  const auto names = list_names(domain);
  if (!names) return false;
  bool complete = true;
  for (const std::string& name : *names) {
    if (!parse_bucket_name(name)) {
      complete &= remove(domain, name);
      continue;
    }
    const auto bucket = posix::FileDescriptor::open_at(domain, name, kDirectoryFlags | O_NOFOLLOW);
    const auto files = bucket ? list_names(*bucket) : fail(bucket.error());
    if (!files) complete &= files.error().os_errno() == ENOENT;
    for (const std::string& file : files.value_or(std::vector<std::string>())) complete &= remove(*bucket, file);
  }
  return complete;
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
    if (error == EACCES) return fail(Errc::permission, path, "cannot be opened", "", error);
    return posix::system_failure(path, "cannot be opened", error);
  }
  if (auto own = check_own(*directory, path); !own) return fail(std::move(own).error());
  return directory;
}

Result<Directory> Directory::open(const std::string& parent, const std::string& domain) {
  Directory directory;
  directory.user_name = fmt::format("baton-{}", ::geteuid());
  directory.name = domain;
  const std::string user_path = parent + "/" + directory.user_name;
  directory.path = user_path + "/" + domain;

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
  if (stream == nullptr) return posix::system_failure("a directory", "cannot be listed", errno);
  static_cast<void>(own->release());
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != ".." && name.substr(0, prefix.size()) == prefix) names.emplace_back(name);
  }
  if (errno != 0) return posix::system_failure("a directory", "cannot be listed", errno);
  return names;
}

bool unlink_name(const posix::FileDescriptor& directory, const std::string& name) noexcept {
  return ::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT;
}

void remove_files(const Directory& directory) noexcept try {
  for_each_file(directory.fd, [](const posix::FileDescriptor& place, const std::string& name) {
    return name == kRegistryName || unlink_name(place, name);
  });
  for (const std::string& name : list_names(directory.fd).value_or(std::vector<std::string>())) {
    if (parse_bucket_name(name)) ::unlinkat(directory.fd.get(), name.c_str(), AT_REMOVEDIR);
  }
  unlink_name(directory.fd, kRegistryName);
} catch (const std::bad_alloc&) {  // what is left is for the next one who has the domain to himself
}

bool remove_files_of(const Directory& directory, std::uint32_t slot, std::optional<std::uint64_t> generation) noexcept
    try {
  return for_each_file(directory.fd, [&](const posix::FileDescriptor& place, const std::string& name) {
    const auto owner = owner_of(name);
    const bool meant = owner && owner->slot == slot && (!generation || owner->generation == *generation);
    return !meant || unlink_name(place, name);
  });
} catch (const std::bad_alloc&) {
  return false;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
