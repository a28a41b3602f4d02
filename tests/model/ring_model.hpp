#pragma once

/// The large-data ring (transport_shm/ring.md): a publisher, its records, and two readers that pin what they hold, with
/// x86 store buffers. The readers lose messages, or, with `keeps_floor`, hold the floor by their cursors, until the
/// publisher takes one for hung. A record is a cell here; a cell below the floor that is pinned is an island. A
/// message's number is its position, and a cell's content is the number of the message in it.
///
/// Checked: R1 and R2. Who has pinned a position and found it not below the floor reads that message, and has its note,
/// until it clears the pin; a cell that is lent, or published and not below the floor, is in no other hands. Whoever is
/// killed.

#include <array>
#include <cstdint>

#include "checker.hpp"
#include "store_buffer.hpp"

namespace baton::model {

enum class RingBug : std::uint8_t {
  none,
  no_writer_fence,    ///< the publisher reads the pins while its floor is still in its store buffer
  no_reader_fence,    ///< the reader looks at the floor while its pin is still in its store buffer
  no_second_look,     ///< the reader does not look at the floor after it has pinned
  pins_before_floor,  ///< the publisher reads the pins first, and moves the floor after that
  unpins_before_last_read,
  frees_for_a_neighbour,  ///< when a reader is gone its islands are freed, though another one has pinned them, too
  forgets_on_kill,        ///< a reader's pin is forgotten although the reader is only stopped
  entry_before_payload,   ///< the entry is stored before the record is written
  floor_beyond_cursor,    ///< the floor passes what a reader that keeps it has not taken
  no_barrier_for_hung,    ///< a hung reader is told that the floor may pass, but it passes without a barrier
  hung_is_not_told,       ///< the floor passes a hung reader's cursor after a barrier, and it is not told
  note_after_word,        ///< such a reader reads the note when it has seen that the floor does not pass it
  note_after_floor,       ///< the same of one that looks at the floor
  index_wraps_unasked,    ///< the index is overwritten before the floor has passed what is in it
};

struct RingShape {
  std::uint8_t cells = 3;
  std::uint8_t entries = 3;   ///< of the index
  std::uint8_t loans = 1;     ///< open at a time, published in any order
  std::uint8_t messages = 5;  ///< after which the publisher stops
  bool keeps_floor = false;   ///< the readers' policy is `block` or `reject`
  RingBug bug = RingBug::none;
};

struct RingState {
  static constexpr std::uint8_t kReaders = 2;
  static constexpr std::uint8_t kFree = 255;
  static constexpr std::uint8_t kLent = 254;
  static constexpr std::uint8_t kTorn = 253;

  enum Word : std::uint8_t {
    floor,
    pins,
    cursors = pins + kReaders,
    passes = cursors + kReaders,
    words = passes + kReaders
  };
  enum class Publisher : std::uint8_t { idle, looks, writes_late, dead };
  enum class Phase : std::uint8_t {
    idle,
    found,
    pinned_below_cursor,
    noted_below_cursor,
    notes_late,
    may_be_passed,
    pinned,
    noted,
    holds,
    reads,
    stopped,
    dead
  };

  struct Entry {
    std::uint8_t position = kFree;
    std::uint8_t cell = 0;
  };
  struct Reader {
    Phase phase = Phase::idle;
    std::uint8_t position = 0;
    std::uint8_t cell = 0;
    std::uint8_t note = 0;  ///< of which message it has read what is said of it
    StoreBuffer buffer{};
    std::uint8_t gone = 0;  ///< its node is known to be gone
    std::uint8_t told = 0;  ///< 1: that it may be passed; 2: and the floor may pass it
  };

  // Shared memory.
  Memory<words> memory{};
  std::array<Entry, 4> index{};
  std::array<std::uint8_t, 4> content{kFree, kFree, kFree, kFree};

  // The publisher's private memory.
  Publisher publisher = Publisher::idle;
  StoreBuffer buffer{};
  std::array<std::uint8_t, 4> owner{kFree, kFree, kFree, kFree};  ///< a position, kLent or kFree
  std::uint8_t tail = 0;
  std::uint8_t new_floor = 0;
  std::uint8_t pinned = 0;  ///< bits: cells that somebody was seen to pin
  std::uint8_t asked = 0;   ///< whose pins have been read
  std::uint8_t late = 0;    ///< the cell whose payload is written after its entry

  std::array<Reader, kReaders> readers{};
};

class RingModel {
 public:
  using State = RingState;

  explicit RingModel(const RingShape& shape) : shape_(shape) {}

  State first() const { return {}; }
  void next(const State& s, Steps<State>& steps) const;
  const char* wrong(const State& s) const;

 private:
  using Publisher = State::Publisher;
  using Phase = State::Phase;

  void publish(const State& s, Steps<State>& steps) const;
  void move_floor(const State& s, Steps<State>& steps) const;
  void look_at_pins(const State& s, Steps<State>& steps) const;
  void free_below(State& s) const;
  void take_for_hung(const State& s, Steps<State>& steps, std::uint8_t who) const;
  std::uint8_t highest_floor(const State& s) const;
  void move_cursor(State& s, std::uint8_t who, std::uint8_t position) const;
  void have_taken(State& s, std::uint8_t who) const;
  std::uint8_t note_at(const State& s, std::uint8_t position) const;
  void take(const State& s, Steps<State>& steps, std::uint8_t who) const;
  void fall(const State& s, Steps<State>& steps, std::uint8_t who) const;
  bool has(RingBug bug) const { return shape_.bug == bug; }

  RingShape shape_;
};

}  // namespace baton::model
