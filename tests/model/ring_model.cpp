#include "ring_model.hpp"

#include <algorithm>

namespace baton::model {
namespace {

constexpr std::array<const char*, 2> kNames{"reader 1", "reader 2"};

std::uint8_t byte(int value) { return static_cast<std::uint8_t>(value); }
std::uint8_t pin_word(std::uint8_t reader) { return byte(RingState::pins + reader); }
std::uint8_t cursor_word(std::uint8_t reader) { return byte(RingState::cursors + reader); }
std::uint8_t passes_word(std::uint8_t reader) { return byte(RingState::passes + reader); }

}  // namespace

const char* RingModel::wrong(const State& s) const {
  for (const auto& reader : s.readers) {
    const bool holds = reader.phase == Phase::holds || reader.phase == Phase::reads || reader.phase == Phase::stopped;
    if (holds && s.content[reader.cell] != reader.position) return "a held record is overwritten";
    if (holds && reader.note != reader.position) return "a held record has another one's note";
  }
  return nullptr;
}

void RingModel::next(const State& s, Steps<State>& steps) const {
  if (s.buffer.count > 0) {
    State n = s;
    n.memory.drain_one(n.buffer);
    steps.to(n, "publisher", "has its store buffer drained");
  }
  if (s.publisher != Publisher::dead) {
    publish(s, steps);
    State n = s;
    n.memory.drain(n.buffer);
    n.publisher = Publisher::dead;
    n.owner = {};
    n.new_floor = n.pinned = n.asked = 0;
    steps.fate(n, "publisher", "is killed");
  }
  for (std::uint8_t who = 0; who < State::kReaders; ++who) {
    if (s.readers[who].buffer.count > 0) {
      State n = s;
      n.memory.drain_one(n.readers[who].buffer);
      steps.to(n, kNames[who], "has its store buffer drained");
    }
    if (s.readers[who].phase != Phase::dead) take(s, steps, who);
    fall(s, steps, who);
    if (shape_.keeps_floor && s.publisher != Publisher::dead) take_for_hung(s, steps, who);
  }
}

/// The publisher takes a reader for hung, rightly or not: the floor may pass it, when it has been told, and everybody
/// has gone through a barrier.
void RingModel::take_for_hung(const State& s, Steps<State>& steps, std::uint8_t who) const {
  if (s.readers[who].told == 2) return;
  State n = s;
  n.readers[who].told = byte(s.readers[who].told + 1);
  if (n.readers[who].told == 1) {
    if (!has(RingBug::hung_is_not_told)) n.memory.store_seq_cst(n.buffer, passes_word(who), 1);
    return steps.to(n, "publisher", "takes a reader for hung, and tells it");
  }
  if (!has(RingBug::no_barrier_for_hung)) {
    n.memory.drain(n.buffer);
    for (auto& reader : n.readers) n.memory.drain(reader.buffer);
  }
  steps.to(n, "publisher", "has everybody go through a barrier");
}

/// To where the floor may go.
std::uint8_t RingModel::highest_floor(const State& s) const {
  std::uint8_t highest = s.tail;
  if (!shape_.keeps_floor || has(RingBug::floor_beyond_cursor)) return highest;
  for (std::uint8_t who = 0; who < State::kReaders; ++who) {
    if (s.readers[who].gone != 0 || s.readers[who].told == 2) continue;
    highest = std::min(highest, s.memory.load(s.buffer, cursor_word(who)));
  }
  return highest;
}

/// A kill; afterwards, some time, the publisher learns that the node is gone.
void RingModel::fall(const State& s, Steps<State>& steps, std::uint8_t who) const {
  State n = s;
  auto& reader = n.readers[who];
  if (reader.phase != Phase::dead) {
    n.memory.drain(reader.buffer);
    const bool stays = has(RingBug::forgets_on_kill) && (reader.phase == Phase::holds || reader.phase == Phase::reads);
    reader.phase = stays ? Phase::stopped : Phase::dead;
    if (stays) {
      reader.gone = 1;
      steps.fate(n, kNames[who], "is stopped, and taken for dead");
    } else {
      reader.position = reader.cell = reader.note = 0;
      steps.fate(n, kNames[who], "is killed");
    }
    return;
  }
  if (reader.gone != 0 || s.publisher == Publisher::dead) return;
  reader.gone = 1;
  if (has(RingBug::frees_for_a_neighbour)) {
    const std::uint8_t pin = s.memory.words[pin_word(who)];
    for (auto& owner : n.owner) {
      if (owner < State::kTorn && owner + 1 == pin && owner < s.memory.load(s.buffer, State::floor)) {
        owner = State::kFree;
      }
    }
  }
  steps.to(n, "publisher", "learns that a reader is gone");
}

/// Frees what is below the floor and was not seen pinned.
void RingModel::free_below(State& s) const {
  for (std::uint8_t cell = 0; cell < shape_.cells; ++cell) {
    const bool below = s.owner[cell] < State::kTorn && s.owner[cell] < s.new_floor;
    if (below && (s.pinned & (1U << cell)) == 0) s.owner[cell] = State::kFree;
  }
  s.pinned = s.asked = 0;
  s.publisher = Publisher::idle;
}

/// The floor goes over the oldest message that is above it; or stays, for another look at the pins.
void RingModel::move_floor(const State& s, Steps<State>& steps) const {
  State n = s;
  const std::uint8_t floor = s.memory.load(s.buffer, State::floor);
  n.new_floor = std::max(floor, std::min(byte(floor + 1), highest_floor(s)));
  if (has(RingBug::pins_before_floor)) {
    n.publisher = Publisher::looks;
    return steps.to(n, "publisher", "finds no room, looks at the pins");
  }
  if (has(RingBug::no_writer_fence)) {
    n.memory.store_release(n.buffer, State::floor, n.new_floor);
  } else {
    n.memory.store_seq_cst(n.buffer, State::floor, n.new_floor);
  }
  n.publisher = Publisher::looks;
  steps.to(n, "publisher", "finds no room, moves the floor");
}

void RingModel::look_at_pins(const State& s, Steps<State>& steps) const {
  State n = s;
  if (s.asked == State::kReaders) {
    if (has(RingBug::pins_before_floor)) n.memory.store_seq_cst(n.buffer, State::floor, n.new_floor);
    free_below(n);
    return steps.to(n, "publisher", "frees what is below the floor and not pinned");
  }
  if (s.readers[s.asked].gone == 0) {
    const std::uint8_t pin = s.memory.load(s.buffer, pin_word(s.asked));
    for (std::uint8_t cell = 0; cell < shape_.cells; ++cell) {
      if (pin != 0 && s.owner[cell] == pin - 1) n.pinned = byte(n.pinned | 1 << cell);
    }
  }
  ++n.asked;
  steps.to(n, "publisher", "reads the pins of a reader");
}

void RingModel::publish(const State& s, Steps<State>& steps) const {
  if (s.publisher == Publisher::looks) return look_at_pins(s, steps);
  if (s.publisher == Publisher::writes_late) {
    State n = s;
    n.content[s.late] = byte(s.tail - 1);
    n.publisher = Publisher::idle;
    n.late = 0;
    return steps.to(n, "publisher", "writes the record");
  }
  const auto begin = s.owner.begin();
  const auto end = begin + shape_.cells;
  const auto lent = std::count(begin, end, State::kLent);
  if (lent < shape_.loans && s.tail + lent < shape_.messages) {
    const auto free_cell = std::find(begin, end, State::kFree);
    if (free_cell == end) {
      move_floor(s, steps);
    } else {
      State n = s;
      const auto cell = static_cast<std::size_t>(free_cell - begin);
      n.owner[cell] = State::kLent;
      n.content[cell] = State::kTorn;  // the user writes
      steps.to(n, "publisher", "lends a cell, which is written to");
    }
  }
  if (lent > 0 && s.tail - s.memory.load(s.buffer, State::floor) >= shape_.entries &&
      !has(RingBug::index_wraps_unasked)) {
    return move_floor(s, steps);
  }
  for (std::uint8_t cell = 0; cell < shape_.cells; ++cell) {
    if (s.owner[cell] != State::kLent) continue;
    State n = s;
    n.owner[cell] = s.tail;
    n.index[s.tail % shape_.entries] = {s.tail, cell};
    ++n.tail;
    if (has(RingBug::entry_before_payload)) {
      n.publisher = Publisher::writes_late;
      n.late = cell;
    } else {
      n.content[cell] = s.tail;
    }
    steps.to(n, "publisher", "publishes a record: its entry");
  }
}

/// What is said of a message, or of the one that has overwritten it.
std::uint8_t RingModel::note_at(const State& s, std::uint8_t position) const {
  return s.index[position % shape_.entries].position;
}

/// Publishers look at it only where it keeps the floor.
void RingModel::move_cursor(State& s, std::uint8_t who, std::uint8_t position) const {
  if (shape_.keeps_floor) s.memory.store_release(s.readers[who].buffer, cursor_word(who), position);
}

void RingModel::have_taken(State& s, std::uint8_t who) const {
  move_cursor(s, who, byte(s.readers[who].position + 1));
  s.readers[who].phase = Phase::holds;
}

void RingModel::take(const State& s, Steps<State>& steps, std::uint8_t who) const {
  State n = s;
  const auto& me = s.readers[who];
  auto& reader = n.readers[who];
  switch (me.phase) {
    case Phase::idle: {
      const auto& entry = s.index[me.position % shape_.entries];
      if (entry.position == State::kFree || entry.position < me.position) return;  // not there yet
      if (entry.position > me.position) {
        const std::uint8_t floor = s.memory.load(me.buffer, State::floor);
        reader.position = std::max(byte(me.position + 1), floor);
        move_cursor(n, who, reader.position);
        return steps.to(n, kNames[who], "finds its entry overwritten, goes on from the floor");
      }
      reader.cell = entry.cell;
      reader.phase = Phase::found;
      return steps.to(n, kNames[who], "reads the entry");
    }
    case Phase::found:
      if (shape_.keeps_floor) {
        n.memory.store_release(reader.buffer, pin_word(who), byte(me.position + 1));
        reader.phase = Phase::pinned_below_cursor;
        return steps.to(n, kNames[who], "pins, with no fence");
      }
      [[fallthrough]];
    case Phase::may_be_passed:
      if (has(RingBug::no_reader_fence)) {
        n.memory.store_release(reader.buffer, pin_word(who), byte(me.position + 1));
      } else {
        n.memory.store_seq_cst(reader.buffer, pin_word(who), byte(me.position + 1));
      }
      reader.phase = Phase::pinned;
      return steps.to(n, kNames[who], "pins");
    case Phase::pinned_below_cursor:
      reader.note = has(RingBug::note_after_word) ? byte(0) : note_at(s, me.position);
      reader.phase = Phase::noted_below_cursor;
      return steps.to(n, kNames[who], "reads the note");
    case Phase::noted_below_cursor:
      if (s.memory.load(me.buffer, passes_word(who)) != 0) {
        reader.note = 0;
        reader.phase = Phase::may_be_passed;
        return steps.to(n, kNames[who], "learns that the floor may pass");
      }
      if (has(RingBug::note_after_word)) {
        reader.phase = Phase::notes_late;
        return steps.to(n, kNames[who], "finds that the floor cannot pass");
      }
      have_taken(n, who);
      return steps.to(n, kNames[who], "finds that the floor cannot pass, moves its cursor: has taken the record");
    case Phase::notes_late:
      reader.note = note_at(s, me.position);
      have_taken(n, who);
      return steps.to(n, kNames[who], "reads the note: has taken the record");
    case Phase::pinned:
      reader.note = has(RingBug::note_after_floor) ? byte(0) : note_at(s, me.position);
      reader.phase = has(RingBug::no_second_look) ? Phase::holds : Phase::noted;
      return steps.to(n, kNames[who], "reads the note");
    case Phase::noted: {
      const std::uint8_t floor = s.memory.load(me.buffer, State::floor);
      if (floor > me.position) {
        n.memory.store_release(reader.buffer, pin_word(who), 0);
        move_cursor(n, who, floor);
        reader.position = floor;
        reader.cell = reader.note = 0;
        reader.phase = Phase::idle;
        return steps.to(n, kNames[who], "finds the floor above, clears the pin");
      }
      if (has(RingBug::note_after_floor)) {
        reader.phase = Phase::notes_late;
        return steps.to(n, kNames[who], "finds the floor below");
      }
      have_taken(n, who);
      return steps.to(n, kNames[who], "finds the floor below: has taken the record");
    }
    case Phase::holds:
      if (has(RingBug::unpins_before_last_read)) n.memory.store_release(reader.buffer, pin_word(who), 0);
      reader.phase = Phase::reads;
      return steps.to(n, kNames[who], "reads the record");
    case Phase::reads:
      if (!has(RingBug::unpins_before_last_read)) n.memory.store_release(reader.buffer, pin_word(who), 0);
      ++reader.position;
      reader.cell = reader.note = 0;
      reader.phase = Phase::idle;
      return steps.to(n, kNames[who], "has read it for the last time, clears the pin");
    case Phase::stopped:
    case Phase::dead: return;
  }
}

}  // namespace baton::model
