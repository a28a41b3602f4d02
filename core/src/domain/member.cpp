// The public face of a membership: each function does nothing in a forked child, and otherwise what Membership does.
#include "baton/domain/member.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

tl::unexpected<Error> forked_error(const Membership& state) {
  return fail(Errc::forked, fmt::format("node '{}'", state.request().node),
              "belongs to the process that this one was forked from", "open a node of its own in the child");
}

/// What the child of a fork inherited and must not touch any more, not even to destroy it.
void leave_alone(std::shared_ptr<Membership> state) {
  static auto* const left_alone = new std::vector<std::shared_ptr<Membership>>;
  left_alone->push_back(std::move(state));
}

}  // namespace

Member::Member(std::shared_ptr<Membership> state) noexcept : state_(std::move(state)) {}

Member::~Member() {
  if (forked()) {
    leave_alone(state_);
  } else {
    state_->leave();
  }
}

Result<std::shared_ptr<Member>> Member::join(Request request) {
  auto state = Membership::join(std::move(request));
  if (!state) return fail(std::move(state).error());
  return std::shared_ptr<Member>(new Member(*std::move(state)));
}

NodeId Member::id() const noexcept { return state_->registration().id(); }
const std::string& Member::node() const noexcept { return state_->request().node; }
const std::string& Member::domain() const noexcept { return state_->request().domain; }
bool Member::has_keeper() const noexcept { return state_->request().keeper; }
bool Member::forked() const noexcept { return state_->registration().forked(); }
const posix::Socket& Member::socket() const noexcept { return state_->socket(); }
const std::shared_ptr<EventQueue>& Member::events() const noexcept { return state_->request().events; }
std::uint32_t Member::node_epoch() const noexcept {
  return state_->registration().node_epoch().load(std::memory_order_acquire);  // N1
}
std::chrono::nanoseconds Member::heartbeat() const noexcept { return state_->request().settings.heartbeat; }
std::uint32_t Member::next_port() noexcept { return state_->next_port(); }

Result<const posix::FileDescriptor*> Member::directory(std::uint32_t bucket) {
  if (forked()) return forked_error(*state_);
  return state_->registration().bucket(bucket);
}

Result<posix::SharedMemory> Member::open(std::uint32_t bucket, const std::string& name, posix::Access access,
                                         std::uint64_t min_bytes) {
  auto place = directory(bucket);
  if (!place) return fail(std::move(place).error());
  return posix::SharedMemory::open(**place, name, access, ::geteuid(), min_bytes);
}

