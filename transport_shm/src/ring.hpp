#pragma once

// The large-data ring: its file, as its publisher has it and as readers map it. The protocol is in ring.md.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "baton/domain/member.hpp"
#include "layout.hpp"
#include "reference.hpp"
#include "ring_space.hpp"
#include "segment.hpp"

namespace baton::shm {

/// A publisher's ring.
///
/// Roles:      the publisher writes everything but the any-armed word. Guarded by the publisher's guard.
/// Hand-over:  E1 entry, F1 floor, A1 any-armed: see ring.md.
/// Invariants: R1: what is lent, pinned, or published and not below the floor is not written to by anybody else.
/// Crash windows: nothing here survives us but the file, whose entries all lead to complete records.
class Ring {
 public:
  struct Request {
    std::uint32_t bucket = 0;
    domain::PortRef port;
    std::string_view topic;
    std::string name;  // of the file
    std::uint64_t capacity = 0;
    std::uint32_t depth = 0;  // of the topic, as the publisher knows it
    std::uint32_t max_loans = 0;
    bool from_end = false;  // messages lie at the end of what is lent
    Checksum checksum = Checksum::none;
  };

  /// Makes the file. Of the capacity all is reserved if the member's settings want memory to be there before it is
  /// needed, and else the first of it. Errors: `Errc::no_space` where there is less memory than the capacity, or the
  /// member may not have so much. The member outlives the ring.
  static Result<std::unique_ptr<Ring>> create(domain::Member& member, const Request& request);

  static constexpr std::uint32_t kMinIndexShift = 7;  // of the smallest capacity
  static constexpr std::uint32_t kUsualIndexShift = 14;
  static constexpr std::uint32_t kMaxIndexShift = 20;

  /// What a ring takes of shared memory when all of its buffer is used.
  static std::uint64_t file_bytes(std::uint64_t capacity, std::uint64_t depth) noexcept;

  /// The file, for giving it names.
  const std::vector<Segment>& segments() const noexcept { return segments_; }

  std::uint64_t capacity() const noexcept { return space_.capacity(); }
  std::uint64_t max_payload() const noexcept { return capacity(); }
  std::uint64_t index_entries() const noexcept { return shape_.entries(); }

  /// How many messages a reader may be behind at most, whatever its depth.
  std::uint64_t most_behind() const noexcept { return shape_.entries() / 2; }

  /// How many messages the index keeps, whatever else: it is given up in steps.
  std::uint64_t most_kept() const noexcept { return shape_.entries() - index_step() - 1; }
  std::uint64_t index_step() const noexcept { return shape_.entries() / 16; }

  static constexpr std::uint32_t kNoLoan = RingSpace::kNoLoan;

  /// Lends room for a payload of so many bytes. kNoLoan if there is none as things are, in the part of the buffer that
  /// is used.
  std::uint32_t reserve(std::uint64_t bytes) noexcept;
  /// Has more of the buffer used. False if all of it is.
  bool widen() noexcept;
  std::byte* payload(std::uint32_t loan) const noexcept { return buffer_ + space_.loan(loan).begin; }
  std::uint64_t capacity(std::uint32_t loan) const noexcept { return space_.loan(loan).bytes; }
  bool extend(std::uint32_t loan, std::uint64_t bytes) noexcept;
  void discard(std::uint32_t loan) noexcept { space_.discard(loan); }

  /// Why the last loan failed for want of pages; empty if it did not.
  const std::string& trouble() const noexcept { return trouble_; }

  /// Publishes a loan at `tail()`.
  void commit(std::uint32_t loan, std::uint64_t bytes, std::uint64_t stamp) noexcept;

  /// The position of the next message, and its number.
  std::uint64_t tail() const noexcept { return tail_; }
  /// Below it nothing can be taken any more.
  std::uint64_t floor() const noexcept { return floor_; }

  /// The entry of the next message overwrites one that is not below the floor.
  bool must_move_floor() const noexcept { return tail_ - floor_ >= shape_.entries(); }

  /// From now on nothing below this can be taken. Then all pins are read, and what is not pinned is free: `pinned` in
  /// ascending order.
  void raise_floor(std::uint64_t position) noexcept {
    if (position <= floor_) return;
    floor_ = position;
    head_->floor.position.store(position, std::memory_order_seq_cst);  // F1: then the pins
  }
  void give_up(std::span<const std::uint64_t> pinned) noexcept { space_.give_up(floor_, pinned); }

  /// For the pins of all readers. Throws std::bad_alloc.
  void make_room_for_pins(std::uint64_t pins) {
    space_.make_room_for(pins);
    pins_.reserve(pins);
  }
  std::vector<std::uint64_t>& pins() noexcept { return pins_; }

  /// Takes the first lines of the records that come next away from their last readers, many at once: see
  /// ChunkPool::touch_next. After a `commit`, when nobody waits for it any more.
  void touch_next() noexcept {
    const std::uint64_t next = space_.next();
    if (next >= touched_from_ && next < touched_end_) [[likely]]
      return;
    touch_next(last_bytes_);
  }

