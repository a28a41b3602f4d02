// What the publisher of the queue model does.

#include "queue_model.hpp"

namespace baton::model {

void QueueModel::publish(const State& s, Steps<State>& steps) const {
  const int entries = shape_.submissions;
  const char* me = "publisher";
  State n = s;
  switch (s.publisher) {
    case Pub::idle:
      if (s.connection == State::Connection::over) return;
      if (s.reader == Rd::dead) {
        for (std::uint8_t chunk = 0; chunk < shape_.chunks; ++chunk) {
          if ((s.given & bit(chunk)) != 0) give_back(n, chunk, true);
        }
        const bool all = n.free == byte((1 << shape_.chunks) - 1);
        n = first();
        n.reader = Rd::dead;
        n.connection = State::Connection::over;
        steps.to(n, me, "clears the dead reader's given-set", all ? nullptr : "a chunk is lost with the reader");
      }
      if (s.leaving != 0 && s.connection == State::Connection::open) return take_all_back(s, steps);
      if (s.connection == State::Connection::left) collect(s, steps);
      if (s.connection != State::Connection::open) return;
      collect(s, steps);  // at any time, as often as the pool thinks fit
      if (shape_.messages != 0 && s.tail == shape_.messages) return;
      if (s.free == 0 && !completion_is_there(s)) steps.to(s, me, "asks for a loan", "the pool runs dry");
      for (std::uint8_t chunk = 0; chunk < shape_.chunks; ++chunk) {
        if ((s.free & bit(chunk)) == 0) continue;
        n = s;
        n.publisher = Pub::writes;
        n.loan = chunk;
        n.free = byte(s.free & ~bit(chunk));
        n.content[chunk] = kTorn;
        steps.to(n, me, "loans a chunk and begins to write it");
        if (honest()) return;  // free chunks are alike: the first stands for all, unless somebody has kept one's number
      }
      return;
    case Pub::writes:
      if (!has(QueueBug::entry_before_payload)) n.content[s.loan] = s.tail;
      n.publisher = Pub::asks_for_room;
      return steps.to(n, me, "has written the chunk");
    case Pub::asks_for_room: return ask_for_room(s, steps);
    case Pub::full: return take_oldest_back(s, steps, Pub::stores);
    case Pub::stores: {
      const bool is_free = queued(s) < entries;
      n.submission[s.tail % entries] = {lap(s.tail, entries), s.loan};
      n.tail = after(s.tail, entries);
      n.publisher = Pub::writes_late;
      if (!has(QueueBug::entry_before_payload)) drop_loan(n);
      return steps.to(n, me, "stores the entry", is_free ? nullptr : "an entry that is queued is overwritten");
    }
    case Pub::writes_late:
      n.content[s.loan] = byte((s.tail + period(entries) - 1) % period(entries));
      drop_loan(n);
      return steps.to(n, me, "has written the chunk");
    case Pub::dead: return;
  }
}

/// Collects before it says that there is none.
void QueueModel::ask_for_room(const State& s, Steps<State>& steps) const {
  State n = s;
  const int limit = shape_.depth + shape_.max_held;
  const bool bounded = !has(QueueBug::given_unbounded) || shape_.lossless;
  const bool open = s.connection == State::Connection::open && s.leaving == 0;
  const bool full = bounded && count(s.given) >= (shape_.lossless ? limit : limit + 1);
  if (open && !full) return give(s, steps);
  if (open && completion_is_there(s)) return collect(s, steps);
  if (open && !shape_.lossless && s.tail != s.head) {
    n.seen_head = s.head;
    return take_oldest_back(n, steps, Pub::asks_for_room);
  }
  drop_loan(n);
  if (s.leaving != 0) return take_all_back(n, steps);
  steps.to(n, "publisher", "finds no room and drops the message");
}

/// Its private part - the bit in the chunk's word, the shadow - and a look at the head if the queue may be full.
void QueueModel::give(const State& s, Steps<State>& steps) const {
  State n = s;
  n.given = byte(s.given | bit(s.loan));
  n.shadow[s.tail % shape_.submissions] = s.loan;
  n.publisher = Pub::stores;
  if (!shape_.lossless && from_to(s.seen_head, s.tail, shape_.submissions) >= shape_.depth) {
    n.seen_head = s.head;
    if (queued(s) >= shape_.depth) n.publisher = Pub::full;
  }
  steps.to(n, "publisher", n.publisher == Pub::full ? "gives the chunk; the queue is full" : "gives the chunk");
}

/// H1: compares the head with the one it has seen, and swaps.
void QueueModel::take_oldest_back(const State& s, Steps<State>& steps, Pub then) const {
  State n = s;
  n.publisher = then;
  n.seen_head = s.head;
  const bool claimed = s.head == s.seen_head;
  if (!claimed && !has(QueueBug::drops_without_claim))
    return steps.to(n, "publisher", "finds that the oldest is taken");
  const std::uint8_t oldest = s.shadow[s.seen_head % shape_.submissions];
  if (claimed) n.seen_head = head_moves(n, s.head);
  const bool once = give_back(n, oldest, !has(QueueBug::takes_back_unchecked));
  steps.to(n, "publisher", "takes the oldest back", once ? nullptr : "a chunk is freed twice");
}

/// L1: nothing more is given; what is queued comes back by the shadow, for the head stands still; the rest is held.
void QueueModel::take_all_back(const State& s, Steps<State>& steps) const {
  State n = s;
  n.connection = State::Connection::left;
  std::uint8_t position = shape_.lossless && has(QueueBug::takes_without_head) ? 0 : s.head;
  while (position != n.tail) {
    give_back(n, n.shadow[position % shape_.submissions], true);
    position = head_moves(n, position);  // for the checks only: the publisher does not write the head
  }
  n.next_is_old = s.next_is_old;
  steps.to(n, "publisher", "sees the reader leaving and takes back what is queued");
}

void QueueModel::collect(const State& s, Steps<State>& steps) const {
  if (!completion_is_there(s)) return;
  State n = s;
  const std::uint8_t chunk = s.completion[s.collected % shape_.completions].chunk;
  n.collected = after(s.collected, shape_.completions);
  n.completion[s.collected % shape_.completions].chunk = 0;  // never read again
  if ((s.given & bit(chunk)) == 0 && !has(QueueBug::collects_unchecked)) {
    n.connection = State::Connection::broken;
    return steps.to(n, "publisher", "ends the connection for a false completion",
                    honest() ? "an honest reader is cut off" : nullptr);
  }
  const bool once = give_back(n, chunk, !has(QueueBug::collects_unchecked));
  steps.to(n, "publisher", "collects a completion", once ? nullptr : "a chunk is freed twice");
}

}  // namespace baton::model