bool Member::unlink(std::uint32_t bucket, const std::string& name) noexcept {
  const auto place = directory(bucket);
  if (!place) return false;
  if (::unlinkat((*place)->get(), name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  log::error("[{}] {}/{:02x}/{} cannot be removed: {}", node(), state_->registration().directory().path, bucket, name,
             std::generic_category().message(errno));
  return false;
}

bool Member::has(std::uint32_t bucket, const std::string& name) noexcept {
  const auto place = directory(bucket);
  struct stat status {};
  return place && ::fstatat((*place)->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<void> Member::link(std::uint32_t bucket, const std::string& from, const std::string& to) {
  auto place = directory(bucket);
  if (!place) return fail(std::move(place).error());
  const int fd = (*place)->get();
  int error = ::linkat(fd, from.c_str(), fd, to.c_str(), 0) == 0 ? 0 : errno;
  const std::string below = to.substr(0, to.rfind('/') + 1);
  if (error == ENOENT && !below.empty() && (::mkdirat(fd, below.c_str(), 0700) == 0 || errno == EEXIST)) {
    error = ::linkat(fd, from.c_str(), fd, to.c_str(), 0) == 0 ? 0 : errno;
  }
  if (error == 0 || error == EEXIST) return {};
  return fail(error == ENOSPC ? Errc::no_space : Errc::system, from, "cannot be given a second name",
              error == ENOENT ? "do not remove files of a domain that is in use" : "", error);
}

bool Member::has_directory(std::uint32_t bucket) { return !forked() && state_->registration().has_bucket(bucket); }

Result<std::vector<std::string>> Member::list(std::uint32_t bucket, std::string_view prefix) {
  auto place = directory(bucket);
  if (!place) return fail(std::move(place).error());
  const std::string_view below = prefix.substr(0, prefix.rfind('/') + 1);
  if (below.empty()) return list_names(**place, prefix);
  const auto directory = open_below(**place, std::string(below));
  if (!directory && directory.error().os_errno() == ENOENT) return std::vector<std::string>();
  if (!directory) return fail(directory.error());
  auto names = list_names(*directory, prefix.substr(below.size()));
  if (names) {
    for (std::string& name : *names) name.insert(0, below);
  }
  return names;
}

const std::atomic<std::uint32_t>& Member::epoch(std::uint32_t bucket) const noexcept {
  return state_->registration().registry().epochs[bucket];
}

void Member::bump(std::uint32_t bucket) noexcept {
  if (!forked()) state_->bump(bucket);
}

void Member::nudge(const NodeId& node, std::uint32_t bucket) noexcept {
  if (!forked()) state_->nudge(node, bucket);
}

void Member::call_at(std::uint32_t bucket, const Kept& kept, std::chrono::steady_clock::time_point when) noexcept {
  if (!forked()) state_->call_at(bucket, kept, when);
}

void Member::look_again(std::uint32_t bucket) noexcept {
  if (!forked()) state_->look_again(bucket);
}

Health Member::health(const NodeId& node) const noexcept {
  return forked() ? Health::gone : state_->watches().health(node);
}

std::optional<NodeId> Member::find_node(std::uint32_t slot, std::uint32_t generation_low_bits) const noexcept {
  constexpr std::uint64_t kLowBits = 0xFFFFFF;
  if (forked()) return std::nullopt;
  auto node = state_->registration().node_at(slot);
  if (node && (node->generation & kLowBits) != (generation_low_bits & kLowBits)) node.reset();
  return node;
}

Health Member::check(const NodeId& node) noexcept {
  if (!forked() && state_->registration().is_there(node)) state_->reap(node.slot);
  return health(node);
}

void Member::watch(const NodeId& node) noexcept {
  if (forked()) return;
  try {
    auto seen = view(node);
    // Without its file nobody can say whether it runs; its lock still says whether it lives.
    state_->watch(node, seen ? seen->page : nullptr);
  } catch (const std::exception& error) {
    log::error("[{}] node {}.{} cannot be watched: {}", this->node(), node.slot, node.generation, error.what());
  }
}

void Member::unwatch(const NodeId& node) noexcept {
  if (!forked()) state_->watches().remove(node);
}

Bell* Member::NodeView::bell(std::uint32_t index) const noexcept {
  if (index >= kNodeBells) return nullptr;
  return reinterpret_cast<Bell*>(bells->writable_bytes().data()) + index;
}

Result<Member::NodeView> Member::view(const NodeId& node) {
  if (forked()) return forked_error(*state_);
  return state_->view(node);
}

std::optional<std::uint32_t> Member::take_bell(BellUse use) noexcept {
  return forked() ? std::nullopt : state_->take_bell(use);
}

void Member::give_back_bell(std::uint32_t index) noexcept {
  if (!forked() && index < kNodeBells) state_->give_back_bell(index);
}

void Member::report_newcomers(std::vector<Event>& to_announce) noexcept {
  if (!forked()) state_->report_newcomers(to_announce);
}

void Member::add(std::uint32_t bucket, Kept& kept) {
  if (!forked()) state_->add(bucket, kept);
}

void Member::remove(Kept& kept) noexcept {
  if (!forked()) state_->remove(kept);
}

bool Member::is_kept_here() const noexcept { return state_->is_kept_here(); }

void Member::keep(std::chrono::nanoseconds timeout) {
  if (forked()) return;
  const std::shared_ptr<Membership> state = state_;  // a callback may let go of the last member
  state->keep(timeout);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
