#pragma once

/// The slots of an inbox: two publishers that claim, publish, close or die, and come again; a subscriber that looks at
/// its slots, takes, has samples released by other threads, drains, zeroes, and frees.
///
/// Each connection publishes at most as many messages as a queue has entries, so an entry that is not zero is there:
/// lap 1. An entry says who wrote it, so that a ghost - what a predecessor left, or a late thread stored - is noticed.

#include <array>
#include <cstdint>

#include "checker.hpp"

namespace baton::model {

enum class SlotBug : std::uint8_t {
  none,
  freed_while_held,        ///< a slot is freed although a sample of it is held
  freed_while_completing,  ///< ... although a thread that has claimed a completion's position has not stored it yet
  not_zeroed,              ///< the submission queue of a freed slot is left as it is
  drained_too_early,       ///< looks whether the queue is empty before it looks whether the claimer has gone
  epoch_before_ready,      ///< the slot epoch changes before the slot is `ready`
  waits_for_ready,         ///< a slot that is claimed but not ready is left alone, whoever died
};

struct SlotShape {
  std::uint8_t slots = 1;
  std::uint8_t messages = 2;  ///< of each connection; 2 at most
  std::uint8_t lives = 2;     ///< how often each publisher connects
  bool closes = true;         ///< publishers close; else they stay
  SlotBug bug = SlotBug::none;
};

struct SlotState {
  enum class Word : std::uint8_t { free, claimed, closed };
  enum class At : std::uint8_t { idle, claimed, first_done, connected, dead };
  enum class Hand : std::uint8_t { none, holds, claimed };
  enum class View : std::uint8_t {
    none,
    attached,
    seen_empty,
    ending,
    zeroing
  };  // what the subscriber knows of a slot

  struct Slot {
    Word word = Word::free;
    std::uint8_t owner = 0;  ///< in the word: which node ...
    std::uint8_t life = 0;   ///< ... in which generation
    std::uint8_t ready = 0;
    std::array<std::uint8_t, 2> submission{};
    std::array<std::uint8_t, 2> completion{};
  };
  struct Publisher {
    At at = At::idle;
    std::uint8_t life = 1;
    std::uint8_t first_alive = 1;  ///< in the registry: earlier lives are dead
    std::uint8_t slot = 0;
    std::uint8_t sent = 0;
    std::uint8_t given = 0;  ///< bits
    std::uint8_t collected = 0;
  };
  struct Inlet {
    View view = View::none;
    std::uint8_t taken = 0;
    std::uint8_t completed = 0;
    Hand hand = Hand::none;  ///< B = 1, but the sample may be one that a thread is about to release
    std::uint8_t entry = 0;
    std::uint8_t position = 0;
    std::uint8_t look = 0;  ///< it has to look at the slot's word
  };

  std::array<Slot, 2> slots{};
  std::array<Publisher, 2> publishers{};
  std::array<Inlet, 2> inlets{};
  std::uint8_t epoch_changed = 0;  ///< since the subscriber last read it
};

class SlotModel {
 public:
  using State = SlotState;

  explicit SlotModel(const SlotShape& shape) : shape_(shape) {}

  State first() const { return {}; }
  void next(const State& s, Steps<State>& steps) const;
  const char* wrong(const State&) const { return nullptr; }
  bool done(const State& s) const;

 private:
  using Word = State::Word;
  using At = State::At;
  using Hand = State::Hand;
  using View = State::View;

  void publish(const State& s, Steps<State>& steps, std::uint8_t i) const;
  void serve(const State& s, Steps<State>& steps, std::uint8_t i) const;
  void subscribe(const State& s, Steps<State>& steps, std::uint8_t k) const;
  void look(const State& s, Steps<State>& steps, std::uint8_t k) const;
  void free(const State& s, Steps<State>& steps, std::uint8_t k) const;
  void release(const State& s, Steps<State>& steps, std::uint8_t k) const;

  bool has(SlotBug bug) const { return shape_.bug == bug; }
  static std::uint8_t byte(int value) { return static_cast<std::uint8_t>(value); }
  /// What an entry says: who wrote it, in which life, which message.
  static std::uint8_t tag(int owner, int life, int message) { return byte(1 + message + 4 * owner + 16 * life); }
  static bool is_over(const State& s, std::uint8_t k) {
    const auto& slot = s.slots[k];
    return slot.word == Word::closed ||
           (slot.word == Word::claimed && slot.life < s.publishers[slot.owner].first_alive);
  }
  bool is_drained(const State& s, std::uint8_t k) const {
    return s.inlets[k].taken == shape_.messages || s.slots[k].submission[s.inlets[k].taken] == 0;
  }
  bool nothing_held(const State& s, std::uint8_t k) const {
    const Hand hand = s.inlets[k].hand;
    return hand == Hand::none || (hand == Hand::claimed && has(SlotBug::freed_while_completing)) ||
           has(SlotBug::freed_while_held);
  }

  SlotShape shape_;
};

}  // namespace baton::model
