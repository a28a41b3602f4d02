#include "dispatcher.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <map>
#include <optional>
#include <utility>

#include "baton/log.hpp"
#include "baton/posix/blocked_signals.hpp"

namespace baton::shm {
namespace {

thread_local std::optional<domain::NodeId> serving;
thread_local const Dispatched* running = nullptr;
thread_local bool finishing = false;

/// Ports whose end is under way on a dispatcher's thread. Where `exit` cut it off, their files would stay behind.
std::atomic<int> unfinished{0};
constexpr std::chrono::seconds kExitPatience{1};

void wait_for_unfinished() noexcept {
  const auto deadline = std::chrono::steady_clock::now() + kExitPatience;
  while (unfinished.load(std::memory_order_acquire) != 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

/// The dispatchers of this process. Never destroyed: ports may be closed by destructors of static objects.
struct Known {
  std::mutex mutex;
  std::map<const domain::Member*, std::weak_ptr<Dispatcher>> dispatchers;

  static Known& instance() {
    static Known* const known = new Known;
    return *known;
  }
};

}  // namespace

std::shared_ptr<Dispatcher> Dispatcher::of(const std::shared_ptr<domain::Member>& member) try {
  Known& known = Known::instance();
  const std::lock_guard lock(known.mutex);
  std::erase_if(known.dispatchers, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Dispatcher>& entry = known.dispatchers[member.get()];
  if (auto dispatcher = entry.lock()) return dispatcher;
  auto view = member->view(member->id());
  if (!view) {
    log::error("[{}] callbacks cannot be called: {}", member->node(), view.error().message());
    return nullptr;
  }
  const auto bell = member->take_bell(domain::BellUse::callbacks);
  if (!bell) {
    log::error("[{}] callbacks cannot be called: all of the node's bells are taken", member->node());
    return nullptr;
  }
  try {
    auto dispatcher = std::make_shared<Dispatcher>(member, *std::move(view), *bell);
    entry = dispatcher;
    return dispatcher;
  } catch (...) {  // no thread, or no memory
    member->give_back_bell(*bell);
    throw;
  }
} catch (const std::exception& error) {
  log::error("[{}] callbacks cannot be called: {}", member->node(), error.what());
  return nullptr;
}

Dispatcher::Dispatcher(std::shared_ptr<domain::Member> member, domain::Member::NodeView view, std::uint32_t bell)
    : member_(std::move(member)), state_(std::make_shared<State>()) {
  state_->node = member_->id();
  state_->view = std::move(view);
  state_->bell = bell;
  state_->keeper = member_->has_keeper();
  const posix::BlockedSignals blocked;
  thread_ = std::thread([state = state_] { run(state); });
  pthread_setname_np(thread_.native_handle(), "baton-dispatch");
}

Dispatcher::~Dispatcher() {
  if (member_->forked()) {
    thread_.detach();  // it does not exist here
    return;
  }
  state_->stop.store(true, std::memory_order_release);  // before the ring
  wake();
  // A callback may destroy the last subscriber, and so this: the thread ends by itself then.
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
  member_->give_back_bell(state_->bell);
}

void Dispatcher::add(std::shared_ptr<Dispatched> dispatched) {
  const std::lock_guard lock(state_->mutex);
  auto& list = state_->list;
  if (std::find(list.begin(), list.end(), dispatched) == list.end()) list.push_back(std::move(dispatched));
}

void Dispatcher::remove(const Dispatched& dispatched) noexcept {
  std::shared_ptr<Dispatched> gone;  // destroyed after the mutex is released
  std::unique_lock lock(state_->mutex);
  auto& list = state_->list;
  const auto entry =
      std::find_if(list.begin(), list.end(), [&](const auto& other) { return other.get() == &dispatched; });
  if (entry != list.end()) {
    gone = std::move(*entry);
    list.erase(entry);
    wake();  // those behind it have moved up: a turn under way may pass one over, and must not be the last before a
             // sleep
  }
  if (running == &dispatched) return;
  state_->moved_on.wait(lock, [&] { return state_->current != &dispatched; });
}

/// One turn for each subscriber. True if one of them may have more.
bool Dispatcher::dispatch_all(State& state) noexcept {
  bool more = false;
  for (std::size_t turn = 0;; ++turn) {
    std::shared_ptr<Dispatched> dispatched;
    {
      const std::lock_guard lock(state.mutex);
      if (turn >= state.list.size()) return more;
      dispatched = state.list[turn];
      state.current = dispatched.get();
    }
    running = dispatched.get();
    more |= dispatched->dispatch();
    running = nullptr;
    dispatched.reset();  // perhaps the last reference: the callback may have destroyed the port
    if (std::exchange(finishing, false)) unfinished.fetch_sub(1, std::memory_order_release);  // its end comes before
    const std::lock_guard lock(state.mutex);
    state.current = nullptr;
    state.moved_on.notify_all();
  }
}

void Dispatcher::run(const std::shared_ptr<State>& state) noexcept {
  serving = state->node;
  domain::Sleeper sleeper(*state->view.bell(state->bell));
  while (!state->stop.load(std::memory_order_acquire)) {
    if (dispatch_all(*state)) continue;
    const std::uint32_t sequence = sleeper.sequence();
    sleeper.arm(domain::kRingFutex);
    if (dispatch_all(*state)) {  // W1: after arming
      sleeper.disarm();
      continue;
    }
    if (state->stop.load(std::memory_order_acquire)) break;
    sleeper.sleep(sequence,
                  std::chrono::steady_clock::now() +
                      (state->keeper ? std::chrono::milliseconds(std::chrono::hours(1)) : domain::kLongestSleep));
    sleeper.disarm();
  }
}

bool Dispatcher::serves_here(const domain::PortRef& port) noexcept { return serving == port.node; }

const Dispatched* Dispatcher::running_here() noexcept { return running; }

void Dispatcher::finish_here() noexcept {
  [[maybe_unused]] static const int registered = std::atexit(wait_for_unfinished);
  if (!std::exchange(finishing, true)) unfinished.fetch_add(1, std::memory_order_relaxed);  // before the user can know
}

}  // namespace baton::shm
