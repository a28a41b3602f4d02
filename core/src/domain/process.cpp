#include "domain/process.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include "baton/domain/member.hpp"
#include "baton/posix/file_descriptor.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

/// Never destroyed: ports may go in destructors of static objects.
struct ForkState {
  std::mutex mutex;
  ForkAware* first = nullptr;
  std::atomic<std::uint64_t> token{0};  // 0: not drawn yet
};

ForkState& fork_state() noexcept;

void before_fork() noexcept { fork_state().mutex.lock(); }
void in_parent() noexcept { fork_state().mutex.unlock(); }
void in_child() noexcept {
  ForkState& state = fork_state();
  for (ForkAware* aware = state.first; aware != nullptr; aware = aware->next()) aware->in_child();
  state.token.store(0, std::memory_order_relaxed);  // the child has one thread
  state.mutex.unlock();
}

ForkState& fork_state() noexcept {
  static ForkState* const state = [] {
    auto* const made = new ForkState;
    ::pthread_atfork(before_fork, in_parent, in_child);
    return made;
  }();
  return *state;
}

}  // namespace

void ForkAware::enlist() noexcept {
  ForkState& state = fork_state();
  const std::lock_guard lock(state.mutex);
  next_ = state.first;
  if (next_ != nullptr) next_->previous_ = this;
  state.first = this;
}

void ForkAware::delist() noexcept {
  ForkState& state = fork_state();
  const std::lock_guard lock(state.mutex);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : state.first) = next_;
}

std::mutex& fork_mutex() noexcept { return fork_state().mutex; }

std::uint64_t process_token() noexcept {
  std::atomic<std::uint64_t>& token = fork_state().token;
  std::uint64_t known = token.load(std::memory_order_relaxed);  // a number, which orders nothing
  while (known == 0) {
    std::uint64_t drawn = 0;
    // Early in a machine's life the kernel may have no randomness yet; then the time and the pid have to do.
    if (::getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn)) {
      const auto now = std::chrono::system_clock::now().time_since_epoch().count();
      drawn = static_cast<std::uint64_t>(now) * 0x9e3779b97f4a7c15U ^ static_cast<std::uint64_t>(::getpid()) << 40;
    }
    // Of several threads one draws it for all. relaxed: as above.
    if (drawn != 0 && token.compare_exchange_strong(known, drawn, std::memory_order_relaxed)) return drawn;
  }
  return known;
}

std::uint64_t start_ticks_of(std::uint32_t pid) {
  auto file = posix::FileDescriptor::open(fmt::format("/proc/{}/stat", pid), O_RDONLY);
  if (!file) return 0;
  std::array<char, 1'024> buffer{};
  const ssize_t count = ::read(file->get(), buffer.data(), buffer.size());
  if (count <= 0) return 0;
  std::string_view text(buffer.data(), static_cast<std::size_t>(count));
  // The second field is the program's name in parentheses, which may itself have spaces and parentheses in it.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  text.remove_prefix(name_end + 1);
  for (int field = 2; field < 22; ++field) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return 0;
    text.remove_prefix(space + 1);
  }
  std::uint64_t ticks = 0;
  std::from_chars(text.data(), text.data() + text.size(), ticks);
  return ticks;
}

ProcessLabels own_labels() {
  ProcessLabels labels;
  labels.pid = static_cast<std::uint32_t>(::getpid());
  labels.start_ticks = start_ticks_of(labels.pid);
  struct stat status {};
  if (::stat("/proc/self/ns/pid", &status) == 0) labels.pid_namespace = status.st_ino;
  return labels;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
