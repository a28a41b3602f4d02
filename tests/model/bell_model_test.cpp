#include "bell_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

constexpr const char* kLost = "from here on it can't come to its end any more";

BellModel with(BellBug bug, BellShape shape = {}) {
  shape.bug = bug;
  return BellModel(shape);
}

BellShape looking_at(bool ready_bits) {
  BellShape shape;
  shape.messages = size() == Size::small   ? std::array<std::uint8_t, 2>{1, 1}
                   : size() == Size::usual ? std::array<std::uint8_t, 2>{2, 1}
                                           : std::array<std::uint8_t, 2>{2, 2};
  shape.ready_bits = ready_bits;
  return shape;
}

BellShape one_ringer(bool ready_bits) {
  BellShape shape;
  shape.messages = {2, 0};
  shape.ready_bits = ready_bits;
  return shape;
}

BellShape repointed(Repoint repoint) {
  BellShape shape = one_ringer(false);
  shape.repoint = repoint;
  return shape;
}

BellShape without_keeper() {
  BellShape shape;
  shape.keeper = false;
  return shape;
}

TEST(BellModel, loses_no_wake_up_with_ready_bits_and_a_kill_or_a_stop_at_any_step) {
  expect_holds(BellModel(looking_at(true)));
}

TEST(BellModel, loses_no_wake_up_when_entries_are_polled) { expect_holds(BellModel(looking_at(false))); }

TEST(BellModel, loses_no_wake_up_when_the_sleeper_goes_to_another_bell) {
  expect_holds(BellModel(repointed(Repoint::by_the_sleeper)));
}

TEST(BellModel, loses_no_wake_up_when_another_thread_re_points_the_inbox) {
  expect_holds(BellModel(repointed(Repoint::by_another_thread)));
}

TEST(BellModel, takes_all_without_a_keeper_when_sleeps_are_cut_short) { expect_holds(BellModel(without_keeper())); }

TEST(BellModel, finds_an_entry_that_is_only_released) {
  expect_finds(with(BellBug::entry_released, one_ringer(true)), kLost);
  expect_finds(with(BellBug::entry_released, one_ringer(false)), kLost);
}
TEST(BellModel, finds_armed_that_is_only_released) { expect_finds(with(BellBug::armed_released), kLost); }
TEST(BellModel, finds_a_second_look_before_arming) { expect_finds(with(BellBug::looks_before_arming), kLost); }
TEST(BellModel, finds_a_sequence_that_is_read_after_the_second_look) {
  expect_finds(with(BellBug::sequence_read_late), kLost);
}
TEST(BellModel, finds_a_ringer_that_clears_armed_and_is_stopped) {
  expect_finds(with(BellBug::ringer_clears_armed), kLost);
}
TEST(BellModel, finds_a_ready_bit_that_is_cleared_after_draining) {
  expect_finds(with(BellBug::bit_cleared_late, one_ringer(true)), kLost);
}
TEST(BellModel, finds_numbers_that_two_bells_have_in_common) {
  expect_finds(with(BellBug::numbers_repeat, repointed(Repoint::by_the_sleeper)), kLost);
}
TEST(BellModel, finds_an_inbox_that_is_given_to_a_sleeper_which_is_not_rung) {
  expect_finds(with(BellBug::repoints_silently, repointed(Repoint::by_another_thread)), kLost);
}
TEST(BellModel, finds_a_death_after_which_only_ready_bits_are_looked_at) {
  expect_finds(with(BellBug::death_shows_bits_only), kLost);
  expect_finds(with(BellBug::death_shows_bits_only, without_keeper()), kLost);
}

}  // namespace
}  // namespace baton::model
