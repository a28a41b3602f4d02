#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace baton::shm {

/// Which bytes of a ring's buffer are in use, and why: the publisher's private memory. See ring.md, "Reserve and
/// commit". Guarded by the publisher's guard. Allocates nothing after `make_room_for`.
///
/// States of a record: lent (its loan is open); published (it has a position); free. Published and below the floor it
/// is given up: free, unless somebody pins it. Records are in the order of reservation, and so, within a *run*, are
/// their places: a run ends where the next one could not go on, at the end of what is to be used or before an older
/// run, and the next begins in some gap. Invariant: R1: records, islands and what is free do not overlap.
class RingSpace {
 public:
  static constexpr std::uint64_t kAlignment = 64;

  /// `records`, a power of two: how many there may be beside islands.
  RingSpace(std::uint64_t capacity, std::uint32_t records, std::uint32_t max_loans);

  /// There are so many pins: each may make an island. Throws std::bad_alloc, and changes nothing.
  void make_room_for(std::uint64_t pins);

  std::uint64_t capacity() const noexcept { return capacity_; }

  struct Loan {
    std::uint64_t begin = 0;  ///< in the buffer
    std::uint64_t bytes = 0;
  };

  /// No loan. Not an optional, which a processor stores in two parts, and waits for when it loads it as a whole.
  static constexpr std::uint32_t kNoLoan = UINT32_MAX;

  /// Reserves `bytes`, a multiple of kAlignment, in the buffer up to `turn`; nothing, if there is no place, or as long
  /// as more of the buffer can be used, none that is worth going back for. Which loan it is, or kNoLoan.
  std::uint32_t reserve(std::uint64_t bytes, std::uint64_t turn) noexcept {
    // Where nothing is in the way, as nearly always, without further ado.
    if (is_full() || next_ + bytes > free_until(turn)) [[unlikely]]
      return reserve_between(bytes, std::min(turn, capacity_), turn < capacity_ ? turn / 8 : 0);
    return lend(next_, bytes);
  }

  /// The same, where more than up to `end` cannot be used: any gap will do.
  std::uint32_t reserve_below(std::uint64_t bytes, std::uint64_t end) noexcept {
    return reserve_between(bytes, end, 0);
  }

  /// Where the next loan begins, most of the time, and up to where nothing is in its way.
  std::uint64_t next() const noexcept { return next_; }
  std::uint64_t free_until(std::uint64_t turn) const noexcept { return std::min(turn, limit_); }

  const Loan& loan(std::uint32_t number) const noexcept { return loans_[number].place; }

  /// Makes a loan larger where it is, if it is the newest. False if it cannot be.
  bool extend(std::uint32_t number, std::uint64_t bytes) noexcept;

  /// The loan is published at a position, and uses the bytes from `begin` to `end` of it only.
  void publish(std::uint32_t number, std::uint64_t position, std::uint64_t begin, std::uint64_t end) noexcept;

  void discard(std::uint32_t number) noexcept;

  /// Everything below the floor has been given up, but for `pinned` positions, which are in ascending order.
  void give_up(std::uint64_t floor, std::span<const std::uint64_t> pinned) noexcept;

  /// Whether the list of records is full.
  bool is_full() const noexcept { return newest_ - oldest_ > mask_; }

  /// Records that are published, from a position on or pinned, and those that are lent.
  std::uint64_t records() const noexcept;
  std::uint64_t island_bytes() const noexcept;
  std::uint64_t islands() const noexcept { return islands_.size(); }

  /// Where the records that a publisher has are in each other's way: a line for each.
  bool overlaps() const;

 private:
  static constexpr std::uint64_t kLent = UINT64_MAX;
  static constexpr std::uint64_t kFree = UINT64_MAX - 1;

  struct Record {
    std::uint64_t begin;
    std::uint64_t bytes;
    std::uint64_t position;
    std::uint32_t loan;  // of one that is lent
    std::uint32_t late;  // its position, less that of the first one that was reserved after it and published before
  };
  struct Run {
    std::uint64_t first;  // the number of its first record
    std::uint64_t end;    // in the buffer; of the newest: next_
  };
  static constexpr std::size_t kMostRuns = 256;  // with more, records have to be given up first
  struct OpenLoan {
    Loan place;
    std::uint64_t record = 0;              // its number in the list, if it is there and no island
    std::uint64_t passed_by = kNotPassed;  // the position of the first one that was reserved later and is published
    bool is_island = false;
    bool is_open = false;
  };
  static constexpr std::uint64_t kNotPassed = UINT64_MAX;

  std::uint32_t reserve_between(std::uint64_t bytes, std::uint64_t end, std::uint64_t least) noexcept;
  std::optional<std::uint64_t> find_gap(std::uint64_t bytes, std::uint64_t end, std::uint64_t least) noexcept;
  void note_passed(std::uint64_t record, std::uint64_t position) noexcept;
  std::uint32_t lend(std::uint64_t begin, std::uint64_t bytes) noexcept {
    std::uint32_t number = 0;
    while (loans_[number].is_open) ++number;  // the caller has no more than there are
    loans_[number] = {{begin, bytes}, newest_, kNotPassed, false, true};
    record(newest_++) = {begin, bytes, kLent, number, 0};
    next_ = begin + bytes;
    ++open_loans_;
    return number;
  }
  Record& record(std::uint64_t number) noexcept { return records_[number & mask_]; }
  const Record& record(std::uint64_t number) const noexcept { return records_[number & mask_]; }
  std::uint64_t begin_of(const Run& run) const noexcept;
  std::uint64_t next_run(std::uint64_t from, std::uint64_t end) const noexcept;
  std::uint64_t next_island(std::uint64_t from, std::uint64_t end) const noexcept;
  std::optional<std::uint64_t> fit(std::uint64_t begin, std::uint64_t end, std::uint64_t bytes) const noexcept;
  void give_up_records(std::uint64_t floor, std::span<const std::uint64_t> pinned) noexcept;
  void drop_free_at_the_end() noexcept;

  const std::uint64_t capacity_;
  const std::uint64_t mask_;
  std::unique_ptr<Record[]> records_;  // in the order of reservation: those from oldest_ to newest_
  std::uint64_t oldest_ = 0;           // numbers that never wrap
  std::uint64_t newest_ = 0;
  std::uint64_t next_ = 0;   // in the buffer: the first byte after the newest record
  std::uint64_t limit_ = 0;  // up to there at least nothing is in the way of what follows that
  std::vector<Run> runs_;    // of the records in the list, in their order
  std::vector<Record> islands_;
  std::vector<OpenLoan> loans_;
  std::uint32_t open_loans_ = 0;
};

}  // namespace baton::shm
