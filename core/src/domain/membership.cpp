#include "domain/membership.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "baton/names.hpp"
#include "baton/posix/blocked_signals.hpp"
#include "baton/posix/membarrier.hpp"
#include "domain/file_content.hpp"
#include "domain/file_names.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

constexpr std::uint64_t kBellBytes = 2 * kPageBytes;

// The same bytes for everyone who maps a node's file, so that this process's nodes share their mappings.
Result<Member::NodeView> map_node_file(const posix::SharedMemory& memory, posix::Access page_access, bool prefault) {
  const posix::MapOptions options{.populate = prefault};
  auto page = map_shared(memory, 0, kPageBytes, page_access, options);
  if (!page) return fail(std::move(page).error());
  auto bells = map_shared(memory, kPageBytes, kBellBytes, posix::Access::read_write, options);
  if (!bells) return fail(std::move(bells).error());
  return Member::NodeView{*std::move(page), *std::move(bells)};
}

}  // namespace

Result<std::shared_ptr<Membership>> Membership::join(Member::Request request) {
  if (auto valid = check_domain_name(request.domain); !valid) return fail(std::move(valid).error());
  if (auto valid = check_node_name(request.node); !valid) return fail(std::move(valid).error());
  std::shared_ptr<Membership> self(new Membership(std::move(request)));
  const Settings& settings = self->request_.settings;
  auto wake = posix::EventFd::create();
  if (!wake) return fail(std::move(wake).error());
  self->wake_.emplace(*std::move(wake));
  auto registration = Registration::enter(settings.directory, self->request_.domain);
  if (!registration) return fail(std::move(registration).error());
  self->registration_ = *std::move(registration);
  struct LeaveUnlessJoined {
    Registration* registration;
    ~LeaveUnlessJoined() {
      if (registration == nullptr) return;
      registration->leave_slot();
      registration->leave_domain();
    }
  } otherwise{self->registration_.get()};
  self->account_ = std::make_unique<Account>(*self->registration_, self->request_.settings.memory, self->request_.node);
  self->warn_of_small_pages();
  self->watches_ = std::make_unique<Watches>(*self->registration_, settings.hung_after);
  self->roster_ = std::make_unique<Roster>(*self->registration_, *self->request_.events);
  if (auto made = self->make_node_file(); !made) return fail(std::move(made).error());
  self->registration_->ready();
  if (auto started = self->start_keeper(); !started) return fail(std::move(started).error());
  otherwise.registration = nullptr;
  if (self->registration_->reaped_while_joining()) {
    self->wake_everybody();
  } else {
    self->tell_everybody(kNodes);
  }
  log::debug("[{}] joined domain '{}' in {} as node {}.{}", self->request_.node, self->request_.domain,
             self->registration_->directory().path, self->registration_->id().slot,
             self->registration_->id().generation);
  return self;
}

/// Once in a process: what is to be done about it is done for the machine.
void Membership::warn_of_small_pages() const {
  static std::atomic<bool> warned{false};
  if (!request_.settings.memory.huge_pages) return;
  const auto reason = posix::why_no_huge_pages(registration_->directory().fd);
  if (!reason || warned.exchange(true)) return;
  log::warn("[{}] huge_pages = true has no effect: {}", request_.node, *reason);
}

Result<void> Membership::make_node_file() {
  const posix::FileDescriptor& directory = registration_->directory().fd;
  const NodeId id = registration_->id();
  if (auto taken = account_->take({}, sizeof(NodeFile)); !taken) return taken;
  auto socket = posix::Socket::bind(directory, node_socket_name(id));
  if (!socket) return fail(std::move(socket).error());
  socket_.emplace(*std::move(socket));

  auto memory = posix::SharedMemory::create(directory, sizeof(NodeFile));
  if (!memory) return fail(std::move(memory).error());
  auto view = map_node_file(*memory, posix::Access::read_write, request_.settings.memory.prefault);
  if (!view) return fail(std::move(view).error());
  NodeFile& file = *reinterpret_cast<NodeFile*>(view->page->writable_bytes().data());
  file.head = make_head(FileKind::node, {id, 0}, 0, sizeof(NodeFile));
  std::copy_n(request_.node.begin(), std::min(request_.node.size(), file.name.size() - 1), file.name.begin());
  if (request_.keeper) file.heartbeat_interval_ns = static_cast<std::uint64_t>(request_.settings.heartbeat.count());
  if (auto linked = memory->link(directory, node_file_name(id)); !linked) return linked;
  node_memory_.emplace(*std::move(memory));
  own_view_.emplace(*std::move(view));
  return {};
}

