// The way of a message from its loan to the queues of its readers. Who the readers are: shm_publisher_connect.cpp.

#include "shm_publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "baton/assert.hpp"
#include "baton/domain/wait.hpp"
#include "baton/log.hpp"
#include "baton/timeout.hpp"

namespace baton::shm {

using std::chrono::steady_clock;

Chunk ShmPublisher::loan(std::size_t bytes) noexcept {
  const ThreadCheck::Verb verb(check_, "loan", announcement_);
  if (!guard_.enter()) [[unlikely]]
    return Chunk::refusal(LoanStatus::closed);
  if (plane_ == Plane::ring) [[unlikely]]
    return loan_in_ring(bytes);
  if (closed_ || open_loans_ == max_loans_ || bytes > pool_.max_payload() || !pool_.has_ready(bytes)) [[unlikely]]
    return loan_slowly(bytes);
  const ChunkPool::Number chunk = pool_.pop_ready();
  std::byte* const payload = pool_.payload(chunk);  // inside: the keeper may move the tables of the pool
  ++open_loans_;
  guard_.leave();
  return {payload, chunk};
}

/// Inside the guard, which it leaves.
Chunk ShmPublisher::loan_slowly(std::size_t bytes) noexcept {
  LoanStatus status = LoanStatus::ok;
  ChunkPool::Number chunk = ChunkPool::kNone;
  if (closed_) {
    status = LoanStatus::closed;
  } else if (bytes > pool_.max_payload()) {
    status = LoanStatus::too_large;
  } else if (open_loans_ == max_loans_) {
    status = LoanStatus::too_many_loans;
  } else {
    collect_all();
    chunk = pool_.pop(bytes);
    if (chunk == ChunkPool::kNone && pool_.is_variable()) {
      guard_.leave();
      const bool grown = grow(bytes);
      if (!guard_.enter()) return Chunk::refusal(LoanStatus::closed);
      chunk = grown ? pool_.pop(bytes) : pool_.pop_larger(bytes);
    }
    if (chunk == ChunkPool::kNone) status = LoanStatus::out_of_chunks;
  }
  return finish_loan(status, status == LoanStatus::ok ? Chunk{pool_.payload(chunk), chunk} : Chunk{});
}

std::size_t ShmPublisher::capacity(Chunk chunk) const noexcept {
  const Guard::Visit visit(guard_);  // not entered in a forked child, where nobody else is
  if (ring_ != nullptr) return ring_->capacity(static_cast<std::uint32_t>(chunk.token));
  return pool_.capacity(static_cast<ChunkPool::Number>(chunk.token));
}

Chunk ShmPublisher::exchange(Chunk chunk, std::size_t bytes, std::size_t front, std::size_t back) noexcept {
  const ThreadCheck::Verb verb(check_, "exchange", announcement_);
  if (ring_ != nullptr && extend_in_ring(chunk, bytes, back)) return chunk;
  --open_loans_;  // the new one takes the place of the old one
  const Chunk larger = loan(bytes);
  if (!larger) {
    ++open_loans_;
    return larger;
  }
  std::memcpy(larger.payload, chunk.payload, front);
  std::memcpy(larger.payload + capacity(larger) - back, chunk.payload + capacity(chunk) - back, back);
  if (guard_.enter()) {
    if (ring_ != nullptr) {
      ring_->discard(static_cast<std::uint32_t>(chunk.token));
    } else {
      pool_.release(static_cast<ChunkPool::Number>(chunk.token), ChunkPool::kLoan);
    }
    guard_.leave();
  }
  return larger;
}

void ShmPublisher::collect_all() noexcept {
  for (const OutletPtr& outlet : live_) outlet->collect(pool_);
  for (const OutletPtr& outlet : departing_) outlet->collect(pool_);
}

/// Gives the message its number, its stamp and its place in the history.
inline void ShmPublisher::seal(ChunkPool::Number chunk, std::size_t bytes) noexcept {
  ChunkHead& head = pool_.head(chunk);
  // relaxed: own figure; the count of messages published is the next one's number.
  head.sequence = figures_->published.load(std::memory_order_relaxed);
  // release: who sees the stamp sees that the chunk was taken back before.
  head.stamp.store(count_message(head.sequence, bytes), std::memory_order_release);
  head.bytes = bytes;
  if (history_.limit() != 0) [[unlikely]] {
    pool_.hold(chunk, ChunkPool::kHistory);
    if (last_) last_->note(pool_.reference(chunk));  // before the one that gives way can be free: see L2
    if (const auto evicted = history_.push(chunk)) pool_.release(*evicted, ChunkPool::kHistory);
  }
}

PublishResult ShmPublisher::publish(Chunk chunk, std::size_t bytes) noexcept {
  const ThreadCheck::Verb verb(check_, "publish", announcement_);
  const auto number = static_cast<ChunkPool::Number>(chunk.token);
  BATON_ASSERT(bytes <= pool_.max_payload());
  if (changed()) [[unlikely]]
    look_and_announce();
  if (!guard_.enter()) [[unlikely]]
    return {PublishStatus::closed};
  if (plane_ == Plane::ring) [[unlikely]]
    return publish_in_ring(number, bytes);
  // Scalars: a result that is put together in memory is read back when every store before it has left the store buffer,
  // and those of the payload wait for lines that the readers have.
  PublishStatus status = PublishStatus::ok;
  std::uint16_t delivered = 0;
  std::uint32_t dropped = 0;
  if (makes_room_ && seems_full()) [[unlikely]] {
    status = find_room();
    if (status == PublishStatus::closed) return {status};  // outside of the guard
    if (status == PublishStatus::rejected) {
      guard_.leave();
      return {status};
    }
  }
  if (!closed_) [[likely]] {
    seal(number, bytes);
    for (const OutletPtr& outlet : live_) {
      if (!outlet->give(pool_, number, dropped)) continue;
      ++delivered;
      if (outlet->ring()) [[unlikely]]
        domain::add(figures_->wakeups);
    }
  } else {
    status = PublishStatus::closed;
  }
  pool_.release(number, ChunkPool::kLoan);
  --open_loans_;
  pool_.touch_next();
  guard_.leave();
  if (is_ending()) [[unlikely]]
    settle();
  return {status, delivered, dropped};
}

/// Sees to the lossless readers before anything is handed over. `rejected` means that nothing may be; `closed`, that
/// the guard could not be entered again after a sleep.
PublishStatus ShmPublisher::find_room() noexcept {
  std::optional<steady_clock::time_point> deadline;
  bool late = false;
  for (std::size_t i = 0; i < live_.size() && !closed_;) {
    Outlet& outlet = *live_[i];
    if (!outlet.is_full(pool_) || outlet.broken() || outlet.hung() || late) {
      ++i;
      continue;
    }
    if (overflow_ == Overflow::reject) {
      domain::add(figures_->rejected);
      return PublishStatus::rejected;
    }
    if (!deadline) deadline = steady_clock::now() + announcement_.qos.block_timeout;
    bool inside = true;
    late = !sleep_for_room(OutletPtr(live_[i]), *deadline, std::chrono::nanoseconds::max(), inside,
                           [this, &outlet] { return !outlet.is_full(pool_); });
    if (!late && inside && changed()) {
      guard_.leave();
      look_and_announce();
      inside = guard_.enter();
    }
    if (!inside) return PublishStatus::closed;
    if (!late) i = 0;  // readers may have come and gone during the sleep
  }
  if (!late) return PublishStatus::ok;
  domain::add(figures_->timed_out);
  return PublishStatus::timed_out;
}

void ShmPublisher::discard(Chunk chunk) noexcept {
  const ThreadCheck::Verb verb(check_, "discard", announcement_);
  {
    const Guard::Visit visit(guard_);
    if (!visit) return;
    if (ring_ != nullptr) {
      ring_->discard(static_cast<std::uint32_t>(chunk.token));
    } else {
      pool_.release(static_cast<ChunkPool::Number>(chunk.token), ChunkPool::kLoan);
    }
    --open_loans_;
  }
  if (is_ending()) [[unlikely]]
    settle();
}

Error ShmPublisher::explain(LoanStatus status, std::size_t bytes) const {
  const std::string where = fmt::format("topic '{}': loan in {}", announcement_.topic, announcement_.node);
  if (guard_.forked()) {
    return {Errc::forked, where, "the publisher belongs to the process that this one was forked from",
            "open a node in the child, or fork before opening one"};
  }
  switch (status) {
    case LoanStatus::too_many_loans:
      return {Errc::too_many_loans, where, fmt::format("all {} loans are open", max_loans_),
              "publish or discard one, or raise max_loans"};
    case LoanStatus::too_large:
      return {Errc::too_large, where,
              fmt::format("a message of {} bytes, where {} are allowed", bytes, pool_.max_payload()),
              "raise the max_size of its type, or publish less at once"};
    case LoanStatus::closed: return {Errc::closed, where, "the publisher is closed", "open a new one"};
    case LoanStatus::out_of_chunks:
    case LoanStatus::ok: break;
  }
  const std::lock_guard lock(cold_mutex_);
  if (ring_ != nullptr) return explain_ring(where, bytes);
  std::string cause = fmt::format("none of {} chunks is free; {}", pool_.size(), holders());
  if (pool_.is_variable()) {
    cause = fmt::format(
        "no chunk of {} bytes is free, and none can be made: there are {} of {}, {} bytes in all, and "
        "max_memory is {}; {}",
        bytes, pool_.size_for(bytes), reserved_, pool_.bytes(), announcement_.qos.max_memory, holders());
    if (!why_not_grown_.empty()) cause += fmt::format("; more of them could not be made: {}", why_not_grown_);
  }
  return {Errc::out_of_chunks, where, std::move(cause),
          pool_.is_variable() ? "have the readers release their samples, or raise max_memory"
                              : "have the readers release their samples"};
}

PublisherCounters ShmPublisher::counters() const {
  const ThreadCheck::Verb verb(check_, "counters", announcement_);
  auto& self = const_cast<ShmPublisher&>(*this);  // looking at what came back changes private state only
  PublisherCounters figures;
  if (guard_.forked()) return figures;
  if (changed()) self.look_and_announce();
  {
    const std::lock_guard lock(cold_mutex_);
    const Guard::Visit visit(guard_);
    if (!visit) return figures;
    self.collect_all();
    figures.published = figures_->published.load(std::memory_order_relaxed);  // of this thread, as all of them
    figures.bytes =
        sizes_vary_ ? figures_->bytes.load(std::memory_order_relaxed) : figures.published * pool_.max_payload();
    figures.rejected = figures_->rejected.load(std::memory_order_relaxed);
    figures.timed_out = figures_->timed_out.load(std::memory_order_relaxed);
    figures.failed_loans = figures_->failed_loans.load(std::memory_order_relaxed);
    figures.wakeups = figures_->wakeups.load(std::memory_order_relaxed);
    figures.open_loans = open_loans_;
    figures.chunks = pool_.size();
    figures.free_chunks = pool_.count_free();
    if (ring_ != nullptr) self.count_ring(figures);
    for (const OutletPtr& outlet : live_) figures.connections.push_back(outlet->counters(self.pool_));
  }
  if (is_ending()) self.settle();  // by an event's callback
  return figures;
}

std::size_t ShmPublisher::connection_count() const noexcept {
  const ThreadCheck::Verb verb(check_, "connection_count", announcement_);
  if (guard_.forked()) return 0;
  auto& self = const_cast<ShmPublisher&>(*this);  // learns who is there
  if (changed()) self.look_and_announce();
  std::size_t count = 0;
  {
    const std::lock_guard lock(cold_mutex_);
    count = live_.size();
  }
  if (is_ending()) self.settle();  // by an event's callback
  return count;
}

bool ShmPublisher::all_taken() noexcept {
  const Guard::Visit inside(guard_);
  return inside &&
         std::all_of(live_.begin(), live_.end(), [](const OutletPtr& outlet) { return outlet->queued() == 0; });
}

/// A reader that takes rings nobody.
bool ShmPublisher::flush(std::chrono::nanoseconds timeout) noexcept {
  const ThreadCheck::Verb verb(check_, "flush", announcement_);
  if (guard_.forked()) return false;
  const bool before =
      std::exchange(announcing_, true);  // an event's callback may close or abandon the port: see settle
  const bool done = look_until_answered(timeout, [this]() -> std::optional<bool> {
    domain::keep_by_hand(*member_);  // somebody has to notice that a reader died
    if (changed()) look_and_announce();
    if (closed_ || abandoned_ || guard_.forked()) return false;
    return all_taken() ? std::optional(true) : std::nullopt;
  });
  announcing_ = before;
  if (is_ending()) settle();
  return done;
}

std::vector<std::string> ShmPublisher::audit() const {
  const ThreadCheck::Verb verb(check_, "audit", announcement_);
  std::vector<std::string> findings;
  if (guard_.forked()) return findings;
  const std::lock_guard lock(cold_mutex_);
  const Guard::Visit inside(guard_);
  if (!inside) return findings;
  const auto expect = [&](std::uint64_t found, std::uint64_t expected, std::string_view what) {
    if (found != expected) findings.push_back(fmt::format("{}: {}, expected {}", what, found, expected));
  };
  pool_.audit(findings);
  if (ring_ != nullptr) {
    audit_ring(findings);
  } else {
    expect(pool_.count_held(ChunkPool::kLoan), open_loans_, "chunks on loan");
  }
  expect(pool_.count_held(ChunkPool::kHistory), history_.size(), "chunks in the history");
  for (std::size_t i = 0; i < history_.size(); ++i) {
    if (!pool_.is_held(history_[i], ChunkPool::kHistory))
      findings.push_back("a chunk of the history is not held by it");
  }
  std::uint64_t shares = std::uint64_t{max_loans_} + announcement_.qos.history + (pool_.is_variable() ? 1 : 0);
  const std::uint64_t published = figures_->published.load(std::memory_order_relaxed);
  for (const auto* outlets : {&live_, &departing_}) {
    for (const OutletPtr& outlet : *outlets) {
      shares += outlet->share();
      outlet->audit(pool_, outlets == &live_ ? std::optional(published) : std::nullopt, findings);
    }
  }
  expect(reserved_, shares, "chunks promised");
  for (std::string& finding : findings) {
    finding = fmt::format("topic '{}': publisher in {}: {}", announcement_.topic, announcement_.node, finding);
  }
  return findings;
}

bool ShmPublisher::wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept {
  const ThreadCheck::Verb verb(check_, "wait_for_connections", announcement_);
  if (guard_.forked()) return false;
  const bool before =
      std::exchange(announcing_, true);  // an event's callback may close or abandon the port: see settle
  const bool found = domain::wait_for(*events_, member_.get(), timeout, [&]() -> std::optional<bool> {
    if (closed_ || abandoned_) return false;
    const bool enough = connection_count() >= count;
    if (closed_ || abandoned_) return false;
    return enough ? std::optional(true) : std::nullopt;
  });
  announcing_ = before;
  if (is_ending()) settle();
  return found;
}

void ShmPublisher::close() noexcept {
  const ThreadCheck::Verb verb(check_, "close", announcement_);
  if (guard_.forked()) return;
  closed_ = true;
  settle();
}

void ShmPublisher::abandon() noexcept {
  const ThreadCheck::Verb verb(check_, "abandon", announcement_);
  abandoned_ = true;
  settle();
}

/// Leaves the topic if the port is closed, and frees the port if nobody can use it any more.
void ShmPublisher::settle() noexcept {
  if (announcing_) return;  // an event's callback abandons the port that announces the event: who announces comes here
  const bool unused = abandoned_ && open_loans_ == 0;
  if ((closed_ || unused) && !left_ && !guard_.forked()) {
    left_ = true;
    disconnect_all();
  }
  if (abandoned_ && open_loans_ == 0) delete this;
}

}  // namespace baton::shm
