#include "guard_model.hpp"

namespace baton::model {

const char* GuardModel::wrong(const State& s) const {
  if (inside(s.user) && inside(s.keeper)) return "both are inside";
  if (inside(s.user) && s.view != s.version) return "a verb works with connections that the keeper has changed";
  if (s.user == User::awake && s.mapped == 0) return "a verb wakes up on a bell that is not mapped any more";
  return nullptr;
}

bool GuardModel::done(const State& s) const {
  const bool withdrawn = s.keeper == Keeper::outside || s.keeper == Keeper::finished;
  const bool user_is_held_up = s.keeper_stopped != 0 && (!withdrawn || s.room == 0);
  const bool user_done = s.user == User::finished || s.user_stopped != 0 || user_is_held_up;
  const bool keeper_is_barred =
      s.user_stopped != 0 && (inside(s.user) || s.user == User::looks || s.user == User::backs_off);
  const bool keeper_done = s.keeper == Keeper::finished || s.keeper_stopped != 0 || (keeper_is_barred && withdrawn);
  return user_done && keeper_done;
}

void GuardModel::next(const State& s, Steps<State>& steps) const {
  State n = s;
  if (s.user_buffer.count > 0) {
    n.memory.drain_one(n.user_buffer);
    steps.to(n, "user", "has its store buffer drained");
  }
  n = s;
  if (s.keeper_buffer.count > 0) {
    n.memory.drain_one(n.keeper_buffer);
    steps.to(n, "keeper", "has its store buffer drained");
  }
  n = s;
  if (s.user_stopped == 0) {
    use(s, steps);
    n.user_stopped = 1;
    steps.fate(n, "user", "is stopped");
  }
  n = s;
  if (s.keeper_stopped == 0) {
    keep(s, steps);
    n.keeper_stopped = 1;
    steps.fate(n, "keeper", "is stopped");
  }
}

void GuardModel::use(const State& s, Steps<State>& steps) const {
  State n = s;
  const char* me = "user";
  switch (s.user) {
    case User::outside:
      if (s.verbs_left == 0) {
        n.user = User::finished;
        return steps.to(n, me, "has finished");
      }
      n.memory.store_release(n.user_buffer, State::busy, 1);
      n.user = User::looks;
      return steps.to(n, me, "busy = 1");
    case User::looks:
      if (s.memory.load(s.user_buffer, State::keeper_in) != 0) {
        n.user = User::backs_off;
        return steps.to(n, me, "sees keeper_in");
      }
      n.user = User::works;
      if (s.has_slept == 0 || !has(GuardBug::keeps_its_view)) n.view = s.version;
      return steps.to(n, me, "sees that keeper_in is clear, looks at the connections");
    case User::backs_off:
      n.memory.store_release(n.user_buffer, State::busy, 0);
      n.user = User::goes_to_wait;
      return steps.to(n, me, "busy = 0");
    case User::goes_to_wait:  // the kernel compares and puts to sleep in one step
      n.user = s.memory.words[State::keeper_in] != 0 ? User::waits : User::outside;
      return steps.to(n, me,
                      n.user == User::waits ? "falls asleep until keeper_in is clear" : "finds keeper_in clear again");
    case User::waits: return;
    case User::works:
      n.user = s.room == 0 ? User::sleeps_soon : User::works_on;
      return steps.to(n, me, s.room == 0 ? "finds no room" : "works");
    case User::works_on:
      n.memory.store_release(n.user_buffer, State::busy, 0);
      n.user = User::outside;
      n.has_slept = n.view = 0;
      --n.verbs_left;
      return steps.to(n, me, "has worked, busy = 0");
    case User::sleeps_soon:
      if (!has(GuardBug::sleeps_inside)) n.memory.store_release(n.user_buffer, State::busy, 0);
      n.user = User::asleep;
      return steps.to(n, me, has(GuardBug::sleeps_inside) ? "sleeps" : "busy = 0, sleeps");
    case User::asleep:
      if (s.rung == 0) return;
      n.user = User::awake;
      return steps.to(n, me, "is rung");
    case User::awake:
      n.rung = 0;
      n.has_slept = 1;
      n.user = has(GuardBug::sleeps_inside) ? User::works : User::outside;
      return steps.to(n, me, "disarms its bell");
    case User::finished: return;
  }
}

void GuardModel::keep(const State& s, Steps<State>& steps) const {
  State n = s;
  const char* me = "keeper";
  switch (s.keeper) {
    case Keeper::outside:
      if (s.deeds_left == 0) {
        n.keeper = Keeper::finished;
        return steps.to(n, me, "has finished");
      }
      n.memory.store_release(n.keeper_buffer, State::keeper_in, 1);
      n.keeper = has(GuardBug::no_membarrier) ? Keeper::looks : Keeper::drains_own;
      return steps.to(n, me, "keeper_in = 1");
    case Keeper::drains_own:
      n.memory.drain(n.keeper_buffer);
      n.keeper = Keeper::drains_user;
      return steps.to(n, me, "membarrier: its own");
    case Keeper::drains_user:
      n.memory.drain(n.user_buffer);
      n.keeper = Keeper::looks;
      return steps.to(n, me, "membarrier: the user's");
    case Keeper::looks:
      if (s.memory.load(s.keeper_buffer, State::busy) == 0) {
        n.keeper = Keeper::works;
        return steps.to(n, me, "sees that busy is clear, enters");
      }
      n.keeper = has(GuardBug::enters_while_busy) ? Keeper::works : Keeper::withdraws;  // or it looks again: no step
      return steps.to(n, me, "has seen busy for long enough");
    case Keeper::withdraws:
      n.memory.store_release(n.keeper_buffer, State::keeper_in, 0);
      n.keeper = has(GuardBug::silent_withdrawal) ? Keeper::outside : Keeper::wakes;
      return steps.to(n, me, "withdraws, keeper_in = 0");
    case Keeper::works:
      ++n.version;
      if (s.room == 0 && has(GuardBug::unmaps_under_a_sleeper)) n.mapped = 0;
      n.keeper = Keeper::works_on;
      return steps.to(n, me, "works");
    case Keeper::works_on:
      ++n.version;
      n.room = 1;
      if (s.room == 0) n.rung = 1;
      --n.deeds_left;
      n.keeper = Keeper::leaves;
      return steps.to(n, me, "has worked, rings for the room it made");
    case Keeper::leaves:
      n.memory.store_release(n.keeper_buffer, State::keeper_in, 0);
      n.keeper = Keeper::wakes;
      return steps.to(n, me, "keeper_in = 0");
    case Keeper::wakes:  // a system call, which drains the buffer before it looks for sleepers
      n.memory.drain(n.keeper_buffer);
      if (s.user == User::waits) n.user = has(GuardBug::enters_without_look) ? User::works : User::outside;
      if (n.user == User::works) n.view = s.version;
      n.keeper = Keeper::outside;
      return steps.to(n, me, "wakes who waits for it");
    case Keeper::finished: return;
  }
}

}  // namespace baton::model
