#include "names_model.hpp"

namespace baton::model {

void NamesModel::next(const State& s, Steps<State>& steps) const {
  publish(s, steps);
  reap_publisher(s, steps);
  if (s.reader == Rd::open && s.reader_dead == 0) read(s, steps);
  remove_reader(s, steps);
  if (s.kills_left > 0) kill(s, steps);
}

bool NamesModel::done(const State& s) const {
  if (s.publisher < Pub::given) return false;
  const bool over = s.publisher == Pub::closed || s.publisher == Pub::reaped;
  return s.name == 0 || (over && s.registered == 0) || (s.publisher == Pub::reaped && s.leaving != 0);
}

void NamesModel::publish(const State& s, Steps<State>& steps) const {
  State n = s;
  const char* me = "publisher";
  switch (s.publisher) {
    case Pub::matches:
      n.publisher = reader_is_there(s) ? Pub::links : Pub::closed;
      return steps.to(n, me, reader_is_there(s) ? "finds the reader" : "finds no reader");
    case Pub::links:
      n.name = 1;
      n.publisher = has(NamesBug::no_second_look) ? Pub::connects : Pub::looks;
      return steps.to(n, me, "links its segment for the reader");
    case Pub::looks:
      n.publisher = reader_is_there(s) ? Pub::connects : Pub::unlinks;
      return steps.to(n, me, reader_is_there(s) ? "sees the reader still there" : "sees the reader leave, or gone");
    case Pub::unlinks:
      n.name = 0;
      n.publisher = Pub::closed;
      return steps.to(n, me, "removes the name");
    case Pub::connects:  // into an orphaned inbox as well: nobody notices at once that the reader is gone
      n.publisher = has(NamesBug::gives_up_silently) ? Pub::closed : Pub::unlinks;
      steps.fate(n, me, "closes before it gets a slot");
      n = s;
      n.slot = Slot::claimed;
      n.publisher = Pub::claimed;
      return steps.to(n, me, "claims a slot");
    case Pub::claimed:
      let_go(s, steps);
      n.publisher = Pub::closed;
      steps.fate(n, me, "closes");
      n = s;
      n.slot = Slot::holds_reference;
      n.publisher = Pub::given;
      return steps.to(n, me, "gives a reference");
    case Pub::given:
      let_go(s, steps);
      n.publisher = Pub::closed;
      return steps.fate(n, me, "closes");
    default: return;
  }
}

/// A connected publisher, whose names are its reader's: when that one leaves it may not have seen all of them.
void NamesModel::let_go(const State& s, Steps<State>& steps) const {
  if (reader_is_there(s) || has(NamesBug::keeps_names)) return;
  State n = s;
  n.name = 0;
  n.publisher = Pub::closed;
  steps.to(n, "publisher", "sees the reader leave, or gone, and removes its name");
}

/// What the dead publisher made for readers is theirs.
void NamesModel::reap_publisher(const State& s, Steps<State>& steps) const {
  if (s.publisher != Pub::dead) return;
  State n = s;
  n.publisher = Pub::reaped;
  steps.to(n, "publisher's reaper", "leaves the names to their readers");
}

/// While it is open.
void NamesModel::read(const State& s, Steps<State>& steps) const {
  State n = s;
  const bool over = s.publisher == Pub::closed || s.publisher == Pub::reaped;
  if (s.slot == Slot::holds_reference && !(over && has(NamesBug::removed_undrained) && s.name != 0)) {
    n.slot = Slot::claimed;
    n.name = 0;
    return steps.to(n, "reader", "takes, maps the segment by its name, removes the name",
                    s.name != 0 ? nullptr : "a reference that was taken can't be mapped");
  }
  if (s.publisher == Pub::reaped || (over && s.slot != Slot::none)) {
    if (s.slot == Slot::none && s.name == 0) return;
    if (s.slot != Slot::holds_reference) n.slot = Slot::none;
    n.name = 0;
    steps.to(n, "reader", "frees the slot of a publisher that has gone, and removes its names");
  }
}

/// The reader that closes, or its reaper. One that closes says so first: a name that is made later finds that.
void NamesModel::remove_reader(const State& s, Steps<State>& steps) const {
  State n = s;
  const bool leaving_last = has(NamesBug::leaving_last);
  const bool reaped = s.reader_dead != 0;
  const char* me = reaped ? "reader's reaper" : "reader";
  switch (s.reader) {
    case Rd::open:
      n.reader = leaving_last || reaped ? Rd::lists : Rd::leaves;
      if (reaped) return steps.to(n, me, "begins");
      return steps.fate(n, me, "closes");
    case Rd::leaves:
      n.leaving = 1;
      n.reader = leaving_last ? Rd::gone : Rd::lists;
      return steps.to(n, me, "says that it leaves");
    case Rd::lists:
      n.listed = s.name;
      n.reader = Rd::unlinks;
      return steps.to(n, me, "lists its names");
    case Rd::unlinks:
      if (s.listed != 0) n.name = 0;
      n.listed = 0;
      n.reader = leaving_last && !reaped ? Rd::leaves : Rd::gone;
      if (reaped) n.registered = 0;
      return steps.to(n, me, "removes what it has listed");
    case Rd::gone: return;
  }
}

void NamesModel::kill(const State& s, Steps<State>& steps) const {
  State n = s;
  --n.kills_left;
  const bool reaped = s.publisher == Pub::dead || s.publisher == Pub::reaped;
  if (!reaped) {
    n.publisher = Pub::dead;
    steps.fate(n, "publisher", "is killed");
  }
  n = s;
  --n.kills_left;
  if (s.registered !=
      0) {  // also a reader's node that goes on when the port has closed; its reaper begins from the front
    n.reader = Rd::open;
    n.listed = 0;
    n.reader_dead = 1;
    steps.fate(n, s.reader_dead != 0 ? "reader's reaper" : "reader", "is killed");
  }
}

}  // namespace baton::model
