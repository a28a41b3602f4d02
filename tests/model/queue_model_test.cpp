#include "queue_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

std::uint8_t byte(int value) { return static_cast<std::uint8_t>(value); }

QueueShape shape(bool lossless, int depth, int max_held, int laps) {
  QueueShape s;
  s.lossless = lossless;
  s.depth = byte(depth);
  s.max_held = byte(max_held);
  s.submissions = s.completions = byte(depth + max_held + 1);
  s.chunks = byte(depth + max_held + 2);
  s.laps = byte(laps);
  return s;
}

QueueShape lossless(int depth = 1, int max_held = 1) { return shape(true, depth, max_held, 4); }
QueueShape drop_oldest(int depth = 1, int max_held = 1, int laps = 4) { return shape(false, depth, max_held, laps); }

QueueShape ending_after(int messages, QueueShape s) {
  s.messages = byte(messages);
  return s;
}

QueueShape closing(QueueShape s) {
  s.reader_closes = true;
  return s;
}

QueueShape lied_to(int times, QueueShape s) {
  s.false_completions = byte(times);
  return s;
}

QueueModel with(QueueBug bug, QueueShape s) {
  s.bug = bug;
  return QueueModel(s);
}

int by_size(int small, int usual, int large) {
  return size() == Size::small ? small : size() == Size::usual ? usual : large;
}

TEST(QueueModel, holds_with_a_kill_at_any_step) { expect_holds(QueueModel(lossless())); }

TEST(QueueModel, holds_under_drop_oldest_with_a_kill_at_any_step) {
  if (size() == Size::small) return expect_holds(QueueModel(ending_after(5, drop_oldest())));
  expect_holds(QueueModel(drop_oldest(1, 1, by_size(0, 2, 4))));
}

TEST(QueueModel, holds_with_two_queued) {
  expect_holds(QueueModel(lossless(2, 1)));
  expect_holds(QueueModel(ending_after(by_size(5, 8, 12), drop_oldest(2, 1))));
}

TEST(QueueModel, holds_with_two_threads_that_release) {
  expect_holds(QueueModel(ending_after(by_size(4, 6, 12), lossless(1, 2))));
  expect_holds(QueueModel(ending_after(by_size(4, 6, 8), drop_oldest(1, 2))));
}

TEST(QueueModel, holds_with_a_reader_that_closes) {
  expect_holds(QueueModel(closing(lossless())));
  expect_holds(QueueModel(closing(ending_after(by_size(4, 6, 10), drop_oldest()))));
}

TEST(QueueModel, holds_with_a_reader_that_completes_what_it_was_not_given) {
  expect_holds(QueueModel(lied_to(1, ending_after(by_size(2, 4, 6), lossless()))));
  expect_holds(QueueModel(lied_to(by_size(1, 2, 2), ending_after(by_size(2, 3, 4), drop_oldest()))));
}

TEST(QueueModel, finds_an_entry_that_is_stored_before_the_payload) {
  expect_finds(with(QueueBug::entry_before_payload, lossless()), "a held chunk is rewritten", "takes");
  expect_finds(with(QueueBug::entry_before_payload, drop_oldest()), "a held chunk is rewritten", "takes");
}

TEST(QueueModel, finds_a_publisher_that_takes_back_what_the_reader_claimed) {
  expect_finds(with(QueueBug::drops_without_claim, drop_oldest()), "a held chunk is rewritten",
               "takes the oldest back");
}

TEST(QueueModel, finds_a_reader_that_takes_what_the_publisher_took_back) {
  expect_finds(with(QueueBug::takes_without_claim, drop_oldest()), "a held chunk is rewritten", "takes");
}

TEST(QueueModel, finds_a_false_completion_that_is_not_checked) {
  expect_finds(with(QueueBug::collects_unchecked, lied_to(1, lossless())), "a chunk is freed twice",
               "collects a completion");
}

TEST(QueueModel, finds_a_reference_that_is_taken_back_unchecked) {
  expect_finds(with(QueueBug::takes_back_unchecked, lied_to(1, drop_oldest())), "a chunk is freed twice",
               "takes the oldest back");
}

TEST(QueueModel, finds_that_empty_needs_a_second_look_at_the_head) {
  expect_finds(with(QueueBug::empty_without_second_look, drop_oldest(2)),
               "a queue that was never empty is called empty", "reports empty");
}

TEST(QueueModel, finds_that_drop_oldest_needs_a_bound_on_what_is_given) {
  expect_finds(with(QueueBug::given_unbounded, drop_oldest(1, 2)), "the pool runs dry", "asks for a loan");
}

TEST(QueueModel, finds_a_reader_that_sets_leaving_before_its_last_take) {
  expect_finds(with(QueueBug::leaving_before_last_take, closing(drop_oldest())), "a held chunk is rewritten");
  expect_finds(with(QueueBug::leaving_before_last_take, closing(lossless())), "a held chunk is rewritten");
}

TEST(QueueModel, finds_a_lossless_reader_that_leaves_and_did_not_say_how_far_it_has_come) {
  expect_finds(with(QueueBug::takes_without_head, closing(lossless())), "a held chunk is rewritten",
               "takes back what is queued");
}

TEST(QueueModel, finds_a_completion_queue_that_is_too_short) {
  QueueShape s = drop_oldest();
  s.completions = 2;
  expect_finds(QueueModel(s), "a completion is overwritten before it is collected");
}

TEST(QueueModel, finds_a_submission_queue_that_is_too_short) {
  QueueShape s = lossless();
  s.submissions = 1;
  expect_finds(QueueModel(s), "a given chunk is not in exactly one place", "gives");
}

TEST(QueueModel, finds_a_pool_that_is_too_small) {
  QueueShape s = drop_oldest();
  s.chunks = 2;  // Q + B, and none for the loan
  expect_finds(QueueModel(s), "the pool runs dry", "asks for a loan");
}

}  // namespace
}  // namespace baton::model
