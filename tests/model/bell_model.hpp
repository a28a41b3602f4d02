#pragma once

/// The bells of bell.hpp, with the ready bits of an inbox: one sleeper, two ringers, x86 store buffers.
///
/// The sleeper is a reader: it drains its queues, arms, looks again, sleeps. A ringer is a publisher: entry, ready bit,
/// which bell, is it armed with a number it has not rung yet, ring. The room bell (W3) is the same with "completion"
/// for "entry".
///
/// The check is progress: while anybody can still take a step, every message of a ringer that is not stopped can be
/// taken without a kill, a stop or a further message. A lost wake-up is a state where that is not so.

#include <array>
#include <cstdint>

#include "checker.hpp"
#include "store_buffer.hpp"

namespace baton::model {

enum class BellBug : std::uint8_t {
  none,
  entry_released,        ///< no seq_cst between the entry and the look at `armed` or the ready bit
  armed_released,        ///< no seq_cst between `armed` and the second look
  looks_before_arming,   ///< the second look comes before `armed`
  sequence_read_late,    ///< `sequence` is read after the second look
  ringer_clears_armed,   ///< so that a burst costs one wake-up: but then a stopped ringer silences the others
  bit_cleared_late,      ///< the ready bit is cleared when the queue has been drained
  numbers_repeat,        ///< each bell counts its armings for itself
  repoints_silently,     ///< a thread that is not the sleeper re-points the inbox and rings nobody
  death_shows_bits_only  ///< after a death, or a sleep that was cut short, only the ready bits are looked at
};

enum class Repoint : std::uint8_t { never, by_the_sleeper, by_another_thread };

struct BellShape {
  std::array<std::uint8_t, 2> messages{1, 1};  ///< of each ringer
  bool ready_bits = true;                      ///< or the sleeper looks at the entries of all
  bool keeper = true;                          ///< notices a death and rings; without one, sleeps are cut short
  Repoint repoint = Repoint::never;
  BellBug bug = BellBug::none;
};

struct BellState {
  // Shared words; those of the ringers and of the bells come in pairs.
  enum Word : std::uint8_t {
    entry = 0,
    ready = 2,
    which = 4,
    armed = 5,
    sequence = 7,
    look = 9,
    attached = 10,
    words = 11
  };
  enum class At : std::uint8_t {
    idle,
    entered,
    sets_bit,
    asks_which,
    asks_armed,
    clears_armed,
    rings,
    wakes,
    stopped,
    dead
  };
  enum class Sleep : std::uint8_t {
    scans,
    clears_bit,
    drains,
    clears_late,
    reads_sequence,
    arms,
    looks,
    sleeps,
    asleep,
    awake
  };

  struct Ringer {
    At at = At::idle;
    std::uint8_t sent = 0;
    std::uint8_t bell = 0;
    std::uint8_t number = 0;
    std::uint8_t rung = 0;  ///< the number it has rung last
    std::uint8_t death_noticed = 0;
    StoreBuffer buffer{};
  };
  struct Sleeper {
    Sleep at = Sleep::scans;
    std::uint8_t queue = 0;   ///< at which it looks
    std::uint8_t active = 0;  ///< bits: queues where something may be
    std::uint8_t bell = 0;
    std::array<std::uint8_t, 2> armings{};  ///< only with numbers_repeat
    std::array<std::uint8_t, 2> taken{};
    StoreBuffer buffer{};
  };

  Memory<words> memory{};
  std::array<Ringer, 2> ringers{};
  Sleeper sleeper{};
  std::uint8_t other = 0;  ///< how far the other thread is that re-points the inbox
};

class BellModel {
 public:
  using State = BellState;

  explicit BellModel(const BellShape& shape) : shape_(shape) {}

  State first() const;
  void next(const State& s, Steps<State>& steps) const;
  const char* wrong(const State&) const { return nullptr; }
  bool done(const State& s) const;

 private:
  using At = State::At;
  using Sleep = State::Sleep;

  void ring(const State& s, Steps<State>& steps, std::uint8_t i) const;
  void sleep(const State& s, Steps<State>& steps) const;
  void look(const State& s, Steps<State>& steps) const;
  void fall_asleep(const State& s, Steps<State>& steps) const;
  void drain(const State& s, Steps<State>& steps) const;
  void repoint(const State& s, Steps<State>& steps) const;
  void keep(const State& s, Steps<State>& steps, std::uint8_t i) const;

  bool has(BellBug bug) const { return shape_.bug == bug; }
  static std::uint8_t byte(int value) { return static_cast<std::uint8_t>(value); }
  static std::uint8_t fresh_number(const State& s);

  /// ++sequence. All that matters is whether it has changed since the sleeper read it.
  static void ring_sequence(State& s, StoreBuffer& own, std::uint8_t bell) {
    s.memory.store_seq_cst(own, byte(State::sequence + bell), 1);
  }
  static void wake(State& s, std::uint8_t bell) {
    if (s.sleeper.at == Sleep::asleep && s.sleeper.bell == bell) s.sleeper.at = Sleep::awake;
  }

  BellShape shape_;
};

}  // namespace baton::model
