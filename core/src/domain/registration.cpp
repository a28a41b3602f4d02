#include "domain/registration.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "domain/file_content.hpp"
#include "domain/file_names.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

using Mode = posix::FileLocks::Mode;
using namespace std::chrono_literals;

constexpr auto kPatience = 2s;           // with those who leave
constexpr auto kLittlePatience = 200ms;  // with a registry that is of no use: another joiner may be about to replace it

// Makes a registry and gives it its name; that another one has the name by now is fine.
Result<void> make_registry(const Directory& directory) {
  auto memory = posix::SharedMemory::create(directory.fd, sizeof(Registry));
  if (!memory) return fail(std::move(memory).error());
  const FileHead head = make_head(FileKind::registry, {}, 0, sizeof(Registry));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  // Later than any generation of an earlier registry, of which nodes may still have files mapped: those counted up from
  // the time then, by one for each join. Of what latched publishers have left the names say it.
  auto left = latest_generation_left(directory);
  if (!left) return fail(std::move(left).error());
  const std::uint64_t first_generation = std::max(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()), *left + 1);
  // All else is zero: free slots, epochs at their beginning.
  if (::pwrite(memory->fd().get(), &head, sizeof(head), 0) != sizeof(head) ||
      ::pwrite(memory->fd().get(), &first_generation, sizeof(first_generation), offsetof(Registry, first_generation)) !=
          sizeof(first_generation)) {
    return posix::system_failure(directory.path + "/" + kRegistryName, "cannot be written", errno);
  }
  auto linked = memory->link(directory.fd, kRegistryName);
  if (!linked && linked.error().os_errno() != EEXIST) return linked;
  return {};
}

std::string registry_path(const Directory& directory) { return directory.path + "/" + kRegistryName; }

}  // namespace

Registration::~Registration() {
  {
    // While it is still told of forks: a child that inherited the locks would keep them for as long as it lives.
    const std::lock_guard lock(fork_mutex());
    locks_.close();
  }
  delist();
}

/// Opens the file for the locks. False if it, or its directory, went meanwhile.
Result<bool> Registration::open_registry() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    {
      const std::lock_guard lock(fork_mutex());
      auto file = posix::FileDescriptor::open_at(directory_.fd, kRegistryName, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
      if (file) {
        locks_ = posix::FileLocks(*std::move(file));
        return true;
      }
      const int error = file.error().os_errno();
      if (error == ELOOP || error == ENXIO || error == EISDIR || error == EACCES) {
        return fail(Errc::permission, registry_path(directory_), "is not a file that this user may write",
                    "remove it, or use another domain", error);
      }
      if (error != ENOENT) return posix::system_failure(registry_path(directory_), "cannot be opened", error);
    }
    auto made = make_registry(directory_);
    if (!made && made.error().os_errno() == ENOENT) return false;
    if (!made) return fail(std::move(made).error());
  }
  return false;
}

