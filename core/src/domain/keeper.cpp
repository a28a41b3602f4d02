// A membership's rounds: wait until there is something to do, find out for whom, and call them. Done by the keeper's
// thread, or by whoever calls `keep`.
#include <sys/stat.h>

#include <new>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "baton/timeout.hpp"
#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

/// How many slots are looked at for the dead in one tick, which the whole registry takes a minute for, if it is full.
constexpr std::uint32_t kLooksPerTick = 16;

constexpr std::chrono::milliseconds kLongRound{1};
constexpr std::chrono::milliseconds kLongestPause{20};
constexpr int kPauseFactor = 8;

/// Hands over what is due when it goes, so that an exception loses none of what was taken from the socket.
class Due {
 public:
  explicit Due(KeptList& kept) noexcept : kept_(kept) {}
  ~Due() {
    if (buckets.any()) kept_.make_due(buckets);
  }
  Due(const Due&) = delete;
  Due& operator=(const Due&) = delete;

  KeptList::Buckets buckets;

 private:
  KeptList& kept_;
};

}  // namespace

void Membership::run() noexcept {
  keeper_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  // relaxed: whoever sets it signals the descriptor afterwards. Not read again until then.
  while (!ending_.load(std::memory_order_relaxed) && !registration_->forked()) {
    try {
      wait_and_work(std::nullopt);
      // Where many come at once, and rounds are long, what comes during a pause has one round.
      const Clock::duration took = last_round_.load(std::memory_order_relaxed);  // a hint
      if (took > kLongRound) pause(took);
    } catch (const std::exception& error) {  // no memory: what was due stays due
      log::error("[{}] the keeper could not do its work: {}", request_.node, error.what());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

/// Of the keeper: not beyond its next heartbeat.
void Membership::pause(Clock::duration round) const noexcept {
  const Clock::time_point until =
      Clock::now() + std::min<Clock::duration>({kPauseFactor * round, kLongestPause, request_.settings.heartbeat / 4});
  std::this_thread::sleep_until(std::min(until, next_tick_.load(std::memory_order_relaxed)));
}

void Membership::keep(std::chrono::nanoseconds timeout) {
  const Clock::time_point deadline = deadline_after(timeout);
  while (!wait_and_work(deadline) && Clock::now() < deadline) {
  }
}

/// One round. True if something was called, and when there is to be no further one.
bool Membership::wait_and_work(std::optional<Clock::time_point> deadline) {
  // A callback may have forked: the child, which is this thread alone, is not its parent's keeper.
  if (registration_->forked()) return true;
  // From inside a callback of this very thread: what is due is done when that has returned.
  if (is_kept_here()) return true;
  posix::Poll poll;
  poll.add(socket_->fd().get());
  poll.add(wake_->fd().get());
  const Watches::Waiting waiting = watches_->prepare(poll);
  Clock::time_point until =
      std::min({next_tick_.load(std::memory_order_relaxed), watches_->next_look(), kept_.next_time()});
  if (deadline) until = std::min(until, *deadline);
  if (kept_.has_due()) until = Clock::now();
  if (auto waited = poll.wait(until); !waited) {
    log::error("[{}] the keeper cannot wait: {}", request_.node, waited.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (ending_.load(std::memory_order_relaxed)) return true;

  // One thread at a time does a round, so that nobody is called by two at once.
  std::unique_lock round(round_mutex_, std::try_to_lock);
  while (!round.owns_lock()) {
    // Whoever ends the membership may be inside the round that is waited for, and wait for this thread.
    if (ending_.load(std::memory_order_relaxed)) return true;
    if (deadline && Clock::now() >= *deadline) return true;
    // Rare: a node with a keeper whose user calls `keep`, too.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    round.try_lock();
  }
  round_owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  struct Release {
    std::atomic<std::thread::id>& owner;
    std::atomic<Clock::duration>& took;
    const Clock::time_point begin;
    ~Release() {
      took.store(Clock::now() - begin, std::memory_order_relaxed);
      owner.store({}, std::memory_order_relaxed);
    }
  } release{round_owner_, last_round_, Clock::now()};
  return work(waiting, poll);
}

bool Membership::work(const Watches::Waiting& waiting, const posix::Poll& poll) {
  {
    Due due(kept_);
    wake_->drain();  // before what it was signalled for is looked at
    receive(due.buckets);
    const Watches::Found found = watches_->look(waiting, poll);
    if (found.gone) due.buckets.set();
    if (found.reaped) wake_everybody();
    const Clock::time_point now = Clock::now();
    if (now >= next_tick_.load(std::memory_order_relaxed)) {
      tick(now, due.buckets);
      if (registration_->forked()) return true;  // a callback has
    }
    compare_epochs(due.buckets);
    // The ends of its connections are reported before its own.
    if (roster_->somebody_has_gone()) due.buckets.set();
    kept_.make_due_by(now);
  }
  const bool called = kept_.call_due(*request_.events) != 0;
  // A callback may have forked, or ended the membership.
  if (registration_->forked() || ending_.load(std::memory_order_relaxed)) return true;
  return report_nodes() || called;
}

/// True if there was something to report.
bool Membership::report_nodes() {
  std::vector<Event> to_announce;
  try {
    roster_->report_all(to_announce);
  } catch (const std::bad_alloc&) {  // what there is no memory for is found by the next look
  }
  const std::shared_ptr<EventQueue> events = request_.events;
  for (const Event& event : to_announce) {
    events->announce(event);
    if (registration_->forked()) return true;  // the rest is the parent's to tell
  }
  return !to_announce.empty();
}

void Membership::receive(KeptList::Buckets& due) {
  {
    const std::lock_guard lock(own_nudges_mutex_);
    due |= own_nudges_;
    own_nudges_.reset();
  }
  Message message = 0;
  while (true) {
    const auto received = socket_->receive(std::as_writable_bytes(std::span(&message, 1)));
    // One that is too large is nobody's of ours: it is taken, and forgotten.
    if (!received && received.error().code() == Errc::too_large) continue;
    if (!received || !*received) return;
    if (**received != sizeof(message)) continue;
    if (message < kBuckets) {
      due.set(message);
    } else if (message != kNodes) {
      due.set();
    }
  }
}

void Membership::compare_epochs(KeptList::Buckets& due) noexcept {
  const KeptList::Buckets kept = kept_.buckets();
  for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (!kept[bucket]) continue;
    const std::uint32_t epoch = registration_->registry().epochs[bucket].load(std::memory_order_seq_cst);  // B1
    if (epoch != seen_epochs_[bucket]) due.set(bucket);
    seen_epochs_[bucket] = epoch;
  }
}

void Membership::tick(Clock::time_point now, KeptList::Buckets& due) {
  const auto interval = request_.settings.heartbeat;
  const bool after_pause = now - last_tick_ > 2 * interval;
  last_tick_ = now;
  next_tick_.store(now + interval, std::memory_order_relaxed);
  {
    const std::lock_guard lock(own_nudges_mutex_);
    due |= nudges_at_tick_;
    nudges_at_tick_.reset();
  }
  // relaxed: a number that changes. Only one round at a time adds.
  std::atomic<std::uint64_t>& heartbeat = own_file().heartbeat;
  heartbeat.store(heartbeat.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);

  watches_->sample(after_pause, changes_of_health_);
  if (!changes_of_health_.empty()) due.set();
  find_dead();
  look_for_files();
  report_changes_of_health();
}

void Membership::report_changes_of_health() {
  while (!changes_of_health_.empty() && !registration_->forked()) {  // a callback may have
    request_.events->append(changes_of_health_.front());
    const Event event = std::move(changes_of_health_.front());
    changes_of_health_.erase(changes_of_health_.begin());
    request_.events->announce(event);
  }
}

void Membership::find_dead() noexcept {
  std::uint32_t looks = 0;
  for (std::uint32_t step = 0; step < kMaxNodes && looks < kLooksPerTick; ++step) {
    const std::uint32_t slot = next_to_look_at_;
    next_to_look_at_ = (slot + 1) % kMaxNodes;
    if (slot == registration_->id().slot || !registration_->is_taken(slot)) continue;
    ++looks;
    reap(slot);
  }
}

void Membership::look_for_files() {
  struct stat status {};
  const bool own_lost = ::fstat(node_memory_->fd().get(), &status) == 0 && status.st_nlink == 0;
  if (lost_reported_ || !(own_lost || registration_->is_lost())) return;
  const Event event{
      EventKind::domain_lost, "", "",
      fmt::format("the files of domain '{}' in {} were removed while it was in use: connections go on, new "
                  "ones cannot be made; start the programs of the domain again, and see that nothing cleans "
                  "up there (systemd-logind does when a user logs out: set RemoveIPC=no, or run as a "
                  "system user)",
                  request_.domain, registration_->directory().path)};
  request_.events->append(event);
  lost_reported_ = true;
  request_.events->announce(event);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
