#include "domain/kept_list.hpp"

#include <algorithm>
#include <utility>

namespace baton {
inline namespace v1 {
namespace domain {

void KeptList::add(std::uint32_t bucket, Kept& kept) {
  const std::lock_guard lock(fork_mutex());
  entries_[bucket].push_back({&kept});
}

bool KeptList::has(std::uint32_t bucket) const noexcept {
  const std::lock_guard lock(fork_mutex());
  return !entries_[bucket].empty();
}

void KeptList::make_due(std::uint32_t bucket, const Kept& kept) noexcept {
  const std::lock_guard lock(fork_mutex());
  // From the end: it has probably just been added.
  auto& entries = entries_[bucket];
  const auto entry = std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& e) { return e.kept == &kept; });
  if (entry == entries.rend()) return;
  entry->due = true;
  due_.set(bucket);
}

bool KeptList::remove(Kept& kept, std::uint32_t& bucket) noexcept {
  std::unique_lock lock(fork_mutex());
  bool last = false;
  for (bucket = 0; bucket < kBuckets; ++bucket) {
    auto& entries = entries_[bucket];
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.kept == &kept; });
    if (entry == entries.end()) continue;
    entries.erase(entry);
    last = entries.empty();
    break;
  }
  if (runner_ != std::this_thread::get_id()) {
    ended_.wait(lock, [&] { return running_ != &kept; });
  }
  return last;
}

KeptList::Buckets KeptList::buckets() const noexcept {
  Buckets buckets;
  const std::lock_guard lock(fork_mutex());
  for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) buckets[bucket] = !entries_[bucket].empty();
  return buckets;
}

void KeptList::make_due(const Buckets& buckets) noexcept {
  const std::lock_guard lock(fork_mutex());
  for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (!buckets[bucket] || entries_[bucket].empty()) continue;
    for (Entry& entry : entries_[bucket]) entry.due = true;
    due_.set(bucket);
  }
}

bool KeptList::has_due() const noexcept {
  const std::lock_guard lock(fork_mutex());
  return due_.any();
}

bool KeptList::make_due_at(std::uint32_t bucket, const Kept& kept, Clock::time_point when) noexcept {
  const std::lock_guard lock(fork_mutex());
  auto& entries = entries_[bucket];
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.kept == &kept; });
  if (entry == entries.end() || entry->at <= when) return false;
  entry->at = when;
  if (when >= earliest_) return false;
  earliest_ = when;
  return true;
}

void KeptList::make_due_by(Clock::time_point now) noexcept {
  const std::lock_guard lock(fork_mutex());
  if (earliest_ > now) return;
  earliest_ = Clock::time_point::max();
  for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    for (Entry& entry : entries_[bucket]) {
      if (entry.at <= now) {
        entry.at = Clock::time_point::max();
        entry.due = true;
        due_.set(bucket);
      }
      earliest_ = std::min(earliest_, entry.at);
    }
  }
}

KeptList::Clock::time_point KeptList::next_time() const noexcept {
  const std::lock_guard lock(fork_mutex());
  return earliest_;
}

/// The next one that is due, from a place on; it counts as running until `end_call`. Null when there is none any more.
Kept* KeptList::begin_next(std::uint32_t& bucket, std::size_t& index) noexcept {
  const std::lock_guard lock(fork_mutex());
  for (; bucket < kBuckets; ++bucket, index = 0) {
    if (!due_[bucket]) continue;
    auto& entries = entries_[bucket];
    // From the beginning again, if one before the place was removed or has become due meanwhile: that is rare, and
    // found by the look from 0 that ends each bucket.
    for (const std::size_t first : {index, std::size_t{0}}) {
      for (std::size_t i = first; i < entries.size(); ++i) {
        if (!entries[i].due) continue;
        entries[i].due = false;
        index = i + 1;
        running_ = entries[i].kept;
        runner_ = std::this_thread::get_id();
        return entries[i].kept;
      }
    }
    due_.reset(bucket);
  }
  return nullptr;
}

void KeptList::end_call() noexcept {
  const std::lock_guard lock(fork_mutex());
  running_ = nullptr;
  runner_ = {};
  ended_.notify_all();
}

std::size_t KeptList::call_due(EventQueue& events) {
  std::size_t calls = 0;
  std::uint32_t bucket = 0;
  std::size_t index = 0;
  std::vector<Event> to_announce;
  while (Kept* const kept = begin_next(bucket, index)) {
    to_announce.clear();
    kept->keep(to_announce);
    end_call();
    ++calls;
    for (const Event& event : to_announce) {
      if (in_child_.load(std::memory_order_relaxed)) return calls;
      events.announce(event);
    }
  }
  return calls;
}

void KeptList::in_child() noexcept {
  due_.reset();  // the child may be inside `call_due`, which calls nobody and tells nothing any more
  in_child_.store(true, std::memory_order_relaxed);
  for (const auto& entries : entries_) {
    for (const Entry& entry : entries) entry.kept->forked();
  }
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
