#pragma once

/// One connection of transport_shm: a publisher, its chunks, the two queues, and a reader whose samples are released by
/// threads of their own. Positions go on for ever: they are counted modulo R times the laps, so that the laps come
/// round.
///
/// A message's number is its position, and a chunk's content is the number of the message in it. That `taken` messages
/// are in order, and that each offered one is taken, dropped or queued, is then the same as: who takes position p holds
/// message p, and a position is claimed once.

#include <array>
#include <cstdint>

#include "checker.hpp"

namespace baton::model {

enum class QueueBug : std::uint8_t {
  none,
  entry_before_payload,       ///< the entry is stored before the chunk is written
  drops_without_claim,        ///< the publisher takes the oldest back although its compare-and-swap failed
  takes_without_claim,        ///< the reader stores the head instead of comparing and swapping
  collects_unchecked,         ///< what the reader completes is freed without a look at the given-set
  takes_back_unchecked,       ///< what the shadow says is freed without a look at the given-set
  empty_without_second_look,  ///< the reader does not look at the head again when the entry is absent
  leaving_before_last_take,   ///< the reader that closes sets `leaving` in the middle of a take
  takes_without_head,         ///< the lossless reader does not say how far it has come
  given_unbounded,            ///< under drop_oldest only what is queued is bounded
};

struct QueueShape {
  bool lossless = false;
  std::uint8_t depth = 1;              ///< Q
  std::uint8_t max_held = 1;           ///< B
  std::uint8_t submissions = 3;        ///< R of the submission queue; Q + B + 1 or more
  std::uint8_t completions = 3;        ///< R of the completion queue; Q + B + 1 or more
  std::uint8_t chunks = 4;             ///< Q + B + 1 + loans, of which there is one here
  std::uint8_t laps = 4;               ///< after which the laps come round
  bool reader_closes = false;          ///< at some time: stops taking, sets `leaving`, goes on releasing
  std::uint8_t messages = 0;           ///< after which the publisher stops; 0: never
  std::uint8_t false_completions = 0;  ///< how often the reader completes what it likes
  QueueBug bug = QueueBug::none;
};

inline constexpr std::uint8_t kNobody = 255;  // no chunk, no message
inline constexpr std::uint8_t kTorn = 254;    // the content of a chunk that is being written

struct QueueState {
  struct Entry {
    std::uint8_t lap = 0;
    std::uint8_t chunk = 0;
  };
  enum class Hand : std::uint8_t { none, holds, claimed };  // claimed: a position of the completion queue
  struct Sample {
    Hand hand = Hand::none;
    std::uint8_t chunk = 0;
    std::uint8_t message = 0;
    std::uint8_t position = 0;
  };
  enum class Publisher : std::uint8_t { idle, writes, asks_for_room, full, stores, writes_late, dead };
  enum class Reader : std::uint8_t { idle, loaded, absent, present, leaves, left, dead };
  enum class Connection : std::uint8_t { open, broken, left, over };  // broken: by a false completion

  // Shared memory.
  std::array<Entry, 6> submission{};
  std::array<Entry, 6> completion{};
  std::array<std::uint8_t, 7> content{255, 255, 255, 255, 255, 255, 255};
  std::uint8_t head = 0;  ///< the reader writes it at each take; under drop_oldest the publisher, too
  std::uint8_t leaving = 0;

  // The publisher's private memory.
  Publisher publisher = Publisher::idle;
  Connection connection = Connection::open;
  std::uint8_t loan = kNobody;  ///< the chunk in hand
  std::uint8_t given = 0;       ///< bits: the given-set
  std::uint8_t free = 0;        ///< bits: the free list
  std::array<std::uint8_t, 6> shadow{};
  std::uint8_t tail = 0;
  std::uint8_t seen_head = 0;
  std::uint8_t collected = 0;

  // The reader's private memory.
  Reader reader = Reader::idle;
  std::uint8_t next = 0;         ///< the position it takes; a copy of the head under drop_oldest
  std::uint8_t next_is_old = 0;  ///< the 64-bit head has moved since
  std::uint8_t candidate = 0;    ///< the chunk of the entry that it has read
  std::uint8_t completed = 0;    ///< positions claimed in the completion queue
  std::uint8_t lies_left = 0;
  std::array<Sample, 2> samples{};

  std::uint8_t never_empty = 0;  ///< for the check: since the take began, the queue has not been empty
};

class QueueModel {
 public:
  using State = QueueState;

  explicit QueueModel(const QueueShape& shape) : shape_(shape) {}

  State first() const;
  void next(const State& s, Steps<State>& steps) const;
  const char* wrong(const State& s) const;

 private:
  using Hand = State::Hand;
  using Pub = State::Publisher;
  using Rd = State::Reader;

  void publish(const State& s, Steps<State>& steps) const;
  void ask_for_room(const State& s, Steps<State>& steps) const;
  void give(const State& s, Steps<State>& steps) const;
  void take_oldest_back(const State& s, Steps<State>& steps, Pub after) const;
  void collect(const State& s, Steps<State>& steps) const;
  void take_all_back(const State& s, Steps<State>& steps) const;
  void take(const State& s, Steps<State>& steps) const;
  void take_it(const State& s, Steps<State>& steps) const;
  void leave(const State& s, Steps<State>& steps) const;
  void release(const State& s, Steps<State>& steps, std::uint8_t sample) const;
  void lie(const State& s, Steps<State>& steps) const;

  bool has(QueueBug bug) const { return shape_.bug == bug; }
  bool honest() const { return shape_.false_completions == 0; }

  // Positions of the two queues, and what belongs to them.
  static std::uint8_t byte(int value) { return static_cast<std::uint8_t>(value); }
  int period(int entries) const { return entries * shape_.laps; }
  std::uint8_t after(std::uint8_t position, int entries) const { return byte((position + 1) % period(entries)); }
  int from_to(std::uint8_t from, std::uint8_t to, int entries) const {
    return (to - from + period(entries)) % period(entries);
  }
  std::uint8_t lap(std::uint8_t position, int entries) const { return byte((position / entries + 1) % shape_.laps); }

  int queued(const State& s) const { return from_to(s.head, s.tail, shape_.submissions); }
  bool completion_is_there(const State& s) const {
    return s.completion[s.collected % shape_.completions].lap == lap(s.collected, shape_.completions);
  }
  static int count(std::uint8_t bits) { return __builtin_popcount(bits); }
  static std::uint8_t bit(int chunk) { return byte(1 << chunk); }

  /// Takes the chunk out of the given-set and, if nobody else has it, frees it. False if it was free already.
  bool give_back(State& s, std::uint8_t chunk, bool checked) const;
  void drop_loan(State& s) const;
  std::uint8_t head_moves(State& s, std::uint8_t from) const;
  void stop_taking(State& s) const;
  void kill(const State& s, Steps<State>& steps) const;

  QueueShape shape_;
};

}  // namespace baton::model
