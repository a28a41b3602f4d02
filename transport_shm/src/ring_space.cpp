#include "ring_space.hpp"

#include <algorithm>

namespace baton::shm {

RingSpace::RingSpace(std::uint64_t capacity, std::uint32_t records, std::uint32_t max_loans)
    : capacity_(capacity),
      mask_(records - 1),
      records_(std::make_unique_for_overwrite<Record[]>(records)),
      loans_(max_loans + 1) {
  islands_.reserve(2 * loans_.size());
  runs_.reserve(kMostRuns);
}

void RingSpace::make_room_for(std::uint64_t pins) { islands_.reserve(2 * loans_.size() + pins); }

/// In the buffer: of what is still in use of it.
std::uint64_t RingSpace::begin_of(const Run& run) const noexcept { return record(std::max(run.first, oldest_)).begin; }

/// Where the next run from there on begins, or the end.
std::uint64_t RingSpace::next_run(std::uint64_t from, std::uint64_t end) const noexcept {
  for (const Run& run : runs_) {
    if (const std::uint64_t begin = begin_of(run); begin >= from) end = std::min(end, begin);
  }
  return end;
}

std::uint64_t RingSpace::next_island(std::uint64_t from, std::uint64_t end) const noexcept {
  for (const Record& island : islands_) {
    if (island.begin >= from) end = std::min(end, island.begin);
  }
  return end;
}

/// The first place between two bytes of the buffer that no island is in.
std::optional<std::uint64_t> RingSpace::fit(std::uint64_t begin, std::uint64_t end,
                                            std::uint64_t bytes) const noexcept {
  for (bool moved = true; moved;) {
    moved = false;
    if (begin > end || end - begin < bytes) return std::nullopt;
    for (const Record& island : islands_) {
      if (island.begin >= begin + bytes || island.begin + island.bytes <= begin) continue;
      begin = island.begin + island.bytes;
      moved = true;
    }
  }
  return begin;
}

std::uint32_t RingSpace::reserve_between(std::uint64_t bytes, std::uint64_t end, std::uint64_t least) noexcept {
  if (is_full()) return kNoLoan;
  auto place = fit(next_, next_run(next_, end), bytes);
  const bool goes_on = place && !runs_.empty();
  if (!place) place = find_gap(bytes, end, least);
  if (!place) return kNoLoan;
  limit_ = next_island(*place, next_run(*place, end));
  if (!goes_on) runs_.push_back({newest_, 0});
  return lend(*place, bytes);
}

/// The first gap before `end` that has room, for a new run, and is no smaller than `least`: as long as more of the
/// buffer can be used, a small one is not worth it, for soon an older run would be in the way again.
std::optional<std::uint64_t> RingSpace::find_gap(std::uint64_t bytes, std::uint64_t end, std::uint64_t least) noexcept {
  if (runs_.size() == kMostRuns) return std::nullopt;
  if (!runs_.empty()) runs_.back().end = next_;
  std::optional<std::uint64_t> found;
  const auto look = [&](std::uint64_t from) {
    if (found && *found <= from) return;
    const auto has = [&](const Run& run) { return begin_of(run) <= from && from < run.end; };
    if (std::any_of(runs_.begin(), runs_.end(), has)) return;
    const std::uint64_t until = next_run(from, end);
    if (until < from + least) return;
    if (const auto place = fit(from, until, bytes)) found = place;
  };
  look(0);
  for (const Run& run : runs_) look(run.end);
  return found;
}

bool RingSpace::extend(std::uint32_t number, std::uint64_t bytes) noexcept {
  OpenLoan& loan = loans_[number];
  if (loan.is_island || loan.record + 1 != newest_) return false;
  const std::uint64_t begin = loan.place.begin;
  if (fit(begin, next_run(next_, capacity_), bytes) != begin) return false;
  loan.place.bytes = record(loan.record).bytes = bytes;
  next_ = begin + bytes;
  limit_ = std::max(limit_, next_);
  return true;
}

void RingSpace::publish(std::uint32_t number, std::uint64_t position, std::uint64_t begin, std::uint64_t end) noexcept {
  OpenLoan& loan = loans_[number];
  loan.is_open = false;
  if (--open_loans_ != 0 && !loan.is_island) [[unlikely]]
    note_passed(loan.record, position);
  const auto late = static_cast<std::uint32_t>(loan.passed_by == kNotPassed ? 0 : position - loan.passed_by);
  if (!loan.is_island) {
    Record& published = record(loan.record);
    if (loan.record + 1 == newest_) {
      if (next_ != published.begin + published.bytes) limit_ = end;  // an island may be between
      next_ = end;
    }
    published = {begin, end - begin, position, 0, late};
    return;
  }
  for (Record& island : islands_) {
    if (island.position == kLent && island.loan == number) island = {begin, end - begin, position, 0, 0};
  }
}

/// A record is published before those that were reserved before it and are still lent.
void RingSpace::note_passed(std::uint64_t record, std::uint64_t position) noexcept {
  for (OpenLoan& other : loans_) {
    if (other.is_open && !other.is_island && other.record < record) {
      other.passed_by = std::min(other.passed_by, position);
    }
  }
}

void RingSpace::discard(std::uint32_t number) noexcept {
  OpenLoan& loan = loans_[number];
  loan.is_open = false;
  --open_loans_;
  if (loan.is_island) {
    std::erase_if(islands_, [&](const Record& island) { return island.position == kLent && island.loan == number; });
    return;
  }
  record(loan.record).position = kFree;
  drop_free_at_the_end();
}

void RingSpace::drop_free_at_the_end() noexcept {
  while (newest_ != oldest_ && record(newest_ - 1).position == kFree) {
    next_ = record(--newest_).begin;
    limit_ = next_;  // an island may follow
    if (runs_.back().first != newest_) continue;
    runs_.pop_back();
    if (!runs_.empty()) next_ = limit_ = runs_.back().end;
  }
  if (newest_ == oldest_) runs_.clear();
}

void RingSpace::give_up(std::uint64_t floor, std::span<const std::uint64_t> pinned) noexcept {
  const auto is_pinned = [&](const Record& r) { return std::binary_search(pinned.begin(), pinned.end(), r.position); };
  std::erase_if(islands_, [&](const Record& r) { return r.position < floor && !is_pinned(r); });
  give_up_records(floor, pinned);
  if (oldest_ == newest_) {
    runs_.clear();
    limit_ = 0;
    oldest_ = newest_ = 0;  // the list begins again, where it is in the caches
  } else {
    while (runs_.size() > 1 && runs_[1].first <= oldest_) runs_.erase(runs_.begin());
  }
}

void RingSpace::give_up_records(std::uint64_t floor, std::span<const std::uint64_t> pinned) noexcept {
  for (; oldest_ != newest_; ++oldest_) {
    const Record& front = record(oldest_);
    if (front.position == kFree) continue;
    if (front.position != kLent) {
      if (front.position >= floor) {
        // It was published late: behind it lies what is below the floor. Not more of these than loans, as each was
        // lent when the last one below the floor was published.
        if (front.position - front.late >= floor) return;
      } else if (!std::binary_search(pinned.begin(), pinned.end(), front.position)) {
        continue;
      }
    }
    if (islands_.size() == islands_.capacity()) return;  // later: more pins than readers have
    islands_.push_back(front);
    if (front.position == kLent) loans_[front.loan].is_island = true;
  }
}

std::uint64_t RingSpace::records() const noexcept {
  std::uint64_t count = islands_.size();
  for (std::uint64_t number = oldest_; number != newest_; ++number) count += record(number).position != kFree ? 1 : 0;
  return count;
}

std::uint64_t RingSpace::island_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Record& island : islands_) bytes += island.bytes;
  return bytes;
}

bool RingSpace::overlaps() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (const Record& island : islands_) places.emplace_back(island.begin, island.begin + island.bytes);
  for (std::uint64_t number = oldest_; number != newest_; ++number) {
    const Record& r = record(number);
    if (r.position != kFree) places.emplace_back(r.begin, r.begin + r.bytes);
  }
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) {
    if (places[i].first < places[i - 1].second) return true;
  }
  return !places.empty() && places.back().second > capacity_;
}

}  // namespace baton::shm
