#pragma once

/// Publish, then exit: the hard link by which a reader maps a publisher's segment, made by the publisher, owned by the
/// reader. One publisher, one segment, one reader; each may die at any step and is then reaped, by a reaper that
/// may die as well and is followed by another. A publisher's reaper removes the publisher's own names only.
///
/// Checked: a reference that the reader takes can be mapped. And a name is not left over: whatever has happened, the
/// steps that still come remove it, although nobody closes or dies any more. Except one that was made after its
/// reader's names had been removed, by a publisher that was killed before it could see that: it goes with the reader's
/// node, and if that has been reaped, too, with the domain.

#include <cstdint>

#include "checker.hpp"

namespace baton::model {

enum class NamesBug : std::uint8_t {
  none,
  no_second_look,     ///< the publisher does not look when it has linked whether the reader is still there
  leaving_last,       ///< a reader that closes removes the names before it says that it leaves
  keeps_names,        ///< a connected publisher that sees its reader gone leaves the name
  gives_up_silently,  ///< a publisher that closes without a slot leaves the name
  removed_undrained,  ///< the reader removes a dead publisher's names before it has taken everything
};

struct NamesState {
  enum class Publisher : std::uint8_t {
    matches,
    links,
    looks,
    unlinks,
    connects,
    claimed,
    given,
    closed,
    dead,
    reaped
  };
  enum class Reader : std::uint8_t { open, leaves, lists, unlinks, gone };
  enum class Slot : std::uint8_t { none, claimed, holds_reference };

  Publisher publisher = Publisher::matches;
  Reader reader = Reader::open;
  Slot slot = Slot::none;
  std::uint8_t leaving = 0;      ///< the word in the reader's inbox, before its port file goes
  std::uint8_t registered = 1;   ///< the reader's node; its reaper changes that last
  std::uint8_t name = 0;         ///< the link
  std::uint8_t reader_dead = 0;  ///< its steps are those of its reapers
  std::uint8_t listed = 0;       ///< the list of who removes the reader's files has the name
  std::uint8_t kills_left = 3;
};

class NamesModel {
 public:
  using State = NamesState;

  explicit NamesModel(NamesBug bug = NamesBug::none) : bug_(bug) {}

  State first() const { return {}; }
  const char* wrong(const State&) const { return nullptr; }
  bool done(const State& s) const;
  void next(const State& s, Steps<State>& steps) const;

 private:
  using Pub = State::Publisher;
  using Rd = State::Reader;
  using Slot = State::Slot;

  void publish(const State& s, Steps<State>& steps) const;
  void let_go(const State& s, Steps<State>& steps) const;
  void reap_publisher(const State& s, Steps<State>& steps) const;
  void read(const State& s, Steps<State>& steps) const;
  void remove_reader(const State& s, Steps<State>& steps) const;
  void kill(const State& s, Steps<State>& steps) const;
  bool has(NamesBug bug) const { return bug_ == bug; }
  static bool reader_is_there(const State& s) { return s.leaving == 0 && s.registered != 0; }

  NamesBug bug_;
};

}  // namespace baton::model
