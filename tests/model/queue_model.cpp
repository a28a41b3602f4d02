#include "queue_model.hpp"

namespace baton::model {

QueueState QueueModel::first() const {
  State s;
  s.free = byte((1 << shape_.chunks) - 1);
  s.lies_left = shape_.false_completions;
  return s;
}

void QueueModel::next(const State& s, Steps<State>& steps) const {
  if (s.publisher != Pub::dead) publish(s, steps);
  if (s.reader != Rd::dead) {
    take(s, steps);
    for (std::uint8_t i = 0; i < s.samples.size(); ++i) release(s, steps, i);
    lie(s, steps);
  }
  kill(s, steps);
}

/// What dies with a process is forgotten, so that states which are the same look the same.
void QueueModel::kill(const State& s, Steps<State>& steps) const {
  if (s.publisher != Pub::dead) {
    State n = s;
    n.publisher = Pub::dead;
    n.loan = kNobody;
    n.given = n.free = n.seen_head = 0;
    n.shadow = {};
    steps.fate(n, "publisher", "is killed");
  }
  if (s.reader != Rd::dead) {
    State n = s;
    n.samples = {};
    stop_taking(n);
    n.reader = Rd::dead;
    n.next = n.completed = n.lies_left = 0;
    steps.fate(n, "reader", "is killed");
  }
}

bool QueueModel::give_back(State& s, std::uint8_t chunk, bool checked) const {
  if (checked && (s.given & bit(chunk)) == 0) return true;
  s.given = byte(s.given & ~bit(chunk));
  if (chunk == s.loan) return true;
  const bool once = (s.free & bit(chunk)) == 0;
  s.free = byte(s.free | bit(chunk));
  s.content[chunk] = kNobody;
  return once;
}

void QueueModel::drop_loan(State& s) const {
  if ((s.given & bit(s.loan)) == 0) {
    s.free = byte(s.free | bit(s.loan));
    s.content[s.loan] = kNobody;
  }
  s.loan = kNobody;
  s.publisher = Pub::idle;
}

std::uint8_t QueueModel::head_moves(State& s, std::uint8_t from) const {
  s.head = after(from, shape_.submissions);
  s.next_is_old = 1;
  if (s.head == s.tail) s.never_empty = 0;
  s.submission[from % shape_.submissions].chunk = 0;  // never used again: whoever reads it now fails to claim it
  s.shadow[from % shape_.submissions] = 0;
  return s.head;
}

const char* QueueModel::wrong(const State& s) const {
  const std::uint8_t loaned = s.loan == kNobody ? 0 : bit(s.loan);
  if (s.publisher != Pub::dead) {
    if ((s.free & (s.given | loaned)) != 0) return "a chunk is free that somebody has";
    if ((s.free | s.given | loaned) != byte((1 << shape_.chunks) - 1)) return "a chunk is lost";
  }
  if (!honest() || s.reader == Rd::dead) return nullptr;

  std::array<int, 7> places{};  // of each chunk: queued, held, completed
  for (int i = 0; i < queued(s); ++i) {
    const int place = (s.head + i) % period(shape_.submissions) % shape_.submissions;
    ++places[s.shadow[static_cast<std::uint8_t>(place)]];
  }
  for (const auto& sample : s.samples) {
    if (sample.hand == Hand::none) continue;
    ++places[sample.chunk];
    if (sample.hand == Hand::holds && s.content[sample.chunk] != sample.message) return "a held chunk is rewritten";
  }
  for (std::uint8_t p = s.collected; p != s.completed; p = after(p, shape_.completions)) {
    const auto& entry = s.completion[p % shape_.completions];
    if (entry.lap == lap(p, shape_.completions)) ++places[entry.chunk];
  }
  if (s.publisher == Pub::dead) return nullptr;
  if (s.publisher == Pub::full || s.publisher == Pub::stores) ++places[s.loan];  // given, but not queued yet
  for (std::uint8_t chunk = 0; chunk < shape_.chunks; ++chunk) {
    if (places[chunk] != ((s.given & bit(chunk)) != 0 ? 1 : 0)) return "a given chunk is not in exactly one place";
  }
  return nullptr;
}

}  // namespace baton::model