Result<void> Membership::start_keeper() {
  last_tick_ = Clock::now();
  next_tick_.store(last_tick_, std::memory_order_relaxed);
  if (!request_.keeper) return {};
  // For the guards of publishers, and the readers of rings. Before there is a second thread it takes no time; later the
  // kernel waits until all processors have seen it, some 10 ms.
  static_cast<void>(posix::has_membarrier());
  static_cast<void>(posix::has_membarrier_everywhere());
  int error = ENOMEM;
  try {
    const posix::BlockedSignals blocked;
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
    pthread_setname_np(thread_.native_handle(), "baton-keeper");
    return {};
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  } catch (const std::exception&) {  // no memory for it
  }
  return fail(Errc::no_space, fmt::format("node '{}'", request_.node), "its keeper's thread cannot be started",
              "set Options::keeper to false and call Node::keep, or raise the limit of threads", error);
}

void Membership::leave() noexcept {
  if (registration_->forked()) return;
  ending_.store(true, std::memory_order_relaxed);  // ordered by the descriptor that is signalled
  wake_->signal();
  if (thread_.joinable()) {
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // it ends when it returns from the call in which this happens
    } else {
      thread_.join();
    }
  }
  registration_->leave_slot();
  wake_everybody();
  registration_->leave_domain();
}

BucketView& Membership::bucket_view(std::uint32_t bucket) {
  const std::lock_guard lock(views_mutex_);
  if (views_[bucket] == nullptr) views_[bucket] = std::make_unique<BucketView>();
  return *views_[bucket];
}

/// False if the receiver's queue is full.
bool Membership::send(const NodeId& node, Message message) const noexcept try {
  const auto bytes = std::as_bytes(std::span(&message, 1));
  const auto sent = socket_->send(registration_->directory().fd, node_socket_name(node), bytes);
  return !sent || *sent != posix::Socket::Sent::full;
} catch (const std::exception&) {  // no memory: it looks by itself, at its next tick
  return true;
}

void Membership::wake_self(std::uint32_t bucket) noexcept {
  {
    const std::lock_guard lock(own_nudges_mutex_);
    own_nudges_.set(bucket);
  }
  wake_->signal();
}

void Membership::look_again(std::uint32_t bucket) noexcept {
  const std::lock_guard lock(own_nudges_mutex_);
  nudges_at_tick_.set(bucket);
}

void Membership::tell_everybody(Message message) noexcept {
  for (std::uint32_t slot = 0; slot < kMaxNodes; ++slot) {
    const auto node = registration_->node_at(slot);
    if (node && *node != registration_->id()) send(*node, message);
  }
}

/// After a node is gone, whose ports may have been in every bucket.
void Membership::wake_everybody() noexcept {
  tell_everybody(kEverything);
  wake_->signal();
}

// B1: a port's file, then the epoch, then who is interested; and the interest, then the epoch, then the files. All
// seq_cst, so that either the one who changes something sees the other's interest, or that one sees the change.
void Membership::bump(std::uint32_t bucket) noexcept {
  Registry& registry = registration_->registry();
  registry.epochs[bucket].fetch_add(1, std::memory_order_seq_cst);  // B1. E1 (release): the files before the epoch
  for (std::uint32_t word = 0; word < registry.interested[bucket].size(); ++word) {
    std::uint64_t bits = registry.interested[bucket][word].load(std::memory_order_seq_cst);  // B1
    for (; bits != 0; bits &= bits - 1) {
      const auto slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      if (slot == registration_->id().slot) {
        wake_->signal();
      } else if (const auto node = registration_->node_at(slot)) {
        send(*node, bucket);  // if its queue is full, it is about to compare all epochs anyway
      }
    }
  }
}

