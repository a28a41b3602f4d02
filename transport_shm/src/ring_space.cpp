#include "ring_space.hpp"

#include <algorithm>

namespace baton::shm {

RingSpace::RingSpace(std::uint64_t capacity, std::uint32_t records, std::uint32_t max_loans)
    : capacity_(capacity),
      mask_(records - 1),
      records_(std::make_unique_for_overwrite<Record[]>(records)),
      loans_(max_loans + 1) {
  islands_.reserve(2 * loans_.size());
}

void RingSpace::make_room_for(std::uint64_t pins) { islands_.reserve(2 * loans_.size() + pins); }

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

std::optional<std::uint64_t> RingSpace::find(std::uint64_t bytes, std::uint64_t turn) const noexcept {
  if (oldest_ == newest_) {  // there are islands only
    if (const auto here = fit(next_, std::min(turn, capacity_), bytes)) return here;
    if (const auto at_start = fit(0, next_, bytes)) return at_start;
    return fit(0, capacity_, bytes);
  }
  const std::uint64_t oldest = record(oldest_).begin;
  if (oldest >= next_) return fit(next_, oldest, bytes);
  if (const auto here = fit(next_, std::min(turn, capacity_), bytes)) return here;
  if (const auto at_start = fit(0, oldest, bytes)) return at_start;
  return turn < capacity_ ? std::nullopt : fit(next_, capacity_, bytes);
}

std::optional<std::uint32_t> RingSpace::reserve_between(std::uint64_t bytes, std::uint64_t turn) noexcept {
  if (is_full()) return std::nullopt;
  const auto place = find(bytes, turn);
  if (!place) return std::nullopt;
  return lend(*place, bytes);
}

bool RingSpace::extend(std::uint32_t number, std::uint64_t bytes) noexcept {
  OpenLoan& loan = loans_[number];
  if (loan.is_island || loan.record + 1 != newest_) return false;
  const std::uint64_t begin = loan.place.begin;
  const std::uint64_t limit =
      oldest_ + 1 != newest_ && record(oldest_).begin > begin ? record(oldest_).begin : capacity_;
  if (fit(begin, limit, bytes) != begin) return false;
  loan.place.bytes = record(loan.record).bytes = bytes;
  next_ = begin + bytes;
  return true;
}

void RingSpace::publish(std::uint32_t number, std::uint64_t position, std::uint64_t begin, std::uint64_t end) noexcept {
  OpenLoan& loan = loans_[number];
  loan.is_open = false;
  if (!loan.is_island) {
    Record& published = record(loan.record);
    if (loan.record + 1 == newest_) next_ = end;
    published = {begin, end - begin, position, 0};
    return;
  }
  for (Record& island : islands_) {
    if (island.position == kLent && island.loan == number) island = {begin, end - begin, position, 0};
  }
}

void RingSpace::discard(std::uint32_t number) noexcept {
  OpenLoan& loan = loans_[number];
  loan.is_open = false;
  if (loan.is_island) {
    std::erase_if(islands_, [&](const Record& island) { return island.position == kLent && island.loan == number; });
    return;
  }
  record(loan.record).position = kFree;
  drop_free_at_the_end();
}

void RingSpace::drop_free_at_the_end() noexcept {
  while (newest_ != oldest_ && record(newest_ - 1).position == kFree) next_ = record(--newest_).begin;
}

void RingSpace::give_up(std::uint64_t floor, std::span<const std::uint64_t> pinned) noexcept {
  const auto is_pinned = [&](const Record& r) { return std::binary_search(pinned.begin(), pinned.end(), r.position); };
  std::erase_if(islands_, [&](const Record& r) { return r.position < floor && !is_pinned(r); });
  for (; oldest_ != newest_; ++oldest_) {
    const Record& front = record(oldest_);
    if (front.position == kFree) continue;
    if (front.position != kLent) {
      if (front.position >= floor) return;
      if (!is_pinned(front)) continue;
    }
    if (islands_.size() == islands_.capacity()) return;  // later: more pins than readers have
    islands_.push_back(front);
    if (front.position == kLent) loans_[front.loan].is_island = true;
  }
  oldest_ = newest_ = 0;  // the list begins again, where it is in the caches
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
