#include "slot_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

SlotModel with(SlotBug bug, SlotShape shape = {}) {
  shape.bug = bug;
  return SlotModel(shape);
}

/// Both publishers have a slot each, and stay.
SlotShape staying() {
  SlotShape shape;
  shape.slots = 2;
  shape.lives = 1;
  shape.closes = false;
  return shape;
}

/// Two slots, of which each publisher claims any.
SlotShape choosing() {
  SlotShape shape;
  shape.slots = 2;
  shape.messages = size() == Size::large ? 2 : 1;
  shape.lives = size() == Size::small ? 1 : 2;
  return shape;
}

TEST(SlotModel, holds_with_a_kill_at_any_step) { expect_holds(SlotModel({})); }
TEST(SlotModel, holds_with_two_slots) { expect_holds(SlotModel(choosing())); }
TEST(SlotModel, has_every_message_taken_while_its_publisher_stays) { expect_holds(SlotModel(staying())); }

TEST(SlotModel, finds_a_slot_that_is_freed_while_a_sample_is_held) {
  expect_finds(with(SlotBug::freed_while_held), "a publisher collects a ghost");
}
TEST(SlotModel, finds_a_slot_that_is_freed_before_the_late_completion_is_stored) {
  expect_finds(with(SlotBug::freed_while_completing), "a publisher collects a ghost");
}
TEST(SlotModel, finds_a_slot_that_is_not_zeroed) {
  expect_finds(with(SlotBug::not_zeroed), "the subscriber takes a ghost");
}
TEST(SlotModel, finds_a_queue_that_is_drained_before_the_claimer_has_gone) {
  expect_finds(with(SlotBug::drained_too_early), "a message that was published is lost");
}
TEST(SlotModel, finds_an_epoch_that_changes_before_the_slot_is_ready) {
  expect_finds(with(SlotBug::epoch_before_ready, staying()), "from here on it can't come to its end any more");
}
TEST(SlotModel, finds_a_dead_claimers_slot_that_is_not_freed_because_it_never_got_ready) {
  expect_finds(with(SlotBug::waits_for_ready), "from here on it can't come to its end any more");
}

}  // namespace
}  // namespace baton::model
