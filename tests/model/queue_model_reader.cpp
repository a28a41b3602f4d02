// What the reader of the queue model does.

#include "queue_model.hpp"

namespace baton::model {

/// What it does not need any more is forgotten, so that states which are the same look the same.
void QueueModel::stop_taking(State& s) const {
  s.reader = Rd::idle;
  s.candidate = 0;
  s.next_is_old = 0;
  s.never_empty = 0;
  if (!shape_.lossless) s.next = 0;
}

void QueueModel::take(const State& s, Steps<State>& steps) const {
  const int entries = shape_.submissions;
  const char* me = "reader";
  State n = s;
  switch (s.reader) {
    case Rd::idle: {
      if (shape_.reader_closes && s.leaving == 0) leave(s, steps);
      int held = 0;
      for (const auto& sample : s.samples) {
        held += sample.hand != Hand::none;  // until the completion is stored
      }
      if (held >= shape_.max_held) return;
      n.reader = Rd::loaded;
      n.never_empty = s.head != s.tail;
      if (!shape_.lossless) n.next = s.head;
      n.next_is_old = 0;
      return steps.to(n, me, "begins to take");
    }
    case Rd::loaded: {
      const State::Entry& entry = s.submission[s.next % entries];
      n.candidate = entry.chunk;
      n.reader = entry.lap == lap(s.next, entries) ? Rd::present : Rd::absent;
      return steps.to(n, me, n.reader == Rd::present ? "finds the entry" : "does not find the entry");
    }
    case Rd::absent:
      if (!shape_.lossless && s.next_is_old != 0 && !has(QueueBug::empty_without_second_look)) {
        n.next = s.head;
        n.next_is_old = 0;
        n.reader = Rd::loaded;
        return steps.to(n, me, "finds the head moved");
      }
      stop_taking(n);
      return steps.to(n, me, "reports empty",
                      s.never_empty != 0 ? "a queue that was never empty is called empty" : nullptr);
    case Rd::present:
      if (s.leaving == 0 && has(QueueBug::leaving_before_last_take)) leave(s, steps);
      return take_it(s, steps);
    case Rd::leaves:
      n.leaving = 1;
      n.reader = Rd::left;
      return steps.to(n, me, "sets leaving");
    case Rd::left:
    case Rd::dead: return;
  }
}

/// H1: claims the position, if it is still there, and holds what it has read.
void QueueModel::take_it(const State& s, Steps<State>& steps) const {
  State n = s;
  if (s.next_is_old != 0 && !shape_.lossless && !has(QueueBug::takes_without_claim)) {
    stop_taking(n);
    if (n.leaving != 0) n.reader = Rd::left;
    return steps.to(n, "reader", "finds its position claimed by the publisher");
  }
  std::uint8_t free = 0;
  while (s.samples[free].hand != Hand::none) ++free;
  n.samples[free] = {Hand::holds, s.candidate, s.next, 0};
  n.next = head_moves(n, s.next);
  stop_taking(n);
  if (n.leaving != 0) n.reader = Rd::left;
  steps.to(n, "reader", "takes");
}

/// Closes: the last move of the head comes before `leaving`.
void QueueModel::leave(const State& s, Steps<State>& steps) const {
  State n = s;
  if (s.reader == Rd::present) {
    n.leaving = 1;
    return steps.fate(n, "reader", "sets leaving in the middle of a take");
  }
  n.reader = Rd::leaves;
  steps.fate(n, "reader", "closes: takes nothing any more");
}

void QueueModel::release(const State& s, Steps<State>& steps, std::uint8_t i) const {
  const int entries = shape_.completions;
  State n = s;
  State::Sample& sample = n.samples[i];
  if (sample.hand == Hand::holds) {
    sample = {Hand::claimed, sample.chunk, 0, s.completed};
    n.completed = after(s.completed, entries);
    steps.to(n, "a releasing thread", "claims a position for the completion");
  } else if (sample.hand == Hand::claimed) {
    const bool is_free = from_to(s.collected, sample.position, entries) < entries;
    n.completion[sample.position % entries] = {lap(sample.position, entries), sample.chunk};
    sample = {};
    steps.to(n, "a releasing thread", "stores the completion",
             is_free || !honest() ? nullptr : "a completion is overwritten before it is collected");
  }
}

/// A reader that is broken or hostile: completes any chunk.
void QueueModel::lie(const State& s, Steps<State>& steps) const {
  if (s.lies_left == 0) return;
  for (std::uint8_t chunk = 0; chunk < shape_.chunks; ++chunk) {
    State n = s;
    --n.lies_left;
    n.completion[s.completed % shape_.completions] = {lap(s.completed, shape_.completions), chunk};
    n.completed = after(s.completed, shape_.completions);
    steps.to(n, "reader", "completes some chunk");
  }
}

}  // namespace baton::model
