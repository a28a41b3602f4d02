#include "bell_model.hpp"

namespace baton::model {

namespace {

constexpr std::array<const char*, 2> kRinger{"ringer 1", "ringer 2"};

}  // namespace

BellState BellModel::first() const {
  State s;
  s.sleeper.bell = shape_.repoint == Repoint::by_another_thread ? 1 : 0;
  s.memory.words[State::attached] = shape_.repoint == Repoint::by_another_thread ? 0 : 1;
  return s;
}

bool BellModel::done(const State& s) const {
  for (std::uint8_t i = 0; i < 2; ++i) {
    const auto& ringer = s.ringers[i];
    if (ringer.at == At::stopped) continue;
    if (ringer.at != At::dead && (ringer.at != At::idle || ringer.sent < shape_.messages[i])) return false;
    if (ringer.buffer.count > 0 || s.sleeper.taken[i] != s.memory.words[State::entry + i]) return false;
  }
  return s.memory.words[State::attached] != 0;
}

void BellModel::next(const State& s, Steps<State>& steps) const {
  for (std::uint8_t i = 0; i < 2; ++i) {
    ring(s, steps, i);
    keep(s, steps, i);
    State n = s;
    if (s.ringers[i].buffer.count > 0) {
      n.memory.drain_one(n.ringers[i].buffer);
      steps.to(n, kRinger[i], "has its store buffer drained");
    }
    if (s.ringers[i].at == At::dead || s.ringers[i].at == At::stopped) continue;
    n = s;  // what dies with it is forgotten, so that states which are the same look the same
    n.ringers[i] = {};
    n.ringers[i].buffer = s.ringers[i].buffer;
    n.ringers[i].at = At::dead;
    steps.fate(n, kRinger[i], "is killed");
    n.ringers[i].at = At::stopped;
    steps.fate(n, kRinger[i], "is stopped");
  }
  sleep(s, steps);
  repoint(s, steps);
  if (s.sleeper.buffer.count > 0) {
    State n = s;
    n.memory.drain_one(n.sleeper.buffer);
    steps.to(n, "sleeper", "has its store buffer drained");
  }
}

/// Numbers are only compared for being the same, so the least one that nobody has in mind is as good as a new one.
std::uint8_t BellModel::fresh_number(const State& s) {
  std::uint8_t number = 1;
  const auto is_known = [&] {
    for (const auto& ringer : s.ringers) {
      if (number == ringer.number || number == ringer.rung) return true;
    }
    return number == s.memory.words[State::armed] || number == s.memory.words[State::armed + 1];
  };
  while (is_known()) ++number;
  return number;
}

void BellModel::ring(const State& s, Steps<State>& steps, std::uint8_t i) const {
  State n = s;
  auto& me = n.ringers[i];
  const auto entry = byte(State::entry + i);
  const auto ready = byte(State::ready + i);
  const auto armed = byte(State::armed + me.bell);
  switch (me.at) {
    case At::idle:
      if (me.sent == shape_.messages[i]) return;
      ++me.sent;
      if (has(BellBug::entry_released)) {
        n.memory.store_release(me.buffer, entry, me.sent);
      } else {
        n.memory.store_seq_cst(me.buffer, entry, me.sent);
      }
      me.at = shape_.ready_bits ? At::entered : At::asks_which;
      return steps.to(n, kRinger[i], "stores an entry");
    case At::entered:
      me.at = s.memory.load(me.buffer, ready) == 0 ? At::sets_bit : At::asks_which;
      return steps.to(n, kRinger[i], me.at == At::sets_bit ? "finds its ready bit clear" : "finds its ready bit set");
    case At::sets_bit:
      n.memory.store_seq_cst(me.buffer, ready, 1);  // an atomic or: the other bits belong to others
      me.at = At::asks_which;
      return steps.to(n, kRinger[i], "sets its ready bit");
    case At::asks_which:
      me.bell = s.memory.load(me.buffer, State::which);
      me.at = At::asks_armed;
      return steps.to(n, kRinger[i], "asks which bell");
    case At::asks_armed: {
      const std::uint8_t number = s.memory.load(me.buffer, armed);
      me.at = number == 0 || number == me.rung ? At::idle : At::rings;
      if (me.at == At::rings) me.number = number;
      if (me.at == At::rings && has(BellBug::ringer_clears_armed)) me.at = At::clears_armed;
      return steps.to(n, kRinger[i], me.at == At::idle ? "finds nobody to ring for" : "finds the bell armed");
    }
    case At::clears_armed:
      n.memory.store_seq_cst(me.buffer, armed, 0);
      me.at = At::rings;
      return steps.to(n, kRinger[i], "clears armed");
    case At::rings:
      ring_sequence(n, me.buffer, me.bell);
      me.at = At::wakes;
      return steps.to(n, kRinger[i], "rings: sequence + 1");
    case At::wakes:
      wake(n, me.bell);
      me.rung = me.number;
      me.number = me.bell = 0;
      me.at = At::idle;
      return steps.to(n, kRinger[i], "rings: wakes");
    case At::stopped:
    case At::dead: return;
  }
}

void BellModel::sleep(const State& s, Steps<State>& steps) const {
  State n = s;
  auto& me = n.sleeper;
  const char* who = "sleeper";
  switch (me.at) {
    case Sleep::scans:
      if (shape_.repoint == Repoint::by_the_sleeper && me.bell == 0) {
        n.memory.store_seq_cst(me.buffer, State::which, 1);
        me.bell = 1;
        steps.to(n, who, "re-points the inbox to another bell, where it will sleep");
        n = s;
      }
      return look(s, steps);
    case Sleep::clears_bit:
      n.memory.store_seq_cst(me.buffer, byte(State::ready + me.queue), 0);
      me.active = byte(me.active | (1 << me.queue));
      me.at = Sleep::drains;
      return steps.to(n, who, "clears a ready bit");
    case Sleep::drains: return drain(s, steps);
    case Sleep::clears_late:
      n.memory.store_seq_cst(me.buffer, byte(State::ready + me.queue), 0);
      me.at = Sleep::scans;
      me.queue = 0;
      return steps.to(n, who, "clears a ready bit");
    case Sleep::reads_sequence:
      n.memory.words[State::sequence + me.bell] = 0;  // from now on it tells whether the sequence has changed
      me.at = has(BellBug::sequence_read_late) ? Sleep::sleeps : Sleep::arms;
      return steps.to(n, who, "reads the sequence");
    case Sleep::arms: {
      const auto word = byte(State::armed + me.bell);
      const std::uint8_t number = has(BellBug::numbers_repeat) ? ++me.armings[me.bell] : fresh_number(s);
      if (has(BellBug::armed_released)) {
        n.memory.store_release(me.buffer, word, number);
      } else {
        n.memory.store_seq_cst(me.buffer, word, number);
      }
      me.at = has(BellBug::looks_before_arming) ? Sleep::sleeps : Sleep::looks;
      return steps.to(n, who, "arms the bell");
    }
    case Sleep::looks: return look(s, steps);
    case Sleep::sleeps: return fall_asleep(s, steps);
    case Sleep::asleep:
      if (shape_.keeper) return;
      me.at = Sleep::awake;
      if (!has(BellBug::death_shows_bits_only)) me.active = 3;
      return steps.to(n, who, "wakes up by itself");
    case Sleep::awake:
      n.memory.store_release(me.buffer, byte(State::armed + me.bell), 0);
      me.at = me.active != 0 ? Sleep::drains : Sleep::scans;
      return steps.to(n, who, "disarms");
  }
}

/// A look at one of the words that tell whether there is something: before it arms (scans), and again when it has
/// (looks).
void BellModel::look(const State& s, Steps<State>& steps) const {
  State n = s;
  auto& me = n.sleeper;
  const bool again = me.at == Sleep::looks;
  if (me.queue == 2) {  // the last word: the slot epoch, which the keeper changes after a death
    me.queue = 0;
    const bool changed = s.memory.load(me.buffer, State::look) != 0;
    if (changed && !again) {
      n.memory.store_seq_cst(me.buffer, State::look, 0);
      me.active = has(BellBug::death_shows_bits_only) ? 0 : 3;
      if (me.active != 0) me.at = Sleep::drains;
      return steps.to(n, "sleeper", "finds that somebody died");
    }
    me.at = changed ? Sleep::awake : again ? Sleep::sleeps : Sleep::reads_sequence;
    if (me.at == Sleep::reads_sequence && (has(BellBug::sequence_read_late) || has(BellBug::looks_before_arming))) {
      me.at = has(BellBug::sequence_read_late) ? Sleep::arms : Sleep::reads_sequence;
    }
    if (me.at == Sleep::sleeps && has(BellBug::sequence_read_late)) me.at = Sleep::reads_sequence;
    return steps.to(n, "sleeper", changed ? "finds that somebody died" : "finds nothing more");
  }
  const bool attached = s.memory.load(me.buffer, State::attached) != 0;  // else the inbox is not its business yet
  const std::uint8_t entries = s.memory.load(me.buffer, byte(State::entry + me.queue));
  const std::uint8_t bit = s.memory.load(me.buffer, byte(State::ready + me.queue));
  const bool there = attached && (shape_.ready_bits ? bit != 0 : entries != me.taken[me.queue]);
  if (!there) {
    ++me.queue;
    return steps.to(n, "sleeper", again ? "looks again: nothing" : "looks: nothing");
  }
  if (again) {
    me.at = Sleep::awake;
    me.queue = 0;
    return steps.to(n, "sleeper", "looks again: something");
  }
  me.at = shape_.ready_bits && !has(BellBug::bit_cleared_late) ? Sleep::clears_bit : Sleep::drains;
  if (me.at == Sleep::drains) me.active = byte(1 << me.queue);
  steps.to(n, "sleeper", "looks: something");
}

/// The kernel compares and puts to sleep in one step.
void BellModel::fall_asleep(const State& s, Steps<State>& steps) const {
  State n = s;
  const bool rung = s.memory.words[State::sequence + s.sleeper.bell] != 0;
  n.sleeper.at = rung ? Sleep::awake : Sleep::asleep;
  steps.to(n, "sleeper", rung ? "has been rung before it slept" : "falls asleep");
}

/// Takes from the queues of the active set, until an entry is absent in each.
void BellModel::drain(const State& s, Steps<State>& steps) const {
  State n = s;
  auto& me = n.sleeper;
  const std::uint8_t i = (me.active & 1) != 0 ? 0 : 1;
  if (s.memory.load(me.buffer, byte(State::entry + i)) != me.taken[i]) {
    ++me.taken[i];
    return steps.to(n, "sleeper", "takes");
  }
  me.active = byte(me.active & ~(1 << i));
  if (me.active == 0) {
    me.at = has(BellBug::bit_cleared_late) && shape_.ready_bits ? Sleep::clears_late : Sleep::scans;
    me.queue = me.at == Sleep::clears_late ? i : byte(0);
  }
  steps.to(n, "sleeper", "finds a queue empty");
}

/// Another thread of the reader's process lets a dispatcher, which sleeps on a bell of its own, have the inbox.
void BellModel::repoint(const State& s, Steps<State>& steps) const {
  if (shape_.repoint != Repoint::by_another_thread) return;
  StoreBuffer empty;
  State n = s;
  ++n.other;
  switch (s.other) {
    case 0: n.memory.store_seq_cst(empty, State::attached, 1); return steps.to(n, "other thread", "attaches the inbox");
    case 1: n.memory.store_seq_cst(empty, State::which, 1); return steps.to(n, "other thread", "re-points the inbox");
    case 2:
      if (has(BellBug::repoints_silently)) return;
      ring_sequence(n, empty, 1);
      return steps.to(n, "other thread", "rings: sequence + 1");
    case 3: wake(n, 1); return steps.to(n, "other thread", "rings: wakes");
    default: return;
  }
}

/// The keeper of the sleeper's node: changes the slot epoch, so that all queues are looked at, then rings.
void BellModel::keep(const State& s, Steps<State>& steps, std::uint8_t i) const {
  if (!shape_.keeper || s.ringers[i].at != At::dead) return;
  StoreBuffer empty;
  State n = s;
  const std::uint8_t bell = s.memory.words[State::which];
  ++n.ringers[i].death_noticed;
  switch (s.ringers[i].death_noticed) {
    case 0:
      if (s.ringers[i].buffer.count > 0) return;
      n.memory.store_seq_cst(empty, State::look, 1);
      return steps.to(n, "keeper", "notices a death, changes the slot epoch");
    case 1: ring_sequence(n, empty, bell); return steps.to(n, "keeper", "rings: sequence + 1");
    case 2: wake(n, bell); return steps.to(n, "keeper", "rings: wakes");
    default: return;
  }
}

}  // namespace baton::model
