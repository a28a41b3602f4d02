#include "slot_model.hpp"

namespace baton::model {

namespace {

constexpr std::array<const char*, 2> kPublisher{"publisher 1", "publisher 2"};
constexpr const char* kSubscriber = "subscriber";

}  // namespace

/// Who is there has published everything, all of it was taken and released; the slots of all others are free.
bool SlotModel::done(const State& s) const {
  for (const auto& p : s.publishers) {
    const bool gone = p.at == At::dead && p.first_alive > p.life;
    const bool stays = p.at == At::connected && !shape_.closes && p.sent == shape_.messages && p.given == 0;
    const bool finished = p.at == At::idle && p.life > shape_.lives;
    if (!gone && !stays && !finished) return false;
  }
  for (std::uint8_t k = 0; k < shape_.slots; ++k) {
    const bool used = !shape_.closes && s.slots[k].word == Word::claimed && !is_over(s, k);
    if (!used && s.slots[k].word != Word::free) return false;
  }
  return true;
}

void SlotModel::next(const State& s, Steps<State>& steps) const {
  for (std::uint8_t i = 0; i < 2; ++i) publish(s, steps, i);
  if (s.epoch_changed != 0) {
    State n = s;
    n.epoch_changed = 0;
    for (std::uint8_t k = 0; k < shape_.slots; ++k) n.inlets[k].look = 1;
    steps.to(n, kSubscriber, "sees the slot epoch changed");
  }
  for (std::uint8_t k = 0; k < shape_.slots; ++k) {
    subscribe(s, steps, k);
    release(s, steps, k);
  }
}

void SlotModel::publish(const State& s, Steps<State>& steps, std::uint8_t i) const {
  State n = s;
  auto& me = n.publishers[i];
  auto& slot = n.slots[me.slot];
  const char* who = kPublisher[i];
  switch (me.at) {
    case At::idle:
      if (me.life > shape_.lives) return;
      for (std::uint8_t k = 0; k < shape_.slots; ++k) {
        if (s.slots[k].word != Word::free) continue;
        n = s;
        n.slots[k].word = Word::claimed;  // S1
        n.slots[k].owner = i;
        n.slots[k].life = me.life;
        me.slot = k;
        me.at = At::claimed;
        steps.to(n, who, "claims a slot");
      }
      break;
    case At::claimed:
    case At::first_done: {
      const bool makes_ready = (me.at == At::claimed) != has(SlotBug::epoch_before_ready);
      (makes_ready ? slot.ready : n.epoch_changed) = 1;  // S2, W1
      me.at = me.at == At::claimed ? At::first_done : At::connected;
      steps.to(n, who, makes_ready ? "writes its part of the slot: ready" : "changes the slot epoch");
      break;
    }
    case At::connected: serve(s, steps, i); break;
    case At::dead:
      if (me.first_alive <= me.life) {
        me.first_alive = byte(me.life + 1);
        for (std::uint8_t k = 0; k < shape_.slots; ++k) n.inlets[k].look = 1;
        return steps.to(n, who, "is reaped; the subscriber's keeper has the slots looked at");
      }
      if (me.life >= shape_.lives) return;
      ++me.life;
      me.at = At::idle;
      me.slot = me.sent = me.given = me.collected = 0;
      return steps.to(n, who, "begins a new life");
  }
  if (me.at == At::idle && s.publishers[i].life > shape_.lives) return;
  n = s;
  me.at = At::dead;
  me.slot = me.sent = me.given = me.collected = 0;
  steps.fate(n, who, "is killed");
}

void SlotModel::serve(const State& s, Steps<State>& steps, std::uint8_t i) const {
  State n = s;
  auto& me = n.publishers[i];
  auto& slot = n.slots[me.slot];
  if (me.sent < shape_.messages) {
    slot.submission[me.sent] = tag(i, me.life, me.sent);
    me.given = byte(me.given | (1 << me.sent));
    ++me.sent;
    steps.to(n, kPublisher[i], "stores an entry");
    n = s;
  }
  if (me.collected < shape_.messages && slot.completion[me.collected] != 0) {
    const int message = slot.completion[me.collected] - tag(i, me.life, 0);
    const bool mine = message >= 0 && message < 2 && (me.given & (1 << message)) != 0;
    me.given = byte(me.given & ~(1 << (message & 1)));
    ++me.collected;
    steps.to(n, kPublisher[i], "collects a completion", mine ? nullptr : "a publisher collects a ghost");
    n = s;
  }
  if (shape_.closes) {
    slot.word = Word::closed;  // S3
    n.epoch_changed = 1;
    me.at = At::idle;
    ++me.life;
    me.slot = me.sent = me.given = me.collected = 0;
    steps.to(n, kPublisher[i], "closes, changes the slot epoch");
  }
}

void SlotModel::subscribe(const State& s, Steps<State>& steps, std::uint8_t k) const {
  State n = s;
  auto& me = n.inlets[k];
  if (me.look != 0) look(s, steps, k);
  const bool takes = me.view == View::attached || me.view == View::ending;
  if (takes && !is_drained(s, k) && me.hand == Hand::none) {
    const auto& slot = s.slots[k];
    me.hand = Hand::holds;
    me.entry = slot.submission[me.taken];
    const bool right = me.entry == tag(slot.owner, slot.life, me.taken);
    ++me.taken;
    steps.to(n, kSubscriber, "takes", right ? nullptr : "the subscriber takes a ghost");
  }
  free(s, steps, k);
}

/// At the slot's word, then at `ready`.
void SlotModel::look(const State& s, Steps<State>& steps, std::uint8_t k) const {
  State n = s;
  auto& me = n.inlets[k];
  me.look = 0;
  const char* what = "looks at a slot: nothing new";
  if (me.view == View::none && s.slots[k].word != Word::free && s.slots[k].ready != 0) {
    me.view = View::attached;
    what = "attaches to a slot";
  }
  const bool may_end = s.slots[k].ready != 0 || !has(SlotBug::waits_for_ready);
  if (is_over(s, k) && may_end && (me.view == View::none || me.view == View::attached) &&
      !has(SlotBug::drained_too_early)) {
    me.view = View::ending;
    what = "sees that a slot's claimer has closed or is dead";
  }
  steps.to(n, kSubscriber, what);
}

/// Only when the claimer is known to have gone is it asked whether the queue is drained. Then zeroes, then frees.
void SlotModel::free(const State& s, Steps<State>& steps, std::uint8_t k) const {
  State n = s;
  auto& me = n.inlets[k];
  auto& slot = n.slots[k];
  const bool rest = is_drained(s, k) && nothing_held(s, k);
  if (me.view == View::attached && has(SlotBug::drained_too_early) && rest) {
    me.view = View::seen_empty;
    return steps.to(n, kSubscriber, "sees that a slot's queue is empty");
  }
  if (me.view == View::seen_empty) {
    me.view = is_over(s, k) ? View::zeroing : View::attached;
    return steps.to(n, kSubscriber, "looks whether the slot's claimer has closed or is dead");
  }
  if (me.view == View::ending && rest) {
    me.view = View::zeroing;
    return steps.to(n, kSubscriber, "finds the slot drained and nothing held");
  }
  if (me.view == View::zeroing && (slot.ready != 0 || slot.completion[0] != 0)) {
    slot.ready = 0;
    if (!has(SlotBug::not_zeroed)) slot.submission = {};
    slot.completion = {};
    const bool all_taken = me.taken == shape_.messages || s.slots[k].submission[me.taken] == 0;
    return steps.to(n, kSubscriber, "zeroes the slot", all_taken ? nullptr : "a message that was published is lost");
  }
  if (me.view == View::zeroing) {
    slot.word = Word::free;  // S1
    slot.owner = slot.life = 0;
    me.view = View::none;
    me.taken = me.completed = 0;
    return steps.to(n, kSubscriber, "frees the slot");
  }
}

void SlotModel::release(const State& s, Steps<State>& steps, std::uint8_t k) const {
  State n = s;
  auto& me = n.inlets[k];
  if (me.hand == Hand::holds) {
    me.hand = Hand::claimed;
    me.position = me.completed++;
    steps.to(n, "a releasing thread", "claims a position for the completion");
  } else if (me.hand == Hand::claimed) {
    n.slots[k].completion[me.position & 1] = me.entry;
    me.hand = Hand::none;
    me.entry = me.position = 0;
    steps.to(n, "a releasing thread", "stores the completion");
  }
}

}  // namespace baton::model
