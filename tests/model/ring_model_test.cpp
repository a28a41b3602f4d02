#include "ring_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

constexpr const char* kOverwritten = "a held record is overwritten";

RingModel with(RingBug bug) { return RingModel({.bug = bug}); }

std::uint8_t messages(int small, int usual, int large) {
  return static_cast<std::uint8_t>(size() == Size::small ? small : size() == Size::usual ? usual : large);
}

TEST(RingModel, holds_with_a_kill_at_any_step) {
  expect_holds(RingModel({.cells = 2, .messages = messages(3, 6, 7)}));
  expect_holds(RingModel({.messages = messages(3, 6, 8)}));
}

TEST(RingModel, holds_with_two_loans_that_are_published_in_any_order) {
  expect_holds(RingModel({.loans = 2, .messages = messages(3, 5, 6)}));
}

TEST(RingModel, holds_with_an_index_that_is_overwritten_sooner_than_the_records) {
  expect_holds(RingModel({.entries = 2, .messages = messages(3, 6, 8)}));
}

TEST(RingModel, finds_a_publisher_that_looks_at_the_pins_before_its_floor_is_seen) {
  expect_finds(with(RingBug::no_writer_fence), kOverwritten);
  expect_finds(with(RingBug::pins_before_floor), kOverwritten, "lends a cell");
}

TEST(RingModel, finds_a_reader_that_looks_at_the_floor_before_its_pin_is_seen) {
  expect_finds(with(RingBug::no_reader_fence), kOverwritten);
  expect_finds(with(RingBug::no_second_look), kOverwritten);
}

TEST(RingModel, finds_a_pin_that_is_cleared_before_the_last_read) {
  expect_finds(with(RingBug::unpins_before_last_read), kOverwritten, "lends a cell");
}

TEST(RingModel, finds_an_island_that_is_freed_when_a_dead_reader_s_neighbour_holds_it) {
  expect_finds(with(RingBug::frees_for_a_neighbour), kOverwritten, "lends a cell");
}

TEST(RingModel, finds_a_reader_that_is_taken_for_dead_though_it_is_only_stopped) {
  expect_finds(with(RingBug::forgets_on_kill), kOverwritten, "lends a cell");
}

TEST(RingModel, holds_with_readers_that_keep_the_floor_and_pin_with_no_fence) {
  expect_holds(RingModel({.messages = messages(3, 4, 5), .keeps_floor = true}));
  expect_holds(RingModel({.cells = 2, .messages = messages(3, 4, 5), .keeps_floor = true}));
  expect_holds(RingModel({.entries = 2, .messages = messages(3, 4, 5), .keeps_floor = true}));
}

TEST(RingModel, finds_a_floor_that_passes_the_cursor_of_a_reader_that_keeps_it) {
  expect_finds(RingModel({.keeps_floor = true, .bug = RingBug::floor_beyond_cursor}), kOverwritten);
}

TEST(RingModel, finds_a_hung_reader_that_is_passed_without_a_barrier_or_a_word) {
  expect_finds(RingModel({.keeps_floor = true, .bug = RingBug::no_barrier_for_hung}), kOverwritten);
  expect_finds(RingModel({.keeps_floor = true, .bug = RingBug::hung_is_not_told}), kOverwritten);
}

TEST(RingModel, finds_a_note_that_is_read_too_late) {
  constexpr const char* kOther = "a held record has another one's note";
  expect_finds(RingModel({.entries = 2, .bug = RingBug::note_after_floor}), kOther);
  expect_finds(RingModel({.entries = 2, .keeps_floor = true, .bug = RingBug::note_after_word}), kOther);
}

TEST(RingModel, finds_an_index_that_is_overwritten_before_the_floor_has_passed) {
  expect_finds(RingModel({.entries = 2, .bug = RingBug::index_wraps_unasked}), "a held record has another one's note");
}

TEST(RingModel, finds_an_entry_that_is_stored_before_the_payload) {
  expect_finds(with(RingBug::entry_before_payload), kOverwritten);
}

}  // namespace
}  // namespace baton::model
