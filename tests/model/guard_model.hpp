#pragma once

/// The guard between a user's verb and the keeper: `busy` and `keeper_in`, x86 store buffers, and a membarrier, which
/// drains the keeper's buffer and then the user's.
///
/// Checked: never both inside. Each comes to its end although the other is stopped for ever outside; if the user is
/// stopped inside, the keeper withdraws. (A keeper that is stopped with `keeper_in` set holds the user up: both are
/// threads of one process, and a stop stops all of it.) A verb that sleeps is one that needs room, which only the
/// keeper can make: it clears the given-set of a reader that has died.

#include <array>
#include <cstdint>

#include "checker.hpp"
#include "store_buffer.hpp"

namespace baton::model {

enum class GuardBug : std::uint8_t {
  none,
  no_membarrier,
  enters_while_busy,      ///< the keeper's patience ends, and it enters
  silent_withdrawal,      ///< the keeper clears `keeper_in` and does not wake who waits for that
  enters_without_look,    ///< the verb that has waited enters without a second look at `keeper_in`
  sleeps_inside,          ///< a verb does not leave the guard before it sleeps
  keeps_its_view,         ///< a verb that slept does not look at the connections again
  unmaps_under_a_sleeper  ///< the keeper unmaps the dead reader's inbox, where the verb's bell is
};

struct GuardState {
  enum Word : std::uint8_t { busy, keeper_in, words };
  enum class User : std::uint8_t {
    outside,
    looks,
    backs_off,
    goes_to_wait,
    waits,
    works,
    works_on,
    sleeps_soon,
    asleep,
    awake,
    finished
  };
  enum class Keeper : std::uint8_t {
    outside,
    drains_own,
    drains_user,
    looks,
    withdraws,
    works,
    works_on,
    leaves,
    wakes,
    finished
  };

  Memory<words> memory{};
  StoreBuffer user_buffer{};
  StoreBuffer keeper_buffer{};
  User user = User::outside;
  Keeper keeper = Keeper::outside;
  std::uint8_t user_stopped = 0;
  std::uint8_t keeper_stopped = 0;
  std::uint8_t verbs_left = 2;
  std::uint8_t deeds_left = 2;  ///< of the keeper
  std::uint8_t version = 0;     ///< of the connections; odd while the keeper changes them
  std::uint8_t view = 0;        ///< the version that the verb has looked at
  std::uint8_t has_slept = 0;
  std::uint8_t rung = 0;  ///< the bell of the verb that needs room
  std::uint8_t room = 0;
  std::uint8_t mapped = 1;  ///< the inbox with that bell
};

class GuardModel {
 public:
  using State = GuardState;

  /// `sleeping_verbs`: verbs find no room until the keeper has worked.
  explicit GuardModel(bool sleeping_verbs, GuardBug bug = GuardBug::none)
      : sleeping_verbs_(sleeping_verbs), bug_(bug) {}

  State first() const {
    State s;
    s.room = sleeping_verbs_ ? 0 : 1;
    return s;
  }
  void next(const State& s, Steps<State>& steps) const;
  const char* wrong(const State& s) const;
  bool done(const State& s) const;

 private:
  using User = State::User;
  using Keeper = State::Keeper;

  void use(const State& s, Steps<State>& steps) const;
  void keep(const State& s, Steps<State>& steps) const;
  static bool inside(User user) { return user >= User::works && user <= User::sleeps_soon; }
  static bool inside(Keeper keeper) { return keeper == Keeper::works || keeper == Keeper::works_on; }
  bool has(GuardBug bug) const { return bug_ == bug; }

  bool sleeping_verbs_;
  GuardBug bug_;
};

}  // namespace baton::model
