// The mappings that all of this process share.
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <tuple>

#include "baton/domain/member.hpp"
#include "domain/process.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

// The device and inode cannot mean another file as long as a mapping of this one exists.
using Key = std::tuple<dev_t, ino_t, std::uint64_t, std::uint64_t>;

/// Guarded by `fork_mutex`. Never destroyed: mappings may be let go of in destructors of static objects.
std::map<Key, std::weak_ptr<const posix::Mapping>>& cache() {
  static auto* const known = new std::map<Key, std::weak_ptr<const posix::Mapping>>;
  return *known;
}

bool serves(const posix::Mapping& mapping, posix::Access access) noexcept {
  return access == posix::Access::read_only || !mapping.writable_bytes().empty();
}

void forget(const Key& key, const posix::Mapping* mapping) noexcept {
  {
    const std::lock_guard lock(fork_mutex());
    const auto entry = cache().find(key);
    // Another mapping may have taken the place meanwhile.
    if (entry != cache().end() && entry->second.expired()) cache().erase(entry);
  }
  delete mapping;
}

/// The one of these bytes that serves, if there is one; else `made`, which is that one from now on, or null.
std::shared_ptr<const posix::Mapping> find_or_enter(const Key& key, posix::Access access,
                                                    const std::shared_ptr<const posix::Mapping>& made) {
  std::shared_ptr<const posix::Mapping> known;  // outlives the lock, which the last one to let go of a mapping takes
  const std::lock_guard lock(fork_mutex());
  auto& entries = cache();
  if (const auto entry = entries.find(key); entry != entries.end()) known = entry->second.lock();
  if (known != nullptr && serves(*known, access)) return known;
  if (made != nullptr) entries[key] = made;
  return made;
}

}  // namespace

Result<std::shared_ptr<const posix::Mapping>> map_shared(const posix::SharedMemory& memory, std::uint64_t offset,
                                                         std::uint64_t bytes, posix::Access access,
                                                         posix::MapOptions options) {
  struct stat status {};
  if (::fstat(memory.fd().get(), &status) != 0) {
    return posix::system_failure(memory.label(), "cannot be examined", errno);
  }
  const Key key{status.st_dev, status.st_ino, offset, bytes};
  if (auto known = find_or_enter(key, access, nullptr)) {
    if (options.populate) posix::populate(known->bytes(), access);  // who mapped it may not have asked for that
    return known;
  }
  // Without the lock: if there is no memory for what follows, `forget` takes it.
  auto mapped = posix::Mapping::map(memory, offset, bytes, access);
  if (!mapped) return fail(std::move(mapped).error());
  if (options.pages == posix::Pages::huge) posix::advise_huge_pages(mapped->bytes());
  if (options.populate) posix::populate(mapped->bytes(), access);
  const std::shared_ptr<const posix::Mapping> made(new posix::Mapping(*std::move(mapped)),
                                                   [key](const posix::Mapping* mapping) { forget(key, mapping); });
  return find_or_enter(key, access, made);  // another thread may have been quicker
}

bool forget_unshared(const std::shared_ptr<const posix::Mapping>& mapping) noexcept {
  const std::lock_guard lock(fork_mutex());  // nobody finds it meanwhile
  if (mapping.use_count() != 1) return false;
  auto& entries = cache();
  const auto is_this = [&](const auto& entry) {
    return !entry.second.owner_before(mapping) && !mapping.owner_before(entry.second);
  };
  std::erase_if(entries, is_this);
  mapping->forget_memory();
  return true;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