  /// Whether some reader's bell may be armed, since this was asked last.
  bool take_armed() noexcept {
    if (head_->armed.any.load(std::memory_order_seq_cst) == 0) [[likely]]  // A1: after the tail
      return false;
    head_->armed.any.store(0, std::memory_order_seq_cst);  // A1: before the bells
    return true;
  }

  const RingSpace& space() const noexcept { return space_; }
  /// Bytes of the buffer whose pages are reserved.
  std::uint64_t backed() const noexcept { return backed_; }

 private:
  Ring(domain::Member& member, const Request& request, std::uint32_t index_shift, domain::Member::NewFile file,
       std::shared_ptr<const posix::Mapping> mapping, std::uint64_t backed);
  std::uint64_t turn_for(std::uint64_t bytes) const noexcept;
  bool back(std::uint64_t end) noexcept;
  void touch_next(std::uint64_t stride) noexcept;

  const QueueShape shape_;
  const bool from_end_;
  const Checksum checksum_;
  domain::Member& member_;
  const std::string topic_;
  const posix::SharedMemory memory_;
  std::vector<std::shared_ptr<const domain::MemoryShare>> shares_;  // for what is reserved of that
  const std::shared_ptr<const posix::Mapping> mapping_;
  RecordsHead* const head_;
  std::atomic<std::uint64_t>* const index_;  // E1; W: us
  RecordNote* const notes_;                  // W: us
  std::byte* const buffer_;
  const std::uint64_t buffer_offset_;  // in the file
  std::vector<Segment> segments_;
  RingSpace space_;
  std::uint64_t turn_;              // in the buffer: what can be had at its start is, before more than this is used
  std::uint64_t touched_from_ = 0;  // in the buffer
  std::uint64_t touched_end_ = 0;
  std::uint64_t backed_;          // bytes of the buffer whose pages are reserved
  std::uint64_t last_bytes_ = 0;  // that the last record took
  std::uint64_t tail_ = 0;
  std::uint64_t floor_ = 0;
  std::vector<std::uint64_t> pins_;
  std::string trouble_;
};

/// A ring as a reader maps it: read-only but for the any-armed word. What its head says was checked once, against the
/// file's size.
class RingView {
 public:
  /// By the name that belongs to the reader; `keep_name`: it stays.
  static Result<RingView> open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& reader,
                               const domain::PortRef& publisher, bool keep_name);
  /// By any name, which stays.
  static Result<RingView> map(domain::Member& member, std::uint32_t bucket, const std::string& name,
                              const domain::PortRef& publisher);

  const QueueShape& shape() const noexcept { return shape_; }
  std::uint64_t most_behind() const noexcept { return shape_.entries() / 2; }
  Checksum checksum() const noexcept { return checksum_; }

  std::uint64_t entry(std::uint64_t position) const noexcept {
    // E1 (acquire): the note and the record.
    return index_[shape_.index(position)].load(std::memory_order_acquire);
  }
  struct Note {
    std::uint64_t stamp = 0;
    std::uint64_t bytes = 0;
    std::uint32_t checksum = 0;
    std::uint64_t next = 0;  ///< a hint
  };
  /// What is said of the message at a position, if that is not below the floor afterwards: nobody's pin keeps it.
  Note note(std::uint64_t position) const noexcept {
    const RecordNote& note = notes_[shape_.index(position)];
    // F1 (acquire): then the floor.
    return {note.stamp.load(std::memory_order_acquire), note.bytes.load(std::memory_order_acquire),
            note.checksum.load(std::memory_order_acquire), note.next.load(std::memory_order_relaxed)};
  }

  std::uint64_t tail() const noexcept { return head_->tail.position.load(std::memory_order_seq_cst); }    // A1
  std::uint64_t floor() const noexcept { return head_->floor.position.load(std::memory_order_seq_cst); }  // F1

  /// The payload of a record, or null if none can begin there.
  const std::byte* payload(Reference reference) const noexcept {
    const std::uint64_t begin = reference.bits * RingSpace::kAlignment;
    return begin < capacity_ ? buffer_ + begin : nullptr;
  }
  /// Has the lines fetched that are read when the message at a position comes, if its record begins there.
  void expect(std::uint64_t position, std::uint64_t begin) const noexcept {
    __builtin_prefetch(buffer_ + (begin < capacity_ ? begin : 0));
    __builtin_prefetch(notes_ + shape_.index(position));
  }
  /// The most bytes that it can have.
  std::uint64_t room(Reference reference) const noexcept { return capacity_ - reference.bits * RingSpace::kAlignment; }

  /// A bell has been armed: the next publish looks at all of them.
  void note_armed() const noexcept {
    if (armed_->any.load(std::memory_order_seq_cst) == 0) armed_->any.store(1, std::memory_order_seq_cst);  // A1
  }

 private:
  RingView() = default;

  std::shared_ptr<const posix::Mapping> mapping_;
  std::shared_ptr<const posix::Mapping> armed_mapping_;
  const RecordsHead* head_ = nullptr;
  RecordsHead::Armed* armed_ = nullptr;
  const std::atomic<std::uint64_t>* index_ = nullptr;
  const RecordNote* notes_ = nullptr;
  const std::byte* buffer_ = nullptr;
  std::uint64_t capacity_ = 0;
  QueueShape shape_;
  Checksum checksum_ = Checksum::none;
};

}  // namespace baton::shm