/// Whether the file that is open is the one that has the name now.
bool Registration::has_its_name() const noexcept {
  struct stat own {};
  struct stat named {};
  return ::fstat(locks_.file().get(), &own) == 0 &&
         ::fstatat(directory_.fd.get(), kRegistryName, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

Result<void> Registration::check_registry() const {
  const std::string path = registry_path(directory_);
  struct stat status {};
  if (::fstat(locks_.file().get(), &status) != 0) return posix::system_failure(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid()) {
    return fail(Errc::permission, path, "is not a regular file of this user", "remove it, or use another domain");
  }
  auto head = read_beginning<FileHead>(locks_.file(), path);
  if (!head) return fail(std::move(head).error());
  auto checked = check_head(*head, FileKind::registry, {}, 0, sizeof(Registry), path);
  if (checked && static_cast<std::uint64_t>(status.st_size) != sizeof(Registry)) {
    return damaged(path, fmt::format("has {} bytes, expected {}", status.st_size, sizeof(Registry)));
  }
  return checked;
}

/// Removes what is in the directory if nobody is in the domain, which is the result. The presence lock is given up for
/// it.
Result<bool> Registration::start_anew() {
  locks_.unlock(kPresenceByte);
  if (!locks_.try_lock(kPresenceByte, Mode::exclusive).value_or(false)) return false;
  // Between the two locks somebody else may have started anew: then what is in the directory is not ours to remove.
  if (!has_its_name()) return false;
  if (auto removed = remove_files(directory_); !removed) return fail(std::move(removed).error());
  return true;
}

Result<void> Registration::map_registry() {
  // A description of its own: a mapping keeps its description alive in a forked child, and with it the locks.
  auto file =
      posix::SharedMemory::open(directory_.fd, kRegistryName, posix::Access::read_write, ::geteuid(), sizeof(Registry));
  if (!file) return fail(std::move(file).error());
  auto map = map_shared(*file, 0, sizeof(Registry), posix::Access::read_write);
  if (!map) return fail(std::move(map).error());
  file_.emplace(*std::move(file));
  map_ = *std::move(map);
  return {};
}

/// Nothing when the presence lock is held and the registry mapped.
Result<std::optional<Registration::Obstacle>> Registration::try_enter(const std::string& parent,
                                                                      const std::string& domain) {
  const std::string path = Directory::path_of(parent, domain);
  const auto being_removed = [&] {
    return Obstacle{
        Error(Errc::system, path, "cannot be joined: it is removed again whenever it has been made",
              fmt::format("see which programs of the domain come and go all the time, or what cleans up {}", parent)),
        kPatience};
  };
  const auto being_left = [&] {
    return Obstacle{Error(Errc::system, path,
                          "cannot be joined: a process that was the last one to leave it does not come to an end",
                          fmt::format("see who has {}/{} open (fuser), and end it", path, kRegistryName)),
                    kPatience};
  };
  auto directory = Directory::open(parent, domain);
  if (!directory && directory.error().os_errno() == ENOENT && ::access(parent.c_str(), F_OK) == 0) {
    return being_removed();
  }
  if (!directory) return fail(std::move(directory).error());
  directory_ = *std::move(directory);

  auto opened = open_registry();
  if (!opened) return fail(std::move(opened).error());
  if (!*opened) return being_removed();
  auto present = locks_.try_lock(kPresenceByte, Mode::shared);
  if (!present) return fail(std::move(present).error());
  if (!*present) return being_left();
  if (!has_its_name()) return being_removed();

  if (auto checked = check_registry(); !checked) {
    if (checked.error().code() != Errc::incompatible && checked.error().code() != Errc::corrupt) {
      return fail(std::move(checked).error());
    }
    auto emptied = start_anew();
    if (!emptied) return fail(std::move(emptied).error());
    if (!*emptied) return Obstacle{std::move(checked).error(), kLittlePatience};
    log::warn("domain '{}': nobody is in it, and it begins anew: {}", domain, checked.error());
    return being_removed();
  }
  if (auto mapped = map_registry(); !mapped) return fail(std::move(mapped).error());
  if (!has_its_name()) return being_removed();
  return std::nullopt;
}

Result<std::unique_ptr<Registration>> Registration::enter(const std::string& parent, const std::string& domain) {
  std::unique_ptr<Registration> self(new Registration);
  const auto started = std::chrono::steady_clock::now();
  for (auto pause = 100us;; pause = std::min(pause * 2, std::chrono::microseconds(10ms))) {
    auto obstacle = self->try_enter(parent, domain);
    if (!obstacle) return fail(std::move(obstacle).error());
    if (!*obstacle) break;
    {
      const std::lock_guard lock(fork_mutex());
      self->locks_.close();
    }
    if (std::chrono::steady_clock::now() - started >= (*obstacle)->patience) return fail((*obstacle)->error);
    std::this_thread::sleep_for(pause);
  }
  if (auto taken = self->take_slot(); !taken) {
    self->leave_domain();
    return fail(std::move(taken).error());
  }
  return self;
}

Result<void> Registration::take_slot() {
  id_.slot = kMaxNodes;  // none yet
  for (std::uint32_t slot = 0; slot < kMaxNodes; ++slot) {
    if (is_taken(slot)) reaped_while_joining_ |= reap(slot);
  }
  const ProcessLabels labels = own_labels();
  for (std::uint32_t number = 0; number < kMaxNodes; ++number) {
    if (is_taken(number)) continue;
    auto locked = locks_.try_lock(kFirstSlotByte + number, Mode::exclusive);
    if (!locked) return fail(std::move(locked).error());
    if (!*locked) continue;
    // Somebody may have come and died between the look and the lock.
    if (is_taken(number)) {
      note_death(number);
      if (!clear_slot(number)) {
        locks_.unlock(kFirstSlotByte + number);
        continue;
      }
    }
    NodeSlot& own = slot(number);
    id_.slot = number;
    // relaxed: who reads them reads the state first, and what the state says is stored last.
    id_.generation = std::max(own.generation.load(std::memory_order_relaxed) + 1, registry().first_generation);
    own.pid.store(labels.pid, std::memory_order_relaxed);
    own.pid_start_ticks.store(labels.start_ticks, std::memory_order_relaxed);
    own.pid_namespace.store(labels.pid_namespace, std::memory_order_relaxed);
    own.shared_bytes.store(0, std::memory_order_relaxed);  // of one that was killed before its slot was cleared
    own.generation.store(id_.generation, std::memory_order_release);  // the former state before it: see others()
    own.state.store(NodeState::joining, std::memory_order_release);   // S1: what was stored above; pairs with node_at
    return {};
  }
  return fail(Errc::no_space, directory_.path, fmt::format("all of its {} nodes are taken", kMaxNodes),
              "end some of its programs, or use another domain for some");
}

void Registration::ready() noexcept {
  slot(id_.slot).state.store(NodeState::ready, std::memory_order_release);  // S1: the node's files before it
  registry().node_epoch.fetch_add(1, std::memory_order_release);            // N1: the slot before it
}

std::optional<NodeId> Registration::node_at(std::uint32_t number) const noexcept {
  if (number >= kMaxNodes) return std::nullopt;
  const NodeSlot& node = slot(number);
  const NodeState state = node.state.load(std::memory_order_seq_cst);  // S1. After a file that was given to the node
  if (state == NodeState::free || state == NodeState::leaving) return std::nullopt;
  // relaxed: ordered by S1. A successor may have taken the slot in between; then it is the successor who is here.
  return NodeId{number, node.generation.load(std::memory_order_relaxed)};
}

std::vector<NodeId> Registration::others() const {
  std::vector<NodeId> found;
  const auto is_ready = [](const NodeSlot& node) {
    return node.state.load(std::memory_order_acquire) == NodeState::ready;  // S1
  };
  for (std::uint32_t number = 0; number < kMaxNodes; ++number) {
    const NodeSlot& node = slot(number);
    if (number == id_.slot || !is_ready(node)) continue;
    // acquire: if it is a successor's, who is still joining, the second look finds that.
    const std::uint64_t generation = node.generation.load(std::memory_order_acquire);
    if (is_ready(node)) found.push_back({number, generation});
  }
  return found;
}

bool Registration::is_ready(const NodeId& node) const noexcept {
  const NodeSlot& there = slot(node.slot);
  return there.state.load(std::memory_order_acquire) == NodeState::ready &&      // S1
         there.generation.load(std::memory_order_acquire) == node.generation &&  // as in `others`
         there.state.load(std::memory_order_acquire) == NodeState::ready;
}

bool Registration::has_died(const NodeId& node) const noexcept {
  // relaxed: stored before the state by which the caller has seen that the node is gone.
  return slot(node.slot).died.load(std::memory_order_relaxed) == node.generation;
}

std::uint64_t Registration::domain_bytes() const noexcept {
  std::uint64_t bytes = sizeof(Registry);
  for (std::uint32_t number = 0; number < kMaxNodes; ++number) {
    // Of a slot that is free nothing is left. relaxed: a figure
    if (is_taken(number)) bytes += slot(number).shared_bytes.load(std::memory_order_relaxed);
  }
  return bytes;
}

bool Registration::is_taken(std::uint32_t number) const noexcept {
  return number < kMaxNodes && slot(number).state.load(std::memory_order_acquire) != NodeState::free;  // S1
}

/// Under the slot's lock, which its owner did not hold: it has died, unless it was leaving already.
void Registration::note_death(std::uint32_t number) noexcept {
  NodeSlot& dead = slot(number);
  // relaxed: under the lock. Who sees what is stored in the state next sees this, too.
  if (dead.state.load(std::memory_order_relaxed) != NodeState::ready) return;
  dead.died.store(dead.generation.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

/// Under the slot's lock: removes what the slot's owners left, or only the one of that generation, and frees it. With
/// an error, which is the first thing that could not be removed, the slot is not free.
Result<void> Registration::clear_slot(std::uint32_t number, std::optional<std::uint64_t> generation) {
  slot(number).state.store(NodeState::leaving, std::memory_order_seq_cst);  // before the files are listed
  if (auto removed = remove_files_of(directory_, number, generation); !removed) return removed;
  // A dead node's ports are gone: whoever compares epochs has to look again, in every bucket, for the node may have
  // removed a file itself and died before it changed the epoch. All before the slot is free, so that a reaper that is
  // killed in between leaves a slot that is reaped again.
  for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    // seq_cst, B1: see Membership::bump
    registry().interested[bucket][number / 64].fetch_and(~(std::uint64_t{1} << number % 64), std::memory_order_seq_cst);
    registry().epochs[bucket].fetch_add(1, std::memory_order_seq_cst);
  }
  slot(number).shared_bytes.store(0, std::memory_order_relaxed);         // a figure, ordered by S1
  registry().node_epoch.fetch_add(1, std::memory_order_release);         // N1: `leaving` before it
  slot(number).state.store(NodeState::free, std::memory_order_release);  // S1: everything is gone before
  return {};
}

/// Once for each node: whoever looks at its slot tries again.
void Registration::report_leftovers(const NodeId& node, const Error& error) {
  if (!reported_.insert(node).second) return;
  log::warn("domain {}: node {}.{} is gone, but its slot stays taken until everything of it can be removed: {}",
            directory_.path, node.slot, node.generation, error);
}

bool Registration::reap(std::uint32_t number) noexcept {
  if (number >= kMaxNodes || number == id_.slot) return false;
  const std::lock_guard lock(reap_mutex_);
  bool reaped = false;
  try {
    if (!locks_.try_lock(kFirstSlotByte + number, Mode::exclusive).value_or(false)) return false;
    const NodeId dead{number, slot(number).generation.load(std::memory_order_relaxed)};  // under the lock
    if (is_taken(number)) {
      note_death(number);
      // If somebody removed the registry, what lies in the directory may be of another one, but for the files of this
      // generation, which no other registry has.
      const auto cleared = has_its_name() ? clear_slot(number) : clear_slot(number, dead.generation);
      reaped = cleared.has_value();
      if (reaped) log::info("domain {}: reaped node {}.{}", directory_.path, number, dead.generation);
      if (!reaped) report_leftovers(dead, cleared.error());
    }
  } catch (const std::exception&) {  // no memory: the slot is looked at again
  }
  locks_.unlock(kFirstSlotByte + number);
  return reaped;
}

void Registration::leave_slot() noexcept {
  const std::lock_guard lock(reap_mutex_);
  try {  // what cannot be removed is left to a reaper, with a slot that is not free
    if (auto cleared = clear_slot(id_.slot, id_.generation); !cleared) report_leftovers(id_, cleared.error());
  } catch (const std::exception&) {
  }
  locks_.unlock(kFirstSlotByte + id_.slot);
}

void Registration::leave_domain() noexcept {
  // Of those who leave at the same time, each first gives up its presence and then tries to be alone, so that the last
  // one succeeds.
  try {
    const auto emptied = start_anew();
    if (emptied && *emptied) directory_.remove_if_empty();
    if (!emptied) {
      log::warn("domain {}: nobody is in it any more, but it is not empty: {}; what is left is for the next to join",
                directory_.path, emptied.error());
    }
  } catch (const std::exception&) {  // no memory: as above
  }
  const std::lock_guard lock(fork_mutex());
  locks_.close();
}

Result<const posix::FileDescriptor*> Registration::bucket(std::uint32_t number) {
  const std::lock_guard lock(buckets_mutex_);
  posix::FileDescriptor& known = buckets_[number];
  if (!known) {
    const std::string name = bucket_name(number);
    auto opened = open_own_directory(directory_.fd, name, directory_.path + "/" + name);
    if (!opened && opened.error().os_errno() == ENOENT) {
      return fail(Errc::system, directory_.path, "has been removed", "start the programs of the domain again", ENOENT);
    }
    if (!opened) return fail(std::move(opened).error());
    known = *std::move(opened);
  }
  return &known;
}

bool Registration::has_bucket(std::uint32_t number) {
  const std::lock_guard lock(buckets_mutex_);
  struct stat status {};
  return buckets_[number] ||
         ::fstatat(directory_.fd.get(), bucket_name(number).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool Registration::is_lost() const noexcept {
  struct stat status {};
  return ::fstat(file_->fd().get(), &status) == 0 && status.st_nlink == 0;
}

void Registration::in_child() noexcept {
  // The parent's death has to be seen although this process lives, so the description must not live on here.
  locks_.close();
  forked_.store(true, std::memory_order_relaxed);  // before `fork` returns, in the only thread
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