void Membership::nudge(const NodeId& node, std::uint32_t bucket) noexcept {
  if (node == registration_->id()) return wake_self(bucket);
  if (!registration_->is_there(node) || send(node, bucket)) return;
  // Its queue is full. What does not fit into that is said by the epoch, which a keeper compares each time when it has
  // emptied the queue. It may have done both just before this epoch changed, and sleep: then there is room now, and the
  // second datagram wakes it. If there is none, it has yet to empty the queue, and finds the epoch afterwards.
  registration_->registry().epochs[bucket].fetch_add(1, std::memory_order_seq_cst);  // B1
  send(node, bucket);
}

bool Membership::reap(std::uint32_t slot) noexcept {
  if (!registration_->reap(slot)) return false;
  wake_everybody();
  return true;
}

void Membership::report_newcomers(std::vector<Event>& to_announce) noexcept try {
  roster_->report_newcomers(to_announce);
} catch (const std::exception&) {  // no memory: the next look finds them
}

void Membership::watch(const NodeId& node, std::shared_ptr<const posix::Mapping> page) {
  watches_->add(node, std::move(page));
  wake_->signal();  // it has one more to wait for
}

/// B1: before whoever becomes interested looks for the first time.
void Membership::be_interested(std::uint32_t bucket) noexcept {
  const std::uint32_t slot = registration_->id().slot;
  auto& word = registration_->registry().interested[bucket][slot / 64];
  word.fetch_or(std::uint64_t{1} << slot % 64, std::memory_order_seq_cst);  // B1
}

void Membership::add(std::uint32_t bucket, Kept& kept) {
  kept_.add(bucket, kept);
  be_interested(bucket);
  kept_.make_due(bucket, kept);
  wake_->signal();
}

void Membership::remove(Kept& kept) noexcept {
  std::uint32_t bucket = 0;
  if (!kept_.remove(kept, bucket)) return;
  const std::uint32_t slot = registration_->id().slot;
  auto& word = registration_->registry().interested[bucket][slot / 64];
  word.fetch_and(~(std::uint64_t{1} << slot % 64), std::memory_order_seq_cst);
  // Another thread may have added one just before the bit was cleared. Of "added, then set" and "cleared, then looked"
  // at least one comes last.
  if (!kept_.has(bucket)) return;
  be_interested(bucket);
  kept_.make_due(KeptList::Buckets().set(bucket));  // it may have missed something in between
  wake_->signal();
}

Result<Member::NodeView> Membership::view(const NodeId& node) const {
  auto memory = posix::SharedMemory::open(registration_->directory().fd, node_file_name(node),
                                          posix::Access::read_write, ::geteuid(), sizeof(NodeFile));
  if (!memory) return fail(std::move(memory).error());
  auto head = read_beginning<FileHead>(memory->fd(), memory->label());
  if (!head) return fail(std::move(head).error());
  auto checked = check_head(*head, FileKind::node, {node, 0}, 0, sizeof(NodeFile), memory->label());
  if (!checked) return fail(std::move(checked).error());
  return map_node_file(*memory, posix::Access::read_only, request_.settings.memory.prefault);
}

std::optional<std::uint32_t> Membership::take_bell(BellUse use) noexcept {
  // Sets can do without, callbacks cannot; and one bell is enough for these.
  const std::uint32_t bells = use == BellUse::callbacks ? kNodeBells : kNodeBells - 1;
  std::uint64_t taken = taken_bells_.load(std::memory_order_relaxed);  // a guess; the exchange decides
  while (true) {
    const auto index = static_cast<std::uint32_t>(std::countr_one(taken));
    if (index >= bells) return std::nullopt;
    // acquire: what the bell's last owner did with it comes before.
    if (taken_bells_.compare_exchange_weak(taken, taken | std::uint64_t{1} << index, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      return index;
    }
  }
}

void Membership::give_back_bell(std::uint32_t index) noexcept {
  own_view_->bell(index)->armed.store(0, std::memory_order_relaxed);  // nobody sleeps there; see Sleeper::disarm
  taken_bells_.fetch_and(~(std::uint64_t{1} << index), std::memory_order_release);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
