#include "guard_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

constexpr const char* kStuck = "from here on it can't come to its end any more";

TEST(GuardModel, admits_one_at_a_time_and_neither_waits_for_one_that_is_stopped_outside) {
  expect_holds(GuardModel(false));
}

TEST(GuardModel, lets_the_keeper_in_while_a_verb_sleeps) { expect_holds(GuardModel(true)); }

TEST(GuardModel, finds_that_a_membarrier_is_needed) {
  expect_finds(GuardModel(false, GuardBug::no_membarrier), "both are inside");
}

TEST(GuardModel, finds_a_keeper_that_enters_while_the_user_is_busy) {
  expect_finds(GuardModel(false, GuardBug::enters_while_busy), "both are inside");
}

TEST(GuardModel, finds_a_keeper_that_withdraws_without_waking) {
  expect_finds(GuardModel(false, GuardBug::silent_withdrawal), kStuck);
}

TEST(GuardModel, finds_a_verb_that_enters_without_a_second_look) {
  expect_finds(GuardModel(false, GuardBug::enters_without_look), "both are inside");
}

TEST(GuardModel, finds_a_verb_that_sleeps_inside) { expect_finds(GuardModel(true, GuardBug::sleeps_inside), kStuck); }

TEST(GuardModel, finds_a_verb_that_goes_on_with_what_it_saw_before_it_slept) {
  expect_finds(GuardModel(true, GuardBug::keeps_its_view), "a verb works with connections that the keeper has changed");
}

TEST(GuardModel, finds_an_inbox_that_is_unmapped_while_a_verb_sleeps_there) {
  expect_finds(GuardModel(true, GuardBug::unmaps_under_a_sleeper),
               "a verb wakes up on a bell that is not mapped any more", "is rung");
}

}  // namespace
}  // namespace baton::model
